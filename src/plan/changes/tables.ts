import type { TableName } from '../../kernel/chains.ts'
import { FAMILIES, type Family } from '../../net/family.ts'
import type { Chain, Plan, Rule, Table } from '../types.ts'
import { compareSequences } from './lists.ts'
import type { Change } from './types.ts'

/** Table by table, IPv4 before IPv6 and nat before filter: chains and their rules, then jumps. */
export function tableChanges(before: Plan, after: Plan): Change[] {
  if (before.tables === after.tables) return []
  return FAMILIES.flatMap((family) =>
    (['nat', 'filter'] as const).flatMap((name) => {
      const [was, is] = [tableOf(before, family, name), tableOf(after, family, name)]
      const at = { family, table: name }
      const gone = was.chains.filter((chain) => !is.chains.some(({ name }) => name === chain.name))
      return [
        ...is.chains.flatMap((chain) =>
          chainChanges(at, was.chains.find(({ name }) => name === chain.name) ?? null, chain),
        ),
        ...gone.map((chain): Change => ({ kind: 'chain', ...at, before: chain, after: null })),
        ...jumpChanges(at, was, is),
      ]
    }),
  )
}

interface Place {
  readonly family: Family
  readonly table: TableName
}

type Contents = Pick<Table, 'chains' | 'jumps'>

const tableOf = ({ tables }: Plan, family: Family, name: TableName): Contents =>
  tables.find((table) => table.family === family && table.name === name) ?? { chains: [], jumps: [] }

function chainChanges(at: Place, before: Chain | null, after: Chain): Change[] {
  if (before === null) return [{ kind: 'chain', ...at, before, after }]
  const { removed, added } = compareSequences(before.rules.map(ruleKey), after.rules.map(ruleKey))
  const placed = (chain: Chain, index: number) => ({
    position: index + 1,
    rule: chain.rules[index] as Rule,
  })
  const of = { kind: 'rule', ...at, chain: after.name } as const
  return [
    ...removed.map((index): Change => ({ ...of, before: placed(before, index), after: null })),
    ...added.map((index): Change => ({ ...of, before: null, after: placed(after, index) })),
  ]
}

/** What a rule says, whatever the order in which its fields were written. */
const ruleKey = ({ comment, matches, target }: Rule): string =>
  JSON.stringify([comment, matches.map(orderedFields), orderedFields(target)])

const orderedFields = (part: object): [string, unknown][] =>
  Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))

/** Jumps stand at the heads of the built-in chains: those of each keep their order. */
function jumpChanges(at: Place, before: Contents, after: Contents): Change[] {
  const key = ({ from, to, comment }: Table['jumps'][number]): string => JSON.stringify([from, to, comment])
  const { removed, added } = compareSequences(before.jumps.map(key), after.jumps.map(key))
  return [
    ...removed.map(
      (index): Change => ({ kind: 'jump', ...at, before: before.jumps[index] ?? null, after: null }),
    ),
    ...added.map(
      (index): Change => ({ kind: 'jump', ...at, before: null, after: after.jumps[index] ?? null }),
    ),
  ]
}
