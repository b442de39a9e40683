import type { TableName } from '../kernel/chains.ts'
import { kernelSetName, SET_DEFINITIONS } from '../kernel/sets.ts'
import type { Family } from '../net/family.ts'
import type { Chain, Jump, Rule, Table } from '../plan/types.ts'
import { parseRule } from './ruleParser.ts'
import { formatJump, formatRule } from './rules.ts'
import { eachLine, LineError, PayloadSyntaxError } from './syntax.ts'

export interface TableRow {
  readonly name: TableName
  readonly chains: readonly { readonly name: string }[]
  /** `OUTPUT -m comment --comment "…" -j KUBE-SERVICES`, the last to be inserted at the head comes last. */
  readonly jumps: readonly RuleRow[]
  /** `KUBE-SERVICES -s 127.0.0.0/8 -j RETURN` */
  readonly rules: readonly RuleRow[]
}

export interface RuleRow {
  readonly rule: string
}

export const iptablesRows = (tables: readonly Table[]): { readonly tables: readonly TableRow[] } => ({
  tables: tables.map(tableRow),
})

const tableRow = ({ name, chains, jumps }: Table): TableRow => ({
  name,
  chains,
  jumps: [...jumps].reverse().map((jump) => ({ rule: formatJump(jump) })),
  rules: chains.flatMap((chain) =>
    chain.rules.map((rule) => ({ rule: `${chain.name} ${formatRule(rule)}` })),
  ),
})

/** A rule in words that no plan uses, kept as it stands. */
export interface ForeignRule {
  readonly kind: 'foreign'
  readonly text: string
}

export type ParsedRule = Rule | ForeignRule

export interface ParsedTable {
  readonly name: string
  readonly chains: readonly ParsedChain[]
}

export interface ParsedChain {
  readonly name: string
  /** `ACCEPT` or `DROP` for a built-in chain, `null` for another. */
  readonly policy: string | null
  readonly rules: readonly ParsedRule[]
}

export const isForeign = (rule: ParsedRule): rule is ForeignRule => 'kind' in rule

interface DraftChain extends ParsedChain {
  readonly rules: ParsedRule[]
}

/**
 * Reads iptables-restore input, which is also what iptables-save prints: every table, ours or not. Counters
 * and comments are passed over; inserted rules stand where they end up.
 */
