import type { Protocol } from '../kernel/protocols.ts'
import type { Cluster } from '../kube/cluster.ts'
import type { EndpointSlice, Node, Service, ServicePortSpec } from '../kube/types.ts'
import { canonicalAddress, familyOf, parseNetwork } from '../net/address.ts'
import { FAMILIES, type Family } from '../net/family.ts'

/**
 * What the Kubernetes API promises of each port of each Service, stated from Service, endpoints and Node alone. It
 * shares no logic with the compiler, so that the one can be held against the other.
 */
export interface ServicePromise {
  /** `namespace/name`. */
  readonly service: string
  readonly portName: string
  readonly protocol: Protocol
  readonly address: string
  readonly port: number
  readonly by: 'clusterIP' | 'externalIP' | 'loadBalancer' | 'nodePort'
  /** `ip:port` of those that may answer. */
  readonly endpoints: readonly string[]
  /** Networks from which a load balancer's address may be asked; `null`: anywhere. */
  readonly sourceRanges: readonly string[] | null
  /** The traffic policy that this address is under. */
  readonly policy: 'Cluster' | 'Local'
  /** Under a Local policy: whether the node has none of its own, so that nobody is to answer. */
  readonly withoutLocal: boolean
  /** Seconds that a client stays with one server; `null`: no affinity. */
  readonly affinity: number | null
}

export interface PromiseOptions {
  readonly node: string
  /** Addresses on which the node serves node ports. */
  readonly nodePortAddresses: readonly string[]
  readonly families: readonly Family[]
}

/** Every address and port that the API promises to clients of one node. */
export function servicePromises(cluster: Cluster, options: PromiseOptions): ServicePromise[] {
  const node = cluster.nodes.find(({ object }) => object.metadata.name === options.node)?.object
  const slices = slicesByService(cluster)
  return cluster.services.flatMap(({ object }) =>
    isProxied(object) ? promisesOf(object, slices.get(nameOf(object)) ?? [], node, options) : [],
  )
}

const nameOf = ({
  metadata: { namespace, name },
}: {
  metadata: { namespace?: unknown; name: string }
}): string => `${namespace || 'default'}/${name}`

function isProxied({ metadata, spec }: Service): boolean {
  const labels = metadata.labels ?? {}
  return (
    spec?.type !== 'ExternalName' &&
    spec?.clusterIP !== 'None' &&
    !('service.kubernetes.io/service-proxy-name' in labels) &&
    !('service.kubernetes.io/headless' in labels)
  )
}

/** One endpoint as a slice, or an Endpoints object in place of slices, states it. */
interface Candidate {
  readonly family: Family
  readonly portName: string
  readonly protocol: string
  readonly port: number
  readonly address: string
  readonly node: string | null
  readonly ready: boolean
  readonly serving: boolean
  readonly terminating: boolean
  readonly zones: readonly string[] | null
  readonly nodes: readonly string[] | null
}

function slicesByService(cluster: Cluster): Map<string, Candidate[]> {
  const candidates = new Map<string, Candidate[]>()
  const add = (service: string, found: readonly Candidate[]): void => {
    candidates.set(service, [...(candidates.get(service) ?? []), ...found])
  }
  for (const { object } of cluster.endpointSlices) {
    const service = object.metadata.labels?.['kubernetes.io/service-name']
    if (service) add(`${object.metadata.namespace || 'default'}/${service}`, candidatesOf(object))
  }
  for (const source of cluster.endpoints)
    if (!candidates.has(nameOf(source.object))) add(nameOf(source.object), legacyCandidates(source))
  return candidates
}

function candidatesOf(slice: EndpointSlice): Candidate[] {
  const family = slice.addressType === 'IPv6' ? 'ipv6' : 'ipv4'
  if (slice.addressType === 'FQDN') return []
  return (slice.ports ?? []).flatMap(({ name, protocol, port }) =>
    typeof port !== 'number'
      ? []
      : (slice.endpoints ?? []).flatMap((endpoint) => {
          const address = canonicalAddress(endpoint.addresses?.[0] ?? '')
          if (address === null || familyOf(address) !== family) return []
          const { ready, serving, terminating } = endpoint.conditions ?? {}
          const topology = (endpoint as { topology?: Record<string, string> | null }).topology
          return [
            {
              family,
              portName: name ?? '',
              protocol: protocol ?? 'TCP',
              port,
              address,
              node: endpoint.nodeName ?? topology?.['kubernetes.io/hostname'] ?? null,
              ready: ready ?? true,
              serving: serving ?? ready ?? true,
              terminating: terminating ?? false,
              zones: endpoint.hints?.forZones?.map((zone) => zone.name) ?? null,
              nodes: endpoint.hints?.forNodes?.map((hinted) => hinted.name) ?? null,
            },
          ]
        }),
  )
}

