import type { Cluster, Sourced } from '../kube/cluster.ts'
import { fullName } from '../kube/names.ts'
import type { EndpointSlice, EndpointSubset, Endpoints } from '../kube/types.ts'
import { canonicalAddress } from '../net/address.ts'
import { compareVirtualServers } from '../plan/canonical.ts'
import { formatEntry } from '../plan/entries.ts'
import { buildSet } from '../plan/sets.ts'
import type { IpSet, Plan, SetEntry, VirtualServer } from '../plan/types.ts'
import { type CompileOptions, type CompileResult, compile } from './compile.ts'

const SERVICE_LABEL = 'kubernetes.io/service-name'

/**
 * A compiled cluster that follows its EndpointSlices. One slice decides the real servers of one Service, and the loop-back
 * entries of its pods, so that only this Service is compiled again; whatever could reach further is left to `compile`.
 */
export class Compilation {
  readonly #options: CompileOptions
  readonly #services: ReadonlyMap<string, Cluster['services'][number]>
  readonly #slices: Map<string, Sourced<EndpointSlice>[]>
  /** The Service of each slice. */
  readonly #owners = new Map<string, string>()
  readonly #rest: Pick<Cluster, 'nodes' | 'configurations'>
  readonly #endpoints: ReadonlyMap<string, Endpoints>
  #plan: Plan

  /** `result` is that of compiling the cluster with the options; it has to hold a plan. */
  constructor(cluster: Cluster, options: CompileOptions, result: CompileResult = compile(cluster, options)) {
    if (result.plan === null) throw new Error('the cluster has errors: there is no plan to follow')
    this.#plan = result.plan
    this.#options = options
    this.#services = new Map(cluster.services.map((service) => [fullName(service.object), service]))
    this.#slices = new Map()
    for (const slice of cluster.endpointSlices) {
      const service = serviceOf(slice)
      this.#owners.set(fullName(slice.object), service)
      const known = this.#slices.get(service)
      if (known === undefined) this.#slices.set(service, [slice])
      else known.push(slice)
    }
    this.#rest = { nodes: cluster.nodes, configurations: cluster.configurations }
    this.#endpoints = new Map(cluster.endpoints.map(({ object }) => [fullName(object), object]))
  }

  get plan(): Plan {
    return this.#plan
  }

  /**
   * Takes a slice in the place of the one of its name, or as a new one. `false`: the change may reach further than its
   * Service (another Service has the same pod, an Endpoints object stood in, something is wrong), nothing was changed, and
   * the cluster has to be compiled anew.
   */
  update(slice: Sourced<EndpointSlice>): boolean {
    const name = serviceOf(slice)
    const service = this.#services.get(name)
    const before = this.#slices.get(name) ?? []
    const owner = this.#owners.get(fullName(slice.object)) ?? name
    if (service === undefined || owner !== name || this.#endpoints.has(name)) return false
    const isSame = ({ object }: Sourced<EndpointSlice>): boolean =>
      fullName(object) === fullName(slice.object)
    const after = before.some(isSame)
      ? before.map((known) => (isSame(known) ? slice : known))
      : [...before, slice]
    const [old, fresh] = [before, after].map((slices) => this.#compileAlone(service, slices))
    if (!old || !fresh) return false
    const plan = this.#patched(old, fresh, name)
    if (plan === null) return false
    this.#plan = plan
    this.#slices.set(name, after)
    this.#owners.set(fullName(slice.object), name)
    return true
  }

  #compileAlone(
    service: Cluster['services'][number],
    endpointSlices: readonly Sourced<EndpointSlice>[],
  ): Plan | null {
    const cluster: Cluster = {
      ...this.#rest,
      services: [service],
      endpointSlices: [...endpointSlices],
      endpoints: [],
    }
    return compile(cluster, { ...this.#options, quarantine: false }).plan
  }

  #patched(old: Plan, fresh: Plan, service: string): Plan | null {
    const virtualServers = [...this.#plan.virtualServers]
    for (const [index, server] of old.virtualServers.entries()) {
      const place = find(virtualServers, server)
      const next = fresh.virtualServers[index]
      // Somebody else has the address, or the Service serves at others than before.
      if (place < 0 || next === undefined || compareVirtualServers(server, next) !== 0) return null
      if (JSON.stringify(virtualServers[place]) !== JSON.stringify(server)) return null
      virtualServers[place] = next
    }
    if (fresh.virtualServers.length !== old.virtualServers.length) return null
    const sets = this.#plan.sets.map((set) => this.#patchedSet(set, old, fresh, service))
    if (sets.includes(null)) return null
    return { ...this.#plan, virtualServers, sets: sets as IpSet[] }
  }

  /** `null`: another Service may want an entry that goes, or rules follow from the set being empty. */
  #patchedSet(set: IpSet, old: Plan, fresh: Plan, service: string): IpSet | null {
    const entriesOf = (plan: Plan): readonly SetEntry[] =>
      plan.sets.find(({ name }) => name === set.name)?.entries ?? []
    const [was, is] = [entriesOf(old), entriesOf(fresh)]
    const key = (entry: SetEntry): string => formatEntry(set.type, entry)
    const wanted = new Set(is.map(key))
    const held = new Set(was.map(key))
    const gone = was.filter((entry) => !wanted.has(key(entry)))
    const come = is.filter((entry) => !held.has(key(entry)))
    if (gone.length + come.length === 0) return set
    if (gone.some((entry) => this.#servesOthers((entry as { address?: string }).address, service)))
      return null
    const dropped = new Set(gone.map(key))
    const entries = [...set.entries.filter((entry) => !dropped.has(key(entry))), ...come]
    const next = buildSet(set.name, set.family, set.type, entries)
    return (next.entries.length === 0) === (set.entries.length === 0) ? next : null
  }

  /** Whether a pod is an endpoint of another Service, too. */
  #servesOthers(address: string | undefined, service: string): boolean {
    if (address === undefined) return true
    const isAddress = (text: string | undefined): boolean => text !== undefined && names(text, address)
    for (const [name, slices] of this.#slices) {
      if (name === service) continue
      for (const { object } of slices)
        for (const endpoint of object.endpoints ?? []) if (isAddress(endpoint.addresses[0])) return true
    }
    for (const [name, { subsets }] of this.#endpoints)
      if (name !== service && (subsets ?? []).some((subset) => statesAddress(subset, address))) return true
    return false
  }
}

const statesAddress = ({ addresses, notReadyAddresses }: EndpointSubset, wanted: string): boolean =>
  [...(addresses ?? []), ...(notReadyAddresses ?? [])].some(({ ip }) => names(ip, wanted))

/** Only an IPv6 address can be written in several ways. */
const names = (text: string, address: string): boolean =>
  text === address || (text.includes(':') && canonicalAddress(text) === address)

function serviceOf({ object }: Sourced<EndpointSlice>): string {
  const { namespace, labels } = object.metadata
  return `${namespace || 'default'}/${labels?.[SERVICE_LABEL] ?? ''}`
}

/** Where a virtual server stands in a sorted list, or -1. */
function find(servers: readonly VirtualServer[], wanted: VirtualServer): number {
  let [low, high] = [0, servers.length - 1]
  while (low <= high) {
    const middle = (low + high) >> 1
    const order = compareVirtualServers(servers[middle] as VirtualServer, wanted)
    if (order === 0) return middle
    if (order < 0) low = middle + 1
    else high = middle - 1
  }
  return -1
}
