import type { ProxyConfig } from '../../config/types.ts'
import { rangesOf } from '../../desired/ranges.ts'
import type { DesiredOptions, Ranges } from '../../desired/types.ts'
import type { Diagnostic, JsonPath } from '../../diagnostics/diagnostics.ts'
import type { Cluster, Sourced } from '../../kube/cluster.ts'
import { fullName, type KubeObject, refOf } from '../../kube/names.ts'
import type { EndpointSlice, Endpoints, KubeProxyConfiguration, Pod, Service } from '../../kube/types.ts'
import { canonicalAddress } from '../../net/address.ts'
import { compareText, sortedBy } from '../../order.ts'
import type { ConflictPolicy } from '../../resolve/options.ts'
import { resolveCluster } from '../../resolve/resolve.ts'
import type { ServicePort } from '../../resolve/types.ts'
import type { Draft } from './draft.ts'
import { type PodsByAddress, podAddressesByNamespace } from './pods.ts'

/** A cluster as rules look at it: what several of them ask is worked out once. */
export interface ClusterSubject {
  readonly cluster: Cluster
  readonly config: ProxyConfig
  /** Where the configuration stands; `null`: nobody gave one. */
  readonly configuration: Sourced<KubeProxyConfiguration> | null
  /** Ordered by key: those of Services without errors. */
  readonly ports: readonly ServicePort[]
  /** Nodes by address. */
  readonly nodesByAddress: ReadonlyMap<string, string>
  /** Names of nodes, in order. */
  readonly nodes: readonly string[]
  /** Zones by node; `null`: it has none. */
  readonly zones: ReadonlyMap<string, string | null>
  /** Addresses at which an API server answers, but for that of its Service. */
  readonly apiServers: ReadonlySet<string>
  /** Pods that run; `null`: nobody listed them. */
  readonly pods: readonly Sourced<Pod>[] | null
  /** Those with an address of their own. */
  readonly podsByAddress: PodsByAddress
  readonly ranges: Ranges
}

export interface SubjectOptions {
  readonly config: ProxyConfig
  /** Default: the older of two that claim one address has it. */
  readonly onConflict?: ConflictPolicy
  readonly configuration?: Sourced<KubeProxyConfiguration> | null
  /** Where cluster IPs and node ports come from, where that was given. */
  readonly ranges?: Pick<DesiredOptions, 'serviceCIDRs' | 'nodePortRange'>
}

const ZONE_LABEL = 'topology.kubernetes.io/zone'
const API_SERVICE = 'default/kubernetes'

/** With the problems of Services and slices that a build would name. */
export function clusterSubject(
  cluster: Cluster,
  options: SubjectOptions,
): { readonly subject: ClusterSubject; readonly diagnostics: readonly Diagnostic[] } {
  const { config, onConflict = 'first' } = options
  const { resolved, diagnostics } = resolveCluster(cluster, { scheduler: config.scheduler, onConflict })
  return { subject: subjectOf(cluster, resolved.servicePorts, options), diagnostics }
}

function subjectOf(
  cluster: Cluster,
  ports: readonly ServicePort[],
  { config, configuration = null, ranges = {} }: SubjectOptions,
): ClusterSubject {
  const pods = podsOf(cluster)
  const nodes = sortedBy(cluster.nodes, ({ object }) => object.metadata.name)
  return {
    cluster,
    config,
    configuration,
    ports,
    nodesByAddress: new Map(
      nodes.flatMap(({ object }) =>
        (object.status?.addresses ?? []).flatMap(({ address }) => {
          const canonical = canonicalAddress(address)
          return canonical === null ? [] : [[canonical, object.metadata.name] as const]
        }),
      ),
    ),
    nodes: nodes.map(({ object }) => object.metadata.name),
    zones: new Map(
      nodes.map(({ object }) => [object.metadata.name, object.metadata.labels?.[ZONE_LABEL] || null]),
    ),
    apiServers: apiServersOf(ports),
    pods,
    podsByAddress: podAddressesByNamespace(pods ?? []),
    ranges: rangesOf(cluster, NO_CLUSTER, ranges),
  }
}

const NO_CLUSTER: Cluster = { services: [], endpointSlices: [], endpoints: [], nodes: [], configurations: [] }

/** A snapshot that lists Pods and holds none has none. */
const podsOf = ({ pods, snapshots = [] }: Cluster): readonly Sourced<Pod>[] | null =>
  pods ?? (snapshots.some(({ object }) => object.listed.includes('pods')) ? [] : null)

/** An API server keeps the endpoints of its own Service. */
const apiServersOf = (ports: readonly ServicePort[]): ReadonlySet<string> =>
  new Set(
    ports
      .filter(({ service }) => isApiService(service.object))
      .flatMap(({ endpoints }) => endpoints.map(({ address }) => address)),
  )

export const isApiService = (service: Service): boolean => fullName(service) === API_SERVICE

/** What a rule found in a Service, at one of its fields. */
export const inService = (
  { object, origin }: Sourced<Service>,
  path: JsonPath,
  message: string,
): Pick<Draft, 'subject' | 'origin' | 'path' | 'service' | 'message'> => ({
  message,
  subject: refOf(object),
  origin,
  path,
  service: fullName(object),
})

/** What a rule found in an object that belongs to a Service, or to none. */
export const inObject = (
  { object, origin }: Sourced<KubeObject>,
  path: JsonPath,
  service: string | null,
  message: string,
): Pick<Draft, 'subject' | 'origin' | 'path' | 'service' | 'message'> => ({
  message,
  subject: refOf(object),
  origin,
  path,
  service,
})

/** Ports of each Service, in the order of names. */
export function portsByService(ports: readonly ServicePort[]): Map<string, readonly ServicePort[]> {
  const groups = new Map<string, ServicePort[]>()
  for (const port of ports) {
    const name = fullName(port.service.object)
    const known = groups.get(name)
    if (known === undefined) groups.set(name, [port])
    else known.push(port)
  }
  return new Map([...groups].sort(([a], [b]) => compareText(a, b)))
}

/** Where an endpoint of a Service stands in the objects that state it; `null`: nowhere. */
export function endpointPlace(
  { sources }: ServicePort,
  address: string,
): { readonly source: Sourced<EndpointSlice> | Sourced<Endpoints>; readonly path: JsonPath } | null {
  for (const source of sources) {
    const path = pathIn(source.object, address)
    if (path !== null) return { source, path }
  }
  return null
}

function pathIn(object: EndpointSlice | Endpoints, address: string): JsonPath | null {
  if (object.kind === 'EndpointSlice') {
    const index = (object.endpoints ?? []).findIndex(({ addresses }) => addresses[0] === address)
    return index < 0 ? null : ['endpoints', index, 'addresses', 0]
  }
  for (const [subset, { addresses, notReadyAddresses }] of (object.subsets ?? []).entries())
    for (const [field, list] of [
      ['addresses', addresses],
      ['notReadyAddresses', notReadyAddresses],
    ] as const) {
      const index = (list ?? []).findIndex(({ ip }) => ip === address)
      if (index >= 0) return ['subsets', subset, field, index, 'ip']
    }
  return null
}
