import type { Cluster, Sourced } from '../kube/cluster.ts'
import { canonicalText, clusterIPsOf, protocolOf, targetPortOf, typeOf } from '../kube/defaults.ts'
import { fullName } from '../kube/names.ts'
import type {
  EndpointPort,
  EndpointSlice,
  Pod,
  Service,
  ServicePortSpec,
  SliceEndpoint,
} from '../kube/types.ts'
import { canonicalAddress, familyOf } from '../net/address.ts'
import { apiFamily } from './families.ts'
import { addressesOf, isReady, mayServe, portOn, selectorOf } from './pods.ts'

export const SERVICE_LABEL = 'kubernetes.io/service-name'
export const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by'
export const CONTROLLER = 'endpointslice-controller.k8s.io'

/** `namespace/name` of the Service that a slice belongs to. */
export const serviceOfSlice = ({ metadata }: EndpointSlice): string =>
  `${metadata.namespace || 'default'}/${metadata.labels?.[SERVICE_LABEL] ?? ''}`

/** Families that a Service has endpoints of. */
export const endpointFamilies = ({ spec }: Service): readonly string[] => {
  if (spec?.ipFamilies?.length) return spec.ipFamilies
  const families = [...new Set(clusterIPsOf(spec ?? {}).map(apiFamily))]
  return families.length > 0 ? families : ['IPv4']
}

/** What the endpoints of a Service follow from: while it stays the same, so do they. */
export function endpointsMeaning(service: Service): string {
  const { spec } = service
  return canonicalText({
    external: typeOf(spec ?? {}) === 'ExternalName',
    selector: selectorOf(service),
    families: endpointFamilies(service),
    notReady: spec?.publishNotReadyAddresses ?? false,
    ports: (spec?.ports ?? [])
      .map((port) => `${protocolOf(port)} ${port.name ?? ''} ${targetPortOf(port)}`)
      .sort(),
  })
}

/** Slices as the controller makes them of Pods: one for each family and each way in which Pods have the ports. */
export function slicesFromPods(
  service: Sourced<Service>,
  pods: readonly Pod[],
  zones: ReadonlyMap<string, string | null>,
): Sourced<EndpointSlice>[] {
  const { object } = service
  const publish = object.spec?.publishNotReadyAddresses ?? false
  const serving = pods.filter(mayServe)
  return endpointFamilies(object).flatMap((family) => {
    const groups = new Map<string, { ports: readonly EndpointPort[]; endpoints: SliceEndpoint[] }>()
    for (const pod of serving) {
      const addresses = addressesOf(pod).filter(
        (address) => apiFamily(canonicalAddress(address) ?? address) === family,
      )
      if (addresses.length === 0) continue
      const ports = portsOn(object, pod)
      const key = canonicalText(ports)
      const group = groups.get(key) ?? { ports, endpoints: [] }
      group.endpoints.push(podEndpoint(pod, addresses, publish, zones))
      groups.set(key, group)
    }
    const ordered = [...groups].sort(([a], [b]) => (a < b ? -1 : 1))
    return ordered.map(([, { ports, endpoints }], index) =>
      madeSlice(service, family, index, ports, endpoints),
    )
  })
}

/** Ports that a Pod does not have are left out for it alone. */
const portsOn = ({ spec }: Service, pod: Pod): EndpointPort[] =>
  (spec?.ports ?? []).flatMap((port) => {
    const number = portOn(pod.spec ?? {}, port)
    return number === null ? [] : [{ name: port.name ?? '', protocol: protocolOf(port), port: number }]
  })

function podEndpoint(
  pod: Pod,
  addresses: readonly string[],
  publish: boolean,
  zones: ReadonlyMap<string, string | null>,
): SliceEndpoint {
  const [serving, terminating] = [isReady(pod), Boolean(pod.metadata.deletionTimestamp)]
  const nodeName = pod.spec?.nodeName || null
  const zone = nodeName === null ? null : (zones.get(nodeName) ?? null)
  return {
    addresses,
    conditions: { ready: publish || (serving && !terminating), serving, terminating },
    ...(nodeName === null ? {} : { nodeName }),
    ...(zone === null ? {} : { zone }),
  }
}

/** Named after the Service, so that it is the same in every run. */
export const madeSlice = (
  { object, origin }: Sourced<Service>,
  family: string,
  index: number,
  ports: readonly EndpointPort[],
  endpoints: readonly SliceEndpoint[],
): Sourced<EndpointSlice> => ({
  object: {
    kind: 'EndpointSlice',
    metadata: {
      name: `${object.metadata.name}-${family.toLowerCase()}-${index + 1}`,
      namespace: object.metadata.namespace || 'default',
      labels: { [MANAGED_BY]: CONTROLLER, [SERVICE_LABEL]: object.metadata.name },
    },
    addressType: family === 'IPv6' ? 'IPv6' : 'IPv4',
    endpoints,
    ports,
  },
  origin,
})

const CLOSE: ReadonlySet<string> = new Set(['PreferClose', 'PreferSameZone', 'PreferSameNode'])
const TOPOLOGY_ANNOTATIONS = [
  'service.kubernetes.io/topology-mode',
  'service.kubernetes.io/topology-aware-hints',
]

/** Whether hints follow from numbers of CPUs that only the controller weighs. */
export const hasAutoHints = ({ metadata }: Service): boolean =>
  TOPOLOGY_ANNOTATIONS.some((name) => /^auto$/i.test(metadata.annotations?.[name] ?? ''))

