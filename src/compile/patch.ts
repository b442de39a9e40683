import { compareVirtualServers } from '../plan/canonical.ts'
import { changes } from '../plan/changes/changes.ts'
import type { Change } from '../plan/changes/types.ts'
import { formatEntry } from '../plan/entries.ts'
import { buildSet } from '../plan/sets.ts'
import type { IpSet, Plan, SetEntry, VirtualServer } from '../plan/types.ts'
import { type CompileOptions, compile } from './compile.ts'
import type { ClusterObjects, ServiceObjects } from './objects.ts'

/** A plan in which the endpoints of one Service changed, and how it differs from the one before. */
export interface Patched {
  readonly plan: Plan
  readonly changes: readonly Change[]
}

/**
 * The plan after a change of what states the endpoints of one Service, which alone is compiled. `null`: the change may reach further
 * (another Service has the same pod or address, rules follow from it, something is wrong), so that all has to be compiled.
 */
export function patchService(
  plan: Plan,
  objects: ClusterObjects,
  service: string,
  before: ServiceObjects,
  options: CompileOptions,
): Patched | null {
  const [old, fresh] = [before, objects.ofService(service)].map(
    (some) => compile(objects.alone(some), { ...options, quarantine: false }).plan,
  )
  if (!old || !fresh) return null
  const servers = patchedServers(plan, old, fresh)
  const sets = patchedSets(plan, old, fresh, (address) => objects.isServedByOthers(address, service))
  if (servers === null || sets === null) return null
  const isChanged = (set: IpSet): boolean => !plan.sets.includes(set)
  const changed = new Set(sets.filter(isChanged).map(({ name }) => name))
  const touched = (of: Plan, all: readonly IpSet[]): Plan => ({
    ...plan,
    virtualServers: of.virtualServers,
    sets: all.filter(({ name }) => changed.has(name)),
  })
  return {
    plan: { ...plan, virtualServers: servers, sets },
    changes: changes(touched(old, plan.sets), touched(fresh, sets)),
  }
}

/** `null`: another Service has the address, or the Service serves at others than before. */
function patchedServers(plan: Plan, old: Plan, fresh: Plan): VirtualServer[] | null {
  if (fresh.virtualServers.length !== old.virtualServers.length) return null
  const virtualServers = [...plan.virtualServers]
  for (const [index, server] of old.virtualServers.entries()) {
    const place = find(virtualServers, server)
    const next = fresh.virtualServers[index]
    if (place < 0 || next === undefined || compareVirtualServers(server, next) !== 0) return null
    if (JSON.stringify(virtualServers[place]) !== JSON.stringify(server)) return null
    virtualServers[place] = next
  }
  return virtualServers
}

/** A set that does not change is the same object. `null`: one of them cannot be patched. */
function patchedSets(
  plan: Plan,
  old: Plan,
  fresh: Plan,
  isServedByOthers: (address: string) => boolean,
): IpSet[] | null {
  const sets: IpSet[] = []
  for (const set of plan.sets) {
    const next = patchedSet(set, [entriesOf(old, set), entriesOf(fresh, set)], isServedByOthers)
    if (next === null) return null
    sets.push(next)
  }
  return sets
}

const entriesOf = (plan: Plan, set: IpSet): readonly SetEntry[] =>
  plan.sets.find(({ name }) => name === set.name)?.entries ?? []

/** `null`: another Service may want an entry that goes, or rules follow from the set being empty. */
function patchedSet(
  set: IpSet,
  [was, is]: readonly [was: readonly SetEntry[], is: readonly SetEntry[]],
  isServedByOthers: (address: string) => boolean,
): IpSet | null {
  const key = (entry: SetEntry): string => formatEntry(set.type, entry)
  const wanted = new Set(is.map(key))
  const held = new Set(was.map(key))
  const gone = was.filter((entry) => !wanted.has(key(entry)))
  const come = is.filter((entry) => !held.has(key(entry)))
  if (gone.length + come.length === 0) return set
  if (gone.some((entry) => !('address' in entry) || isServedByOthers(entry.address))) return null
  const dropped = new Set(gone.map(key))
  const entries = [...set.entries.filter((entry) => !dropped.has(key(entry))), ...come]
  const next = buildSet(set.name, set.family, set.type, entries)
  return (next.entries.length === 0) === (set.entries.length === 0) ? next : null
}

/** Where a virtual server stands in a sorted list, or -1. */
function find(servers: readonly VirtualServer[], wanted: VirtualServer): number {
  let [low, high] = [0, servers.length - 1]
  while (low <= high) {
    const middle = (low + high) >> 1
    const server = servers[middle]
    if (server === undefined) return -1
    const order = compareVirtualServers(server, wanted)
    if (order === 0) return middle
    if (order < 0) low = middle + 1
    else high = middle - 1
  }
  return -1
}
