import type { Protocol } from '../kernel/protocols.ts'
import type { Cluster } from '../kube/cluster.ts'
import { fullName } from '../kube/names.ts'
import type { Service, ServicePortSpec } from '../kube/types.ts'
import { canonicalAddress, familyOf, parseNetwork } from '../net/address.ts'
import { FAMILIES, type Family } from '../net/family.ts'
import { hostPort } from '../plan/keys.ts'
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
  /** `ip:port` of those of other nodes that IPVS mode lets stand in where a Local policy leaves nobody; empty: it does not. */
  readonly standIns: readonly string[]
  /** Seconds that a client stays with one server; `null`: no affinity. */
  readonly affinity: number | null
  /** The configured scheduler; `null`: the Service asks for one of its own. */
  readonly scheduler: string | null
}

/** All that is promised of one node. */
export interface NodePromises {
  readonly services: readonly ServicePromise[]
  /** Node ports that load balancers ask which nodes have endpoints. */
  readonly healthCheckPorts: readonly number[]
  /** `ip:port` of endpoints on this node, ready or not, with their protocol: `tcp 10.0.0.1:80`. */
  readonly localEndpoints: readonly string[]
  /** What the configuration asks of settings; `null`: it is not known. */
  readonly settings: ExpectedSettings | null
}

/** How the configuration tells traffic that is masqueraded on its way to a cluster IP. */
export type Detection =
  | { readonly kind: 'all' }
  /** What comes from outside of a network of pods is; by family. */
  | { readonly kind: 'network'; readonly networks: readonly string[] }
  /** What comes by another interface is; with `+` at the end, by one whose name begins otherwise. */
  | { readonly kind: 'interface'; readonly name: string }

export interface ExpectedSettings {
  readonly detection: readonly Detection[]
  readonly conntrack: { readonly maxPerCore: number; readonly min: number }
  /** By name, each with its value. */
  readonly sysctls: Readonly<Record<string, number>>
  readonly ipvsTimeouts: { readonly tcp: number; readonly tcpFin: number; readonly udp: number }
  readonly scheduler: string
}

export interface PromiseOptions {
  readonly node: string
  /** Addresses on which the node serves node ports. */
  readonly nodePortAddresses: readonly string[]
  readonly families: readonly Family[]
  readonly scheduler?: string
}

/** Node ports of health checks: of load balancers under a Local policy. */
export const healthCheckPorts = ({ services }: Cluster): number[] => [
  ...new Set(
    services.flatMap(({ object: { spec } }) =>
      spec?.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local' && spec.healthCheckNodePort
        ? [spec.healthCheckNodePort]
        : [],
    ),
  ),
]

/** Endpoints of a node that Services have, ready or not: `tcp 10.0.0.1:80`. */
export function localEndpoints(cluster: Cluster, { node, families }: PromiseOptions): string[] {
  const candidates = candidatesByService(cluster)
  const found = cluster.services.flatMap(({ object }) =>
    !isProxied(object)
      ? []
      : (object.spec?.ports ?? []).flatMap((port) =>
          families.flatMap((family) =>
            clusterIPs(object).some((address) => familyOf(address) === family)
              ? candidatesOfPort(candidates.get(fullName(object)) ?? [], port, family)
              : [],
          ),
        ),
  )
  return [
    ...new Set(
      found.flatMap(({ address, port, protocol, node: place, strayed }) =>
        place === node && port !== null && !strayed
          ? [`${protocol.toLowerCase()} ${hostPort(address, port)}`]
          : [],
      ),
    ),
  ]
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
    standIns: policy === 'Local' && here.length === 0 ? everywhere : [],
  })
  const annotations = Object.keys(service.metadata.annotations ?? {})
  const hasOwn = annotations.some((name) => /^(ipvs\.scheduler|ipvsc\.dev\/scheduler)/.test(name))
  const base = {
    service: fullName(service),
    portName: port.name ?? '',
    protocol,
    affinity,
    scheduler: hasOwn ? null : (options.scheduler ?? null),
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