/** What hints follow from. */
export const hintsMeaning = (service: Service): string =>
  hasAutoHints(service) ? 'Auto' : (service.spec?.trafficDistribution ?? '')

/** The slice with the hints that `trafficDistribution` asks for, or without any. */
export function withHints(slice: Sourced<EndpointSlice>, service: Service): Sourced<EndpointSlice> {
  const wanted = hasAutoHints(service) ? '' : (service.spec?.trafficDistribution ?? '')
  const endpoints = (slice.object.endpoints ?? []).map(({ hints: _old, ...endpoint }) => {
    if (!CLOSE.has(wanted) || !endpoint.conditions?.ready) return endpoint
    const hints = {
      ...(endpoint.zone ? { forZones: [{ name: endpoint.zone }] } : {}),
      ...(wanted === 'PreferSameNode' && endpoint.nodeName
        ? { forNodes: [{ name: endpoint.nodeName }] }
        : {}),
    }
    return Object.keys(hints).length === 0 ? endpoint : { ...endpoint, hints }
  })
  return { ...slice, object: { ...slice.object, endpoints } }
}

export interface Derived {
  readonly slices: readonly Sourced<EndpointSlice>[]
  /** Names of ports, or families, whose endpoints nobody can tell. */
  readonly unknown: readonly string[]
}

/**
 * What follows without any Pod: the endpoints that another Service has of the same selector are the same Pods. Numbers of
 * ports are known where they are stated, or where the other Service resolved the same name.
 */
export function slicesFromOthers(
  service: Sourced<Service>,
  donor: Service,
  known: readonly Sourced<EndpointSlice>[],
): Derived {
  const unknown: string[] = []
  const publish = service.object.spec?.publishNotReadyAddresses ?? false
  const slices = endpointFamilies(service.object).flatMap((family) => {
    const own = known.filter(({ object }) => object.addressType === family)
    if (!endpointFamilies(donor).includes(family)) {
      unknown.push(family)
      return []
    }
    const endpoints = distinctEndpoints(own).map((endpoint) => republished(endpoint, publish))
    const ports = (service.object.spec?.ports ?? []).flatMap((port) => {
      const number = derivedPort(port, donor, own)
      if (number !== null) return [{ name: port.name ?? '', protocol: protocolOf(port), port: number }]
      unknown.push(`port ${port.name || port.port}`)
      return []
    })
    return endpoints.length === 0 ? [] : [madeSlice(service, family, 0, ports, endpoints)]
  })
  return { slices, unknown: [...new Set(unknown)] }
}

function derivedPort(
  port: ServicePortSpec,
  donor: Service,
  slices: readonly Sourced<EndpointSlice>[],
): number | null {
  const target = targetPortOf(port)
  if (typeof target === 'number') return target
  const twin = donor.spec?.ports?.find(
    (other) => targetPortOf(other) === target && protocolOf(other) === protocolOf(port),
  )
  if (twin === undefined) return null
  const numbers = new Set(
    slices.flatMap(({ object }) =>
      (object.ports ?? [])
        .filter((other) => (other.name ?? '') === (twin.name ?? '') && protocolOf(other) === protocolOf(twin))
        .map((other) => other.port),
    ),
  )
  const [number] = numbers
  return numbers.size === 1 && number ? number : null
}

/** Each address once: a Pod without a named port stands in a slice of its own. */
function distinctEndpoints(slices: readonly Sourced<EndpointSlice>[]): SliceEndpoint[] {
  const byAddress = new Map<string, SliceEndpoint>()
  for (const { object } of slices)
    for (const endpoint of object.endpoints ?? []) byAddress.set(endpoint.addresses[0] ?? '', endpoint)
  return [...byAddress].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint)
}

function republished({ hints: _old, ...endpoint }: SliceEndpoint, publish: boolean): SliceEndpoint {
  const { ready, serving, terminating } = endpoint.conditions ?? {}
  const serves = serving ?? ready ?? true
  return {
    ...endpoint,
    conditions: {
      ready: publish || (serves && !terminating),
      serving: serves,
      terminating: terminating ?? false,
    },
  }
}

/** The endpoints of an Endpoints object as slices, for clusters that have no others. */
export function slicesOfEndpoints(cluster: Cluster, name: string): Sourced<EndpointSlice>[] {
  const source = cluster.endpoints.find(({ object }) => fullName(object) === name)
  const { subsets } = source?.object ?? {}
  return (subsets ?? []).flatMap(({ addresses, notReadyAddresses, ports }) => {
    const endpoint =
      (ready: boolean) =>
      ({ ip, nodeName }: { ip: string; nodeName?: string | null | undefined }): SliceEndpoint => ({
        addresses: [ip],
        conditions: { ready, serving: ready, terminating: false },
        ...(nodeName ? { nodeName } : {}),
      })
    const all = [...(addresses ?? []).map(endpoint(true)), ...(notReadyAddresses ?? []).map(endpoint(false))]
    return (['IPv4', 'IPv6'] as const).flatMap((addressType) => {
      const endpoints = all.filter(
        ({ addresses: [address = ''] }) => (familyOf(address) === 'ipv6') === (addressType === 'IPv6'),
      )
      if (endpoints.length === 0 || source === undefined) return []
      const { name: own, namespace } = source.object.metadata
      const metadata = { name: own, ...(namespace ? { namespace } : {}) }
      return [
        {
          object: { kind: 'EndpointSlice' as const, metadata, addressType, endpoints, ports: ports ?? [] },
          origin: source.origin,
        },
      ]
    })
  })
}
