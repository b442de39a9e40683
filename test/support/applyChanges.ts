import { kernelSetName, SET_DEFINITIONS } from '../../src/kernel/sets.ts'
import { compareAddresses } from '../../src/net/address.ts'
import { FAMILIES } from '../../src/net/family.ts'
import { compareText } from '../../src/order.ts'
import { compareRealServers, sortVirtualServers } from '../../src/plan/canonical.ts'
import type { Change, Sides } from '../../src/plan/changes/types.ts'
import { formatEntry } from '../../src/plan/entries.ts'
import { hostPort, virtualServerKey } from '../../src/plan/keys.ts'
import { compareEntries } from '../../src/plan/sets.ts'
import type { Chain, IpSet, Jump, Plan, Rule, SetEntry, Table, VirtualServer } from '../../src/plan/types.ts'

/** A list without what goes and with what comes, by key, in order. */
function applied<T>(
  list: readonly T[],
  changes: readonly Sides<T>[],
  key: (item: T) => string,
  compare: (a: T, b: T) => number,
): T[] {
  const items = new Map(list.map((item) => [key(item), item]))
  for (const { before } of changes)
    if (before !== null && !items.delete(key(before))) throw new Error(`${key(before)} is not there`)
  for (const { after } of changes) {
    if (after === null) continue
    if (items.has(key(after))) throw new Error(`${key(after)} is there already`)
    items.set(key(after), after)
  }
  return [...items.values()].sort(compare)
}

/** The second plan, in canonical order, from the first and the changes between them. */
export function applyChanges(plan: Plan, changes: readonly Change[]): Plan {
  const of = <K extends Change['kind']>(kind: K): Extract<Change, { kind: K }>[] =>
    changes.filter((change): change is Extract<Change, { kind: K }> => change.kind === kind)
  const text = (item: string): string => item
  const families = applied(plan.families, of('family'), text, compareText)
  const timeouts = of('timeouts')[0]
  return {
    ...plan,
    families,
    virtualServers: appliedServers(plan, of('virtualServer'), of('realServer')),
    sets: appliedSets(plan, of('set'), of('entry')),
    tables: FAMILIES.filter((family) => families.includes(family)).flatMap((family) =>
      (['nat', 'filter'] as const).map((name) => appliedTable(plan, { family, name }, changes)),
    ),
    dummyInterface: {
      ...plan.dummyInterface,
      addresses: applied(plan.dummyInterface.addresses, of('address'), text, compareAddresses),
    },
    modules: applied(plan.modules, of('module'), text, compareModules),
    sysctls: applied(
      plan.sysctls,
      of('setting'),
      ({ name }) => name,
      (a, b) => compareText(a.name, b.name),
    ),
    conntrack: of('conntrack')[0]?.after ?? plan.conntrack,
    ipvsTimeouts: timeouts === undefined ? plan.ipvsTimeouts : timeouts.after,
    excludeCIDRs: applied(plan.excludeCIDRs, of('excludeCIDR'), text, compareText),
  }
}

/** `nf_conntrack` stands last in a plan. */
const compareModules = (a: string, b: string): number =>
  Number(a === 'nf_conntrack') - Number(b === 'nf_conntrack') || compareText(a, b)

function appliedServers(
  { virtualServers }: Plan,
  whole: readonly Extract<Change, { kind: 'virtualServer' }>[],
  real: readonly Extract<Change, { kind: 'realServer' }>[],
): VirtualServer[] {
  const kept = virtualServers.map((server) => {
    const mine = real.filter((change) => virtualServerKey(change.virtualServer) === virtualServerKey(server))
    const realServers = applied(
      server.realServers,
      mine,
      ({ address, port }) => hostPort(address, port),
      compareRealServers,
    )
    return { ...server, realServers }
  })
  // With both sides, a virtual server keeps the real servers that its own changes gave it.
  const byKey = new Map<string, VirtualServer>(kept.map((server) => [virtualServerKey(server), server]))
  for (const { before, after } of whole) {
    if (after === null) byKey.delete(virtualServerKey(before as VirtualServer))
    else {
      const known = before === null ? after : byKey.get(virtualServerKey(after))
      const { realServers } = known as VirtualServer
      byKey.set(virtualServerKey(after), { ...after, realServers })
    }
  }
  return sortVirtualServers([...byKey.values()], (server) => server)
}

