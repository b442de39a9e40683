import type { Protocol } from '../kernel/protocols.ts'
import type { Cluster } from '../kube/cluster.ts'
import { fullName } from '../kube/names.ts'
import type { Service, ServicePortSpec } from '../kube/types.ts'
import { canonicalAddress, familyOf, parseNetwork } from '../net/address.ts'
import { FAMILIES, type Family } from '../net/family.ts'
import {
  type Candidate,
  candidatesByService,
  judgeEndpoints,
  type Place,
  placeOf,
  servingEndpoints,
} from './endpoints.ts'

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
  const candidates = candidatesByService(cluster)
  const place = placeOf(options.node, node)
  return cluster.services.flatMap(({ object }) =>
    isProxied(object) ? promisesOf(object, candidates.get(fullName(object)) ?? [], place, options) : [],
  )
}

export function isProxied({ metadata, spec }: Service): boolean {
  const labels = metadata.labels ?? {}
  return (
    spec?.type !== 'ExternalName' &&
    spec?.clusterIP !== 'None' &&
    !('service.kubernetes.io/service-proxy-name' in labels) &&
    !('service.kubernetes.io/headless' in labels)
  )
}

function promisesOf(
  service: Service,
  candidates: readonly Candidate[],
  place: Place,
  options: PromiseOptions,
): ServicePromise[] {
  const families = FAMILIES.filter((family) => options.families.includes(family))
  return families.flatMap((family) => {
    const clusterIP = clusterIPs(service).find((address) => familyOf(address) === family)
    if (clusterIP === undefined) return []
    return (service.spec?.ports ?? []).flatMap((port) =>
      portPromises(service, port, family, clusterIP, candidates, place, options),
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
  place: Place,
  options: PromiseOptions,
): ServicePromise[] {
  const spec = service.spec ?? {}
  const protocol = (port.protocol || 'TCP').toLowerCase() as Protocol
  const own = candidatesOfPort(candidates, port, family)
  const everywhere = servingEndpoints(judgeEndpoints(own, 'Cluster', place))
  const here = servingEndpoints(judgeEndpoints(own, 'Local', place))
  const affinity =
    spec.sessionAffinity === 'ClientIP'
      ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10800)
      : null
  const under = (policy: 'Cluster' | 'Local') => ({
    endpoints: policy === 'Local' ? here : everywhere,
    policy,
    withoutLocal: policy === 'Local' && here.length === 0,
  })
  const base = {
    service: fullName(service),
    portName: port.name ?? '',
    protocol,
    affinity,
    sourceRanges: null,
  }
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

/** Endpoints of the ports of slices that have the name and protocol of a service port. */
export const candidatesOfPort = (
  candidates: readonly Candidate[],
  { name, protocol }: ServicePortSpec,
  family: Family,
): Candidate[] =>
  candidates.filter(
    (candidate) =>
      candidate.family === family &&
      candidate.portName === (name ?? '') &&
      candidate.protocol === (protocol || 'TCP'),
  )

const balancerVIPs = ({ status }: Service): string[] =>
  (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, ipMode }) => (ip && ipMode !== 'Proxy' ? [ip] : []))
