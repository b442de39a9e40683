import type { Chain, Plan, Rule, Table } from '../plan/types.ts'
import type { Halves, Operation } from './operations.ts'

export function tableOperations(from: Plan, to: Plan): Halves {
  const make: Operation[] = []
  const lose: Operation[] = []
  for (const family of to.families)
    for (const name of ['nat', 'filter'] as const) {
      const [was, is] = [tableOf(from, family, name), tableOf(to, family, name)]
      const transitions = is.chains.map((chain) => transition(chain, was.chains))
      const chains = transitions.flatMap(({ grown }) => grown ?? [])
      const trimmed = transitions.flatMap(({ trimmed }) => trimmed ?? [])
      const wanted = new Set(is.chains.map((chain) => chain.name))
      const removed = was.chains.map((chain) => chain.name).filter((chain) => !wanted.has(chain))
      const jumps = surplus(is.jumps, was.jumps)
      const oldJumps = surplus(was.jumps, is.jumps)
      if (chains.length + jumps.length > 0)
        make.push({ kind: 'writeTable', family, table: name, chains, jumps })
      if (trimmed.length + removed.length + oldJumps.length > 0)
        lose.push({ kind: 'trimTable', family, table: name, chains: trimmed, removed, jumps: oldJumps })
    }
  return { make, break: lose }
}

/** A chain on its way: with the rules of both plans first, where it gains any, and then with its own. */
function transition(
  chain: Chain,
  before: readonly Chain[],
): { readonly grown: Chain | null; readonly trimmed: Chain | null } {
  const old = before.find(({ name }) => name === chain.name)
  if (old === undefined) return { grown: chain, trimmed: null }
  const rules = merged(old.rules, chain.rules)
  return {
    grown: rules.length === old.rules.length ? null : { ...chain, rules },
    trimmed: rules.length === chain.rules.length ? null : chain,
  }
}

/** The rules of both lists, each in its order; what stands in both stands once. */
function merged(old: readonly Rule[], wanted: readonly Rule[]): Rule[] {
  const [was, is] = [old, wanted].map((rules) => rules.map((rule) => JSON.stringify(rule))) as [
    string[],
    string[],
  ]
  const rules: Rule[] = []
  let [i, j] = [0, 0]
  while (i < old.length || j < wanted.length) {
    const [left, right] = [old[i], wanted[j]]
    if (
      left === undefined ||
      (right !== undefined && was[i] !== is[j] && is.includes(was[i] as string, j + 1))
    ) {
      rules.push(right as Rule)
      j++
    } else {
      rules.push(left)
      if (was[i] === is[j]) j++
      i++
    }
  }
  return rules
}

const tableOf = ({ tables }: Plan, family: string, name: string): Pick<Table, 'chains' | 'jumps'> =>
  tables.find((table) => table.family === family && table.name === name) ?? { chains: [], jumps: [] }

/** What stands in the first list more often than in the second. */
function surplus<T>(list: readonly T[], other: readonly T[]): T[] {
  const left = other.map((item) => JSON.stringify(item))
  return list.filter((item) => {
    const index = left.indexOf(JSON.stringify(item))
    if (index < 0) return true
    left.splice(index, 1)
    return false
  })
}
