import { lastingParameters } from '../emit/ipset.ts'
import { familyOf, networkContains, parseNetwork } from '../net/address.ts'
import { compareVirtualServers } from '../plan/canonical.ts'
import { formatEntry } from '../plan/entries.ts'
import { exemptedBy, isStrict } from '../plan/transitions.ts'
import type {
  Chain,
  IpSet,
  Plan,
  RealServer,
  Rule,
  SetEntry,
  Sysctl,
  Table,
  VirtualServer,
} from '../plan/types.ts'
import type { Operation } from './operations.ts'

/**
 * The way from one plan to another, in the order that makes before it breaks: sets gain, rules are written, virtual
 * and real servers are added, addresses are bound; then addresses, servers, chains and entries go. Families that the
 * second plan does not speak of stay as they are, as do virtual servers inside its `excludeCIDRs`, and settings that
 * it does not name.
 */
export function delta(from: Plan, to: Plan): Operation[] {
  const sets = setOperations(from, to)
  const tables = tableOperations(from, to)
  const servers = serverOperations(from, to)
  const { bind, unbind } = addressOperations(from, to)
  return [
    ...settingOperations(from, to),
    ...sets.make,
    ...tables.make,
    ...timeoutOperations(from, to),
    ...servers.make,
    ...bind,
    ...unbind,
    ...servers.break,
    ...tables.break,
    ...sets.break,
  ]
}

interface Halves {
  readonly make: readonly Operation[]
  readonly break: readonly Operation[]
}

function settingOperations(from: Plan, to: Plan): Operation[] {
  const modules = to.modules
    .filter((module) => !from.modules.includes(module))
    .map((module): Operation => ({ kind: 'loadModule', module }))
  const before = new Map(settings(from).map(({ name, value }) => [name, value]))
  const sysctls = settings(to)
    .filter(({ name, value }) => before.get(name) !== value)
    .map(
      ({ name, value }): Operation => ({ kind: 'setSysctl', name, value, before: before.get(name) ?? null }),
    )
  return [...modules, ...sysctls]
}

/** What is set, with the size of the connection tracking table where it is known. */
function settings({ sysctls, conntrack: { max } }: Plan): Sysctl[] {
  const set = sysctls.filter(({ action }) => action === 'set')
  return max ? [...set, { name: 'net.netfilter.nf_conntrack_max', value: max, action: 'set' }] : set
}

function timeoutOperations(from: Plan, to: Plan): Operation[] {
  const [was, is] = [from.ipvsTimeouts, to.ipvsTimeouts]
  if (is === null) return []
  // 0 leaves a timeout as it is.
  const changed = (['tcp', 'tcpFin', 'udp'] as const).filter(
    (key) => is[key] > 0 && is[key] !== (was?.[key] ?? 0),
  )
  return changed.length === 0 ? [] : [{ kind: 'setTimeouts', timeouts: is }]
}

const looseFirst = (sets: readonly IpSet[]): IpSet[] => [
  ...sets.filter(({ name }) => !isStrict(name)),
  ...sets.filter(({ name }) => isStrict(name)),
]

interface EntryChange {
  readonly added: readonly SetEntry[]
  readonly removed: readonly SetEntry[]
}

