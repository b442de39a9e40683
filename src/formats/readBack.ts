import { isDeepStrictEqual } from 'node:util'
import { CHAIN_NAMES, type TableName } from '../kernel/chains.ts'
import type { Family } from '../net/family.ts'
import type { Chain, Jump, Rule, Table } from '../plan/types.ts'
import { asJump, BUILT_IN_CHAINS } from './iptables.ts'
import { splitWords } from './quote.ts'
import { parseRule } from './ruleParser.ts'
import { formatJump, formatRule } from './rules.ts'
import { eachLine, LineError, PayloadSyntaxError } from './syntax.ts'

/**
 * Reads a payload of a plan back, strictly: the tables nat and filter, chains that it declares empty, rules appended to them, and
 * jumps inserted at the head of built-in chains, word for word as they are written here. Comments are passed over; anything
 * else is a PayloadSyntaxError.
 */
export function readTablesBack(text: string, family: Family): Table[] {
  const tables: DraftTable[] = []
  let open: DraftTable | null = null
  eachLine(text, (line) => {
    if (line.startsWith('#')) return
    if (line.startsWith('*')) {
      if (open !== null) throw new LineError('the table before is not committed')
      open = { family, name: expectTable(line.slice(1), tables), chains: [], jumps: [] }
      tables.push(open)
    } else if (open === null) throw new LineError('no table is open')
    else if (line === 'COMMIT') open = null
    else if (line.startsWith(':')) open.chains.push({ name: expectChain(line, open), rules: [] })
    else readBack(open, line)
  })
  if (open !== null)
    throw new PayloadSyntaxError(text.split('\n').length, '', 'the last table is not committed')
  return tables.map((table) => ({ ...table, jumps: inOrder(table.jumps) }))
}

interface DraftTable extends Table {
  readonly chains: (Chain & { readonly rules: Rule[] })[]
  readonly jumps: Jump[]
}

function expectTable(text: string, tables: readonly Table[]): TableName {
  if (text !== 'nat' && text !== 'filter') throw new LineError('a plan has the tables nat and filter')
  if (tables.some(({ name }) => name === text)) throw new LineError('the table comes twice')
  return text
}

/** `:KUBE-SERVICES - [0:0]`: a policy would make it a built-in chain. */
function expectChain(line: string, { name, chains }: Table): string {
  const [, chain = ''] = /^:(\S+) - \[0:0\]$/.exec(line) ?? []
  if (!CHAIN_NAMES[name].includes(chain)) throw new LineError('not a chain of a plan')
  if (chains.some((known) => known.name === chain)) throw new LineError('the chain comes twice')
  return chain
}

function readBack(table: DraftTable, line: string): void {
  const [, command, name = '', text = ''] = /^(-[AI]) (\S+) (.*)$/.exec(line) ?? []
  const rule = parseRule(text, table.family)
  if (command === '-A') {
    const chain = table.chains.find((candidate) => candidate.name === name)
    if (chain === undefined) throw new LineError('the rule is in no chain of the plan')
    expectWords(text, formatRule(rule))
    chain.rules.push(rule)
  } else {
    const jump = asJump(name, rule, CHAIN_NAMES[table.name])
    if (command !== '-I' || jump === null || !BUILT_IN_CHAINS.includes(name))
      throw new LineError('neither a rule nor a jump of a plan')
    expectWords(`${name} ${text}`, formatJump(jump))
    table.jumps.unshift(jump)
  }
}

/** What a parser of listings passes over, a payload must not hold. */
function expectWords(text: string, wanted: string): void {
  if (!isDeepStrictEqual(splitWords(text), splitWords(wanted)))
    throw new LineError(`not written as ${JSON.stringify(wanted)}`)
}

const inOrder = (jumps: readonly Jump[]): Jump[] =>
  BUILT_IN_CHAINS.flatMap((from) => jumps.filter((jump) => jump.from === from))
