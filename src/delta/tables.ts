import type { TableName } from '../kernel/chains.ts'
import type { Family } from '../net/family.ts'
import type { Change, ChangeOf } from '../plan/changes/types.ts'
import type { Chain, Jump, Plan, Rule } from '../plan/types.ts'
import type { Halves, Operation } from './operations.ts'

/** Chains first hold the rules of both plans, and lose what only the first one has when servers have changed. */
export function tableOperations(changes: readonly Change[], from: Plan, to: Plan): Halves {
  const make: Operation[] = []
  const lose: Operation[] = []
  for (const family of to.families)
    for (const table of ['nat', 'filter'] as const) {
      const here = changes.filter((change): change is InTable => isInTable(change, family, table))
      if (here.length === 0) continue
      const [was, is] = [tableOf(from, family, table), tableOf(to, family, table)]
      const { grown, trimmed } = transitions(here, was, is)
      const jumps = jumpsOf(here)
      const removed = here.flatMap((change) =>
        change.kind === 'chain' && change.after === null && change.before !== null
          ? [change.before.name]
          : [],
      )
      if (grown.length + jumps.after.length > 0)
        make.push({ kind: 'writeTable', family, table, chains: grown, jumps: jumps.after })
      if (trimmed.length + removed.length + jumps.before.length > 0)
        lose.push({ kind: 'trimTable', family, table, chains: trimmed, removed, jumps: jumps.before })
    }
  return { make, break: lose }
}

type InTable = ChangeOf<'chain' | 'rule' | 'jump'>

const isInTable = (change: Change, family: Family, table: TableName): boolean =>
  (change.kind === 'chain' || change.kind === 'rule' || change.kind === 'jump') &&
  change.family === family &&
  change.table === table

const tableOf = ({ tables }: Plan, family: Family, name: TableName): readonly Chain[] =>
  tables.find((table) => table.family === family && table.name === name)?.chains ?? []

/** Chains on their way: with the rules of both plans first, where they gain any, and then with their own, where they lose any. */
function transitions(
  changes: readonly InTable[],
  was: readonly Chain[],
  is: readonly Chain[],
): { readonly grown: readonly Chain[]; readonly trimmed: readonly Chain[] } {
  const grown: Chain[] = []
  const trimmed: Chain[] = []
  for (const chain of is) {
    const old = was.find(({ name }) => name === chain.name)
    if (old === undefined) {
      grown.push(chain)
      continue
    }
    const rules = changes.filter(
      (change): change is ChangeOf<'rule'> => change.kind === 'rule' && change.chain === chain.name,
    )
    if (rules.some(({ after }) => after !== null)) grown.push({ ...chain, rules: merged(old, chain, rules) })
    if (rules.some(({ before }) => before !== null)) trimmed.push(chain)
  }
  return { grown, trimmed }
}

/** The rules of both chains, each in its order; what stands in both stands once. */
function merged(old: Chain, wanted: Chain, changes: readonly ChangeOf<'rule'>[]): Rule[] {
  const leaving = new Set(changes.flatMap(({ before }) => before?.position ?? []))
  const coming = new Set(changes.flatMap(({ after }) => after?.position ?? []))
  const rules: Rule[] = []
  let [i, j] = [0, 0]
  while (i < old.rules.length || j < wanted.rules.length) {
    if (leaving.has(i + 1)) rules.push(old.rules[i++] as Rule)
    else if (coming.has(j + 1)) rules.push(wanted.rules[j++] as Rule)
    else {
      rules.push(wanted.rules[j++] as Rule)
      i++
    }
  }
  return rules
}

function jumpsOf(changes: readonly InTable[]): Record<'before' | 'after', readonly Jump[]> {
  const jumps = changes.filter((change) => change.kind === 'jump')
  return {
    before: jumps.flatMap(({ before }) => before ?? []),
    after: jumps.flatMap(({ after }) => after ?? []),
  }
}