function setOperations(from: Plan, to: Plan): Halves {
  const before = new Map(ofFamilies(from.sets, to).map((set) => [set.name, set]))
  const wanted = new Set(to.sets.map(({ name }) => name))
  const changes = new Map(to.sets.map((set) => [set.name, compareEntries(before.get(set.name), set)]))
  const [early, make, late, lose]: [Operation[], Operation[], Operation[], Operation[]] = [[], [], [], []]
  const push = (
    list: Operation[],
    kind: 'addEntries' | 'removeEntries',
    set: IpSet,
    entries: readonly SetEntry[],
  ) => {
    const { name, type, family } = set
    if (entries.length > 0) list.push({ kind, set: { name, type, family }, entries })
  }
  for (const set of looseFirst(to.sets)) {
    const old = before.get(set.name)
    const { added, removed } = changes.get(set.name) as EntryChange
    if (old !== undefined && (old.type !== set.type || lastingParameters(old) !== lastingParameters(set))) {
      make.push({ kind: 'replaceSet', set: { ...set, entries: [...set.entries, ...removed] } as IpSet })
      push(lose, 'removeEntries', set, removed)
      continue
    }
    const fresh = changes.get(exemptedBy(set.name) ?? '')
    const [addedLate, addedNow] = split(set, added, fresh?.added)
    const [removedNow, removedLate] = split(set, removed, fresh?.removed)
    if (old === undefined) make.push({ kind: 'createSet', set: { ...set, entries: addedNow } as IpSet })
    else push(make, 'addEntries', set, addedNow)
    push(early, 'removeEntries', set, removedNow)
    push(late, 'addEntries', set, addedLate)
    push(lose, 'removeEntries', set, removedLate)
  }
  const gone = [...before.values()]
    .filter(({ name }) => !wanted.has(name))
    .map(({ name, type, family }): Operation => ({ kind: 'destroySet', set: { name, type, family } }))
  return { make: [...early, ...make], break: [...late, ...lose.reverse(), ...gone] }
}

/**
 * Entries that exempt from another set which has them before and after, and the others. `fresh`: what comes to, or goes from, that
 * other set in the same step; absent where the set exempts from none.
 */
function split(
  { type }: IpSet,
  entries: readonly SetEntry[],
  fresh: readonly SetEntry[] | undefined,
): [exempting: readonly SetEntry[], others: readonly SetEntry[]] {
  if (fresh === undefined) return [[], entries]
  const keys = new Set(fresh.map((entry) => formatEntry(type, entry)))
  const exempts = (entry: SetEntry): boolean => !keys.has(formatEntry(type, entry))
  return [entries.filter(exempts), entries.filter((entry) => !exempts(entry))]
}

/** Both lists are in the same order, so that what is equal is passed over side by side. */
function compareEntries(from: IpSet | undefined, to: IpSet): EntryChange {
  if (from === undefined) return { added: to.entries, removed: [] }
  const [old, wanted] = [from.entries as readonly SetEntry[], to.entries as readonly SetEntry[]]
  const limit = Math.min(old.length, wanted.length)
  let start = 0
  while (start < limit && sameEntry(old[start] as SetEntry, wanted[start] as SetEntry)) start++
  let end = 0
  while (
    end < limit - start &&
    sameEntry(old[old.length - 1 - end] as SetEntry, wanted[wanted.length - 1 - end] as SetEntry)
  )
    end++
  const [was, is] = [old.slice(start, old.length - end), wanted.slice(start, wanted.length - end)]
  const oldKeys = new Set(was.map((entry) => formatEntry(from.type, entry)))
  const newKeys = new Set(is.map((entry) => formatEntry(to.type, entry)))
  return {
    added: is.filter((entry) => !oldKeys.has(formatEntry(to.type, entry))),
    removed: was.filter((entry) => !newKeys.has(formatEntry(from.type, entry))),
  }
}

interface AnyEntry {
  readonly address?: string
  readonly port?: number
  readonly protocol?: string
  readonly source?: string
  readonly sourceRange?: string
}

function sameEntry(a: AnyEntry, b: AnyEntry): boolean {
  return (
    a.address === b.address &&
    a.port === b.port &&
    a.protocol === b.protocol &&
    a.source === b.source &&
    a.sourceRange === b.sourceRange
  )
}