const SET_ORDER = FAMILIES.flatMap((family) => SET_DEFINITIONS.map(({ name }) => kernelSetName(name, family)))

function appliedSets(
  { sets }: Plan,
  whole: readonly Extract<Change, { kind: 'set' }>[],
  entries: readonly Extract<Change, { kind: 'entry' }>[],
): IpSet[] {
  const byName = new Map(sets.map((set) => [set.name, set]))
  for (const { before, after } of whole) {
    if (after === null) byName.delete(before?.name ?? '')
    else byName.set(after.name, before === null ? after : ({ ...after, entries: before.entries } as IpSet))
  }
  return [...byName.values()]
    .map((set) => {
      const mine = entries.filter((change) => change.set.name === set.name)
      const key = (entry: SetEntry): string => formatEntry(set.type, entry)
      return { ...set, entries: applied<SetEntry>(set.entries, mine, key, compareEntries) } as IpSet
    })
    .sort((a, b) => SET_ORDER.indexOf(a.name) - SET_ORDER.indexOf(b.name))
}

function appliedTable(
  { tables }: Plan,
  { family, name }: Pick<Table, 'family' | 'name'>,
  changes: readonly Change[],
): Table {
  const old = tables.find((table) => table.family === family && table.name === name)
  const chains = new Map((old?.chains ?? []).map((chain) => [chain.name, chain]))
  const jumps: (Jump | null)[] = [...(old?.jumps ?? [])]
  const gone: string[] = []
  for (const change of changes) {
    if (!('table' in change) || change.family !== family || change.table !== name) continue
    if (change.kind === 'chain') {
      if (change.after === null) gone.push(change.before?.name ?? '')
      else chains.set(change.after.name, change.after)
    } else if (change.kind === 'jump') {
      const index = jumps.findIndex((jump) => JSON.stringify(jump) === JSON.stringify(change.before))
      if (change.before !== null) jumps.splice(index, 1)
      else jumps.push(change.after)
    }
  }
  for (const chain of gone) chains.delete(chain)
  return {
    family,
    name,
    chains: [...chains.values()].map((chain) => appliedRules(chain, family, name, changes)),
    jumps: jumps as Jump[],
  }
}

function appliedRules(
  chain: Chain,
  family: Table['family'],
  table: Table['name'],
  changes: readonly Change[],
): Chain {
  const mine = changes.filter(
    (change): change is Extract<Change, { kind: 'rule' }> =>
      change.kind === 'rule' &&
      change.family === family &&
      change.table === table &&
      change.chain === chain.name,
  )
  const leaving = new Set(mine.flatMap(({ before }) => before?.position ?? []))
  const rules: Rule[] = chain.rules.filter((_, index) => !leaving.has(index + 1))
  for (const { after } of mine) if (after !== null) rules.splice(after.position - 1, 0, after.rule)
  return { ...chain, rules }
}

/** The same plan with its lists in another order, but for those whose order is meaning. */
export function shuffledPlan(plan: Plan, random: () => number): Plan {
  const shuffle = <T>(list: readonly T[]): T[] =>
    list
      .map((item) => ({ item, rank: random() }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ item }) => item)
  return {
    ...plan,
    families: shuffle(plan.families),
    virtualServers: shuffle(plan.virtualServers).map((server) => ({
      ...server,
      flags: shuffle(server.flags),
      realServers: shuffle(server.realServers),
    })),
    sets: shuffle(plan.sets).map((set) => ({ ...set, entries: shuffle<SetEntry>(set.entries) }) as IpSet),
    tables: shuffle(plan.tables).map((table) => ({ ...table, chains: shuffle(table.chains) })),
    dummyInterface: { ...plan.dummyInterface, addresses: shuffle(plan.dummyInterface.addresses) },
    modules: shuffle(plan.modules),
    sysctls: shuffle(plan.sysctls),
    excludeCIDRs: shuffle(plan.excludeCIDRs),
  }
}