function legacyCandidates({ object }: Cluster['endpoints'][number]): Candidate[] {
  return (object.subsets ?? []).flatMap(({ addresses, notReadyAddresses, ports }) =>
    (ports ?? []).flatMap(({ name, protocol, port }) =>
      [
        ...(addresses ?? []).map((address) => ({ ...address, ready: true })),
        ...(notReadyAddresses ?? []).map((address) => ({ ...address, ready: false })),
      ].map(({ ip, nodeName, ready }) => ({
        family: familyOf(ip),
        portName: name ?? '',
        protocol: protocol ?? 'TCP',
        port: port as number,
        address: ip,
        node: nodeName ?? null,
        ready,
        serving: ready,
        terminating: false,
        zones: null,
        nodes: null,
      })),
    ),
  )
}

function promisesOf(
  service: Service,
  candidates: readonly Candidate[],
  node: Node | undefined,
  options: PromiseOptions,
): ServicePromise[] {
  const families = FAMILIES.filter((family) => options.families.includes(family))
  return families.flatMap((family) => {
    const clusterIP = clusterIPs(service).find((address) => familyOf(address) === family)
    if (clusterIP === undefined) return []
    return (service.spec?.ports ?? []).flatMap((port) =>
      portPromises(service, port, family, clusterIP, candidates, node, options),
    )
  })
}

const clusterIPs = ({ spec }: Service): string[] =>
  canonical(spec?.clusterIPs?.length ? spec.clusterIPs : [spec?.clusterIP ?? ''])

/** What is no address promises nothing. */
const canonical = (texts: readonly string[]): string[] =>
  texts.flatMap((text) => canonicalAddress(text) ?? [])

function portPromises(
  service: Service,
  port: ServicePortSpec,
  family: Family,
  clusterIP: string,
  candidates: readonly Candidate[],
  node: Node | undefined,
  options: PromiseOptions,
): ServicePromise[] {
  const spec = service.spec ?? {}
  const protocol = (port.protocol || 'TCP').toLowerCase() as Protocol
  const own = candidates.filter(
    (candidate) =>
      candidate.family === family &&
      candidate.portName === (port.name ?? '') &&
      candidate.protocol.toLowerCase() === protocol,
  )
  const everywhere = usable(nearest(own, node, options.node))
  const here = usable(own.filter((candidate) => candidate.node === options.node))
  const affinity =
    spec.sessionAffinity === 'ClientIP'
      ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10800)
      : null
  const under = (policy: 'Cluster' | 'Local') => ({
    endpoints: policy === 'Local' ? here : everywhere,
    policy,
    withoutLocal: policy === 'Local' && here.length === 0,
  })
  const base = { service: nameOf(service), portName: port.name ?? '', protocol, affinity, sourceRanges: null }
  const internal = under(spec.internalTrafficPolicy === 'Local' ? 'Local' : 'Cluster')
  const external = under(spec.externalTrafficPolicy === 'Local' ? 'Local' : 'Cluster')
  const ofFamily = (addresses: readonly string[]): string[] =>
    canonical(addresses).filter((address) => familyOf(address) === family)
  const ranges = (spec.loadBalancerSourceRanges ?? [])
    .map((text) => text.trim())
    .filter((text) => {
      const network = parseNetwork(text)
      return network !== null && network.family === family
    })
  return [
    { ...base, ...internal, address: clusterIP, port: port.port, by: 'clusterIP' as const },
    ...ofFamily(spec.externalIPs ?? []).map((address) => ({
      ...base,
      ...external,
      address,
      port: port.port,
      by: 'externalIP' as const,
    })),
    ...ofFamily(balancerVIPs(service)).map((address) => ({
      ...base,
      ...external,
      address,
      port: port.port,
      by: 'loadBalancer' as const,
      sourceRanges: ranges.length > 0 ? ranges : null,
    })),
    ...(port.nodePort ? ofFamily(options.nodePortAddresses) : []).map((address) => ({
      ...base,
      ...external,
      address,
      port: port.nodePort as number,
      by: 'nodePort' as const,
    })),
  ]
}

const balancerVIPs = ({ status }: Service): string[] =>
  (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, ipMode }) => (ip && ipMode !== 'Proxy' ? [ip] : []))

const usable = (candidates: readonly Candidate[]): string[] => {
  const ready = candidates.filter((candidate) => candidate.ready)
  const chosen =
    ready.length > 0 ? ready : candidates.filter(({ serving, terminating }) => serving && terminating)
  return [
    ...new Set(
      chosen.map(({ address, port }) =>
        address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`,
      ),
    ),
  ].sort()
}

/** Topology hints: a preference that holds only where every ready endpoint takes part in it. */
function nearest(
  candidates: readonly Candidate[],
  node: Node | undefined,
  name: string,
): readonly Candidate[] {
  const ready = candidates.filter((candidate) => candidate.ready)
  if (ready.length === 0) return candidates
  if (ready.every(({ nodes }) => nodes !== null && nodes.length > 0)) {
    const near = ready.filter(({ nodes }) => nodes?.includes(name))
    if (near.length > 0) return near
  }
  const zone = node?.metadata.labels?.['topology.kubernetes.io/zone']
  if (zone && ready.every(({ zones }) => zones !== null && zones.length > 0)) {
    const near = ready.filter(({ zones }) => zones?.includes(zone))
    if (near.length > 0) return near
  }
  return candidates
}