function tableOperations(from: Plan, to: Plan): Halves {
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

function serverOperations(from: Plan, to: Plan): Halves {
  const excluded = to.excludeCIDRs.flatMap((text) => parseNetwork(text) ?? [])
  const isOurs = ({ address }: VirtualServer): boolean =>
    to.families.includes(familyOf(address)) && !excluded.some((network) => networkContains(network, address))
  const make: Operation[] = []
  const drop: Operation[] = []
  const lose: Operation[] = []
  const [olds, news] = [from.virtualServers, to.virtualServers]
  let [i, j] = [0, 0]
  while (i < olds.length || j < news.length) {
    const [old, wanted] = [olds[i], news[j]]
    const order = old === undefined ? 1 : wanted === undefined ? -1 : compareKeys(old, wanted)
    if (order === 0 && old !== undefined && wanted !== undefined) {
      compareServers(old, wanted, make, drop)
      i++
      j++
    } else if (order > 0 && wanted !== undefined) {
      make.push({ kind: 'addVirtualServer', virtualServer: wanted })
      for (const realServer of wanted.realServers)
        make.push({ kind: 'addRealServer', virtualServer: keyOf(wanted), realServer })
      j++
    } else if (old !== undefined) {
      if (isOurs(old)) lose.push({ kind: 'removeVirtualServer', virtualServer: old })
      i++
    }
  }
  return { make, break: [...drop, ...lose] }
}

/** Equal keys are the common case, and comparing addresses by value is slow. */
const compareKeys = (a: VirtualServer, b: VirtualServer): number =>
  a.address === b.address && a.port === b.port && a.protocol === b.protocol ? 0 : compareVirtualServers(a, b)

const keyOf = ({
  address,
  port,
  protocol,
}: VirtualServer): Pick<VirtualServer, 'address' | 'port' | 'protocol'> => ({
  address,
  port,
  protocol,
})

function compareServers(
  old: VirtualServer,
  wanted: VirtualServer,
  make: Operation[],
  drop: Operation[],
): void {
  if (
    old.scheduler !== wanted.scheduler ||
    old.persistence?.timeout !== wanted.persistence?.timeout ||
    old.persistence?.prefixLength !== wanted.persistence?.prefixLength ||
    old.flags.join() !== wanted.flags.join()
  )
    make.push({ kind: 'editVirtualServer', virtualServer: wanted })
  if (sameRealServers(old.realServers, wanted.realServers)) return
  const virtualServer = keyOf(wanted)
  const key = ({ address, port }: RealServer): string => `${address} ${port}`
  const before = new Map(old.realServers.map((realServer) => [key(realServer), realServer]))
  for (const realServer of wanted.realServers) {
    const known = before.get(key(realServer))
    if (known === undefined) make.push({ kind: 'addRealServer', virtualServer, realServer })
    else if (!sameRealServer(known, realServer))
      make.push({ kind: 'editRealServer', virtualServer, realServer })
    before.delete(key(realServer))
  }
  for (const realServer of before.values()) drop.push({ kind: 'removeRealServer', virtualServer, realServer })
}

const sameRealServers = (a: readonly RealServer[], b: readonly RealServer[]): boolean =>
  a.length === b.length && a.every((server, index) => sameRealServer(server, b[index] as RealServer))

const sameRealServer = (a: RealServer, b: RealServer): boolean =>
  a.address === b.address && a.port === b.port && a.weight === b.weight && a.forwarding === b.forwarding

function addressOperations(from: Plan, to: Plan): Record<'bind' | 'unbind', Operation[]> {
  const before = new Set(from.dummyInterface.addresses)
  const after = new Set(to.dummyInterface.addresses)
  return {
    bind: to.dummyInterface.addresses
      .filter((address) => !before.has(address))
      .map((address) => ({ kind: 'bindAddress', address })),
    unbind: from.dummyInterface.addresses
      .filter((address) => !after.has(address) && to.families.includes(familyOf(address)))
      .map((address) => ({ kind: 'unbindAddress', address })),
  }
}

/** Those of the families that a plan speaks of. */
const ofFamilies = (sets: readonly IpSet[], { families }: Plan): IpSet[] =>
  sets.filter(({ family }) => families.includes(family))