export function parseIptablesRestore(text: string, family: Family): ParsedTable[] {
  const tables = new Map<string, Map<string, DraftChain>>()
  let chains: Map<string, DraftChain> | null = null

  eachLine(text, (line) => {
    if (line.startsWith('#')) {
      if (/^# Table `(nat|filter)' is incompatible/.test(line))
        throw new LineError('the table holds rules that iptables cannot show; "nft list ruleset" shows them')
      return
    }
    if (line.startsWith('*')) {
      if (chains !== null) throw new LineError('the table before is not committed')
      chains = tables.get(line.slice(1)) ?? new Map()
      tables.set(line.slice(1), chains)
    } else if (chains === null) throw new LineError('no table is open')
    else if (line === 'COMMIT') chains = null
    else if (line.startsWith(':')) {
      const [name = '', policy] = line.slice(1).split(' ')
      chains.set(name, { name, policy: policy === '-' || policy === undefined ? null : policy, rules: [] })
    } else addRule(chains, line.replace(/^\[\d+:\d+\] /, ''), family)
  })
  if (chains !== null)
    throw new PayloadSyntaxError(text.split('\n').length, '', 'the last table is not committed')
  return [...tables].map(([name, drafts]) => ({ name, chains: [...drafts.values()] }))
}

export const BUILT_IN_CHAINS: readonly string[] = [
  'PREROUTING',
  'INPUT',
  'FORWARD',
  'OUTPUT',
  'POSTROUTING',
] satisfies Jump['from'][]

function addRule(chains: Map<string, DraftChain>, line: string, family: Family): void {
  const [, command, name = '', position, rest = ''] =
    /^(-A|-I) (\S+)(?: (\d+)(?= ))?(?: (.*))?$/.exec(line) ?? []
  if (command === undefined) throw new LineError('not a command that a saved state holds')
  const chain = chains.get(name) ?? (BUILT_IN_CHAINS.includes(name) ? declare(chains, name) : undefined)
  if (chain === undefined) throw new LineError(`chain ${name} is not declared`)
  const rule = readRule(rest, family)
  if (command === '-A') chain.rules.push(rule)
  else chain.rules.splice(Number(position ?? 1) - 1, 0, rule)
}

function declare(chains: Map<string, DraftChain>, name: string): DraftChain {
  const chain: DraftChain = { name, policy: null, rules: [] }
  chains.set(name, chain)
  return chain
}

function readRule(text: string, family: Family): ParsedRule {
  try {
    return parseRule(text, family)
  } catch (error) {
    if (error instanceof LineError) return { kind: 'foreign', text }
    throw error
  }
}

/** What of a node's tables ipvsc owns, and what stands in its chains that no plan could have put there. */
export interface OwnedTables {
  readonly tables: readonly Table[]
  readonly foreign: readonly ForeignInTable[]
}

/** A rule in a chain of ours in other words than a plan's, or one that leads to it but not from every packet. */
export interface ForeignInTable {
  readonly kind: 'rule' | 'jump'
  readonly family: Family
  readonly table: TableName
  readonly chain: string
  /** Counted from 1 within the chain. */
  readonly position: number
  readonly text: string
}

/** Picks the chains of the given names, and the jumps to them at wherever they stand in the built-in chains. */
export function ownedTables(
  parsed: readonly ParsedTable[],
  family: Family,
  owned: Readonly<Record<TableName, readonly string[]>>,
): OwnedTables {
  const foreign: ForeignInTable[] = []
  const tables = (['nat', 'filter'] as const).map((name): Table => {
    const chains = parsed.find((table) => table.name === name)?.chains ?? []
    const find = (chain: string): ParsedChain | undefined =>
      chains.find((candidate) => candidate.name === chain)
    const report = (kind: ForeignInTable['kind'], chain: string, index: number, rule: ParsedRule): void => {
      const text = isForeign(rule) ? rule.text : formatRule(rule)
      foreign.push({ kind, family, table: name, chain, position: index + 1, text })
    }
    const mine = owned[name].flatMap((wanted): Chain[] => {
      const rules: Rule[] = []
      for (const [index, rule] of find(wanted)?.rules.entries() ?? [])
        if (isForeign(rule) || leadsAway(rule, family, owned[name])) report('rule', wanted, index, rule)
        else rules.push(rule)
      return find(wanted) === undefined ? [] : [{ name: wanted, rules }]
    })
    const jumps: Jump[] = []
    for (const from of BUILT_IN_CHAINS)
      for (const [index, rule] of find(from)?.rules.entries() ?? []) {
        const jump = asJump(from, rule, owned[name])
        if (jump !== null) jumps.push(jump)
        else if (owned[name].includes(targetChain(rule))) report('jump', from, index, rule)
      }
    return { family, name, chains: mine, jumps }
  })
  return { tables, foreign }
}

/** Whether a rule leads to a chain, or asks a set, that is not ours: a target such as LOG reads as a chain, too. */
function leadsAway({ matches, target }: Rule, family: Family, chains: readonly string[]): boolean {
  if (target.kind === 'jump' && !chains.includes(target.chain)) return true
  return matches.some(
    (match) =>
      match.kind === 'set' && !SET_DEFINITIONS.some(({ name }) => kernelSetName(name, family) === match.set),
  )
}

export function asJump(from: string, rule: ParsedRule, owned: readonly string[]): Jump | null {
  if (isForeign(rule) || rule.target.kind !== 'jump' || rule.matches.length > 0) return null
  const { chain } = rule.target
  return owned.includes(chain) ? { from: from as Jump['from'], to: chain, comment: rule.comment ?? '' } : null
}

/** The chain that a rule leads to, by a jump or a goto, or nothing. */
function targetChain(rule: ParsedRule): string {
  if (isForeign(rule)) return / (?:-j|-g|--jump|--goto) (\S+)$/.exec(` ${rule.text}`)?.[1] ?? ''
  return rule.target.kind === 'jump' ? rule.target.chain : ''
}
