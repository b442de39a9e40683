import type { JsonPath, Origin } from '../diagnostics/diagnostics.ts'
import type { Cluster, Sourced } from '../kube/cluster.ts'
import { fullName } from '../kube/names.ts'
import type { EndpointSlice, Endpoints, Node } from '../kube/types.ts'
import { canonicalAddress, familyOf } from '../net/address.ts'
import type { Family } from '../net/family.ts'
import { hostPort } from '../plan/keys.ts'

/**
 * Endpoints as slices state them, and who of them may answer: stated on its own, so that the compiler can be held against
 * it.
 */

/** One endpoint on one port, as a slice, or an Endpoints object in place of slices, states it. */
export interface Candidate {
  readonly family: Family
  readonly portName: string
  /** `TCP`. */
  readonly protocol: string
  /** `null`: the slice has no number for it. */
  readonly port: number | null
  readonly address: string
  readonly node: string | null
  readonly ready: boolean
  readonly serving: boolean
  readonly terminating: boolean
  readonly zones: readonly string[] | null
  readonly nodes: readonly string[] | null
  /** The address is not of the family that the slice announces. */
  readonly strayed: boolean
  readonly origin: Origin
  readonly path: JsonPath
}

/** Why an endpoint gets no connections. */
export type LeftOut =
  | 'wrong family'
  | 'no port number'
  | 'not ready'
  | 'terminating'
  | 'on another node'
  | 'on no known node'
  | 'hinted to other nodes'
  | 'hinted to other zones'

/** Endpoints of all Services, by `namespace/name`. */
export function candidatesByService(cluster: Cluster): Map<string, Candidate[]> {
  const candidates = new Map<string, Candidate[]>()
  const add = (service: string, found: readonly Candidate[]): void => {
    const known = candidates.get(service)
    if (known === undefined) candidates.set(service, [...found])
    else for (const candidate of found) known.push(candidate)
  }
  for (const slice of cluster.endpointSlices) {
    const service = slice.object.metadata.labels?.['kubernetes.io/service-name']
    if (service) add(`${slice.object.metadata.namespace || 'default'}/${service}`, ofSlice(slice))
  }
  for (const source of cluster.endpoints) {
    const name = fullName(source.object)
    if (!candidates.has(name)) add(name, ofEndpoints(source))
  }
  return candidates
}

function ofSlice({ object: slice, origin }: Sourced<EndpointSlice>): Candidate[] {
  const family: Family = slice.addressType === 'IPv6' ? 'ipv6' : 'ipv4'
  if (slice.addressType === 'FQDN') return []
  return (slice.ports ?? []).flatMap(({ name, protocol, port }) =>
    (slice.endpoints ?? []).flatMap((endpoint, index) => {
      const address = canonicalAddress(endpoint.addresses?.[0] ?? '')
      if (address === null) return []
      const { ready, serving, terminating } = endpoint.conditions ?? {}
      return [
        {
          family,
          portName: name ?? '',
          protocol: protocol || 'TCP',
          port: port || null,
          address,
          node: endpoint.nodeName ?? endpoint.topology?.['kubernetes.io/hostname'] ?? null,
          ready: ready ?? true,
          serving: serving ?? ready ?? true,
          terminating: terminating ?? false,
          zones: endpoint.hints?.forZones?.map((zone) => zone.name) ?? null,
          nodes: endpoint.hints?.forNodes?.map((hinted) => hinted.name) ?? null,
          strayed: familyOf(address) !== family,
          origin,
          path: ['endpoints', index],
        },
      ]
    }),
  )
}

function ofEndpoints({ object, origin }: Sourced<Endpoints>): Candidate[] {
  return (object.subsets ?? []).flatMap(({ addresses, notReadyAddresses, ports }, place) =>
    (ports ?? []).flatMap(({ name, protocol, port }) => {
      const read = (field: 'addresses' | 'notReadyAddresses', ready: boolean): Candidate[] =>
        ((field === 'addresses' ? addresses : notReadyAddresses) ?? []).flatMap(({ ip, nodeName }, index) => {
          const address = canonicalAddress(ip)
          if (address === null) return []
          return {
            family: familyOf(address),
            portName: name ?? '',
            protocol: protocol || 'TCP',
            port: port || null,
            address,
            node: nodeName ?? null,
            ready,
            serving: ready,
            terminating: false,
            zones: null,
            nodes: null,
            strayed: false,
            origin,
            path: ['subsets', place, field, index],
          }
        })
      return [...read('addresses', true), ...read('notReadyAddresses', false)]
    }),
  )
}

/** What decides on a node which endpoints are near: its name and zone. */
export interface Place {
  readonly node: string
  readonly zone: string | null
}

export const placeOf = (name: string, node: Node | undefined): Place => ({
  node: name,
  zone: node?.metadata.labels?.['topology.kubernetes.io/zone'] || null,
})

/** Endpoints of one service port under one traffic policy, each with the reason that keeps it out; `null`: it serves. */
export function judgeEndpoints(
  candidates: readonly Candidate[],
  policy: 'Cluster' | 'Local',
  place: Place,
): Map<Candidate, LeftOut | null> {
  const verdicts = new Map<Candidate, LeftOut | null>()
  const able = candidates.filter((candidate) => {
    const fault = candidate.strayed ? 'wrong family' : candidate.port === null ? 'no port number' : null
    if (fault !== null) verdicts.set(candidate, fault)
    return fault === null
  })
  const inReach =
    policy === 'Cluster'
      ? able
      : able.filter((candidate) => {
          if (candidate.node === place.node) return true
          verdicts.set(candidate, candidate.node === null ? 'on no known node' : 'on another node')
          return false
        })
  const ready = inReach.filter((candidate) => candidate.ready)
  const near = policy === 'Cluster' ? nearest(ready, place) : { chosen: ready, reason: null }
  const chosen = new Set(near.chosen)
  for (const candidate of inReach) {
    if (candidate.ready) verdicts.set(candidate, chosen.has(candidate) ? null : (near.reason as LeftOut))
    else if (!(candidate.serving && candidate.terminating)) verdicts.set(candidate, 'not ready')
    else verdicts.set(candidate, ready.length > 0 ? 'terminating' : null)
  }
  return verdicts
}

/** Topology hints: a preference that holds only where every ready endpoint takes part in it. */
function nearest(
  ready: readonly Candidate[],
  { node, zone }: Place,
): { readonly chosen: readonly Candidate[]; readonly reason: LeftOut | null } {
  if (ready.every(({ nodes }) => nodes !== null && nodes.length > 0)) {
    const chosen = ready.filter(({ nodes }) => nodes?.includes(node))
    if (chosen.length > 0) return { chosen, reason: 'hinted to other nodes' }
  }
  if (zone !== null && ready.every(({ zones }) => zones !== null && zones.length > 0)) {
    const chosen = ready.filter(({ zones }) => zones?.includes(zone))
    if (chosen.length > 0) return { chosen, reason: 'hinted to other zones' }
  }
  return { chosen: ready, reason: null }
}

/** `ip:port` of those that serve, each once, in order. */
export const servingEndpoints = (verdicts: ReadonlyMap<Candidate, LeftOut | null>): string[] =>
  [
    ...new Set(
      [...verdicts].flatMap(([{ address, port }, reason]) =>
        reason === null && port !== null ? [hostPort(address, port)] : [],
      ),
    ),
  ].sort()
