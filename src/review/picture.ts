import type { Cluster } from '../kube/cluster.ts'
import { compareText } from '../order.ts'
import { hostPort, virtualServerKey } from '../plan/keys.ts'
import type { VirtualServer } from '../plan/types.ts'
import type { ServicePromise } from '../proof/promises.ts'
import { type NodeSide, targetName } from './effects.ts'
import type { ReviewSide } from './review.ts'
import type { Review } from './types.ts'

/** What there is of a Service before and after, on all nodes together. */
export interface Picture {
  /** Ordered by kind, then by name. */
  readonly addresses: readonly Stand[]
  readonly policies: readonly Policy[]
  /** Ordered by name, those without a zone last. */
  readonly zones: readonly Zone[]
}

/** An address or a real server, and on which sides it is. */
export interface Stand {
  readonly name: string
  readonly before: boolean
  readonly after: boolean
}

/** `scheduler`, `rr`, `lc`; an empty text: there is none on that side. */
export interface Policy {
  readonly name: string
  readonly before: string
  readonly after: string
}

export interface Zone {
  /** `null`: nobody says. */
  readonly name: string | null
  readonly nodes: readonly { readonly name: string | null; readonly servers: readonly Stand[] }[]
}

type Side = 'before' | 'after'

interface Draft {
  readonly addresses: Map<string, { rank: number; before: boolean; after: boolean }>
  readonly servers: Map<string, { before: boolean; after: boolean }>
  readonly policies: Map<string, Record<Side, Set<string>>>
}

const RANKS = ['clusterIP', 'externalIP', 'loadBalancer', 'nodePort'] as const

/** A picture of each Service of a review, by name. */
export function picturesOf(
  review: Review,
  before: ReviewSide,
  after: ReviewSide,
): ReadonlyMap<string, Picture> {
  const drafts = new Map(review.services.map(({ service }) => [service, newDraft()]))
  for (const node of review.nodes) {
    addNode(drafts, 'before', before.nodes.get(node))
    addNode(drafts, 'after', after.nodes.get(node))
  }
  const places = placesOf(new Set(drafts.keys()), [before.cluster, after.cluster])
  return new Map([...drafts].map(([service, draft]) => [service, finished(draft, places)]))
}

const newDraft = (): Draft => ({ addresses: new Map(), servers: new Map(), policies: new Map() })

function addNode(drafts: ReadonlyMap<string, Draft>, side: Side, node: NodeSide | undefined): void {
  if (node === undefined) return
  const promises = node.promises.filter(({ service }) => drafts.has(service))
  if (promises.length === 0) return
  const servers = new Map(node.state.plan.virtualServers.map((server) => [virtualServerKey(server), server]))
  for (const promise of promises) {
    const server = servers.get(virtualServerKey(promise))
    if (server !== undefined) addServer(drafts.get(promise.service) as Draft, side, promise, server)
  }
}

function addServer(draft: Draft, side: Side, promise: ServicePromise, server: VirtualServer): void {
  const name = targetName(promise)
  const address = draft.addresses.get(name) ?? {
    rank: RANKS.indexOf(promise.by),
    before: false,
    after: false,
  }
  draft.addresses.set(name, { ...address, [side]: true })
  for (const { address: host, port } of server.realServers) {
    const key = hostPort(host, port)
    draft.servers.set(key, { ...(draft.servers.get(key) ?? { before: false, after: false }), [side]: true })
  }
  for (const [policy, value] of policiesOf(promise, server)) {
    const known = draft.policies.get(policy) ?? { before: new Set(), after: new Set() }
    known[side].add(value)
    draft.policies.set(policy, known)
  }
}

function policiesOf(
  promise: ServicePromise,
  { scheduler, flags, persistence }: VirtualServer,
): [string, string][] {
  const traffic = promise.by === 'clusterIP' ? 'internal traffic' : 'external traffic'
  return [
    ['scheduler', [scheduler, ...flags].join(' ')],
    ['affinity', persistence === null ? 'none' : `${persistence.timeout} s`],
    [traffic, promise.policy],
    ...(promise.sourceRanges === null
      ? []
      : [['sources', promise.sourceRanges.join(', ')] as [string, string]]),
  ]
}

interface Place {
  readonly node: string | null
  readonly zone: string | null
}

/** Where the endpoints of some Services are, by address; what the later side says counts. */
function placesOf(
  services: ReadonlySet<string>,
  clusters: readonly (Cluster | null)[],
): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>()
  for (const cluster of clusters) {
    if (cluster === null) continue
    const zones = new Map(
      cluster.nodes.map(({ object: { metadata } }) => [metadata.name, metadata.labels?.[ZONE_LABEL] ?? null]),
    )
    const add = (address: string, node: string | null, zone: string | null): void => {
      places.set(address, { node, zone: zone ?? zones.get(node ?? '') ?? null })
    }
    for (const { object } of cluster.endpointSlices) {
      const service = `${object.metadata.namespace || 'default'}/${object.metadata.labels?.[SERVICE_LABEL]}`
      if (!services.has(service)) continue
      for (const { addresses, nodeName, zone } of object.endpoints ?? [])
        for (const address of addresses) add(address, nodeName ?? null, zone ?? null)
    }
    for (const { object } of cluster.endpoints) {
      if (!services.has(`${object.metadata.namespace || 'default'}/${object.metadata.name}`)) continue
      for (const { addresses } of object.subsets ?? [])
        for (const { ip, nodeName } of addresses ?? []) if (!places.has(ip)) add(ip, nodeName ?? null, null)
    }
  }
  return places
}

const ZONE_LABEL = 'topology.kubernetes.io/zone'
const SERVICE_LABEL = 'kubernetes.io/service-name'

function finished({ addresses, servers, policies }: Draft, places: ReadonlyMap<string, Place>): Picture {
  const zones = new Map<string | null, Map<string | null, Stand[]>>()
  for (const [name, sides] of servers) {
    const { node, zone } = places.get(hostOf(name)) ?? { node: null, zone: null }
    const nodes = zones.get(zone) ?? new Map<string | null, Stand[]>()
    nodes.set(node, [...(nodes.get(node) ?? []), { name, ...sides }])
    zones.set(zone, nodes)
  }
  return {
    addresses: [...addresses]
      .sort(([a, one], [b, two]) => one.rank - two.rank || compareText(a, b))
      .map(([name, { before, after }]) => ({ name, before, after })),
    policies: [...policies].map(([name, { before, after }]) => ({
      name,
      before: joined(before),
      after: joined(after),
    })),
    zones: [...zones].sort(byName).map(([name, nodes]) => ({
      name,
      nodes: [...nodes].sort(byName).map(([node, some]) => ({
        name: node,
        servers: some.sort((a, b) => compareText(a.name, b.name)),
      })),
    })),
  }
}

const joined = (values: ReadonlySet<string>): string => [...values].sort(compareText).join(' / ')

const byName = ([a]: readonly [string | null, unknown], [b]: readonly [string | null, unknown]): number =>
  a === null ? (b === null ? 0 : 1) : b === null ? -1 : compareText(a, b)

/** The address of `10.0.0.1:80` and `[::1]:80`. */
const hostOf = (name: string): string => name.slice(0, name.lastIndexOf(':')).replace(/^\[|\]$/g, '')
