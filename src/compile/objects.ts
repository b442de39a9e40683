import type { ObjectRef } from '../diagnostics/diagnostics.ts'
import type { Cluster, Sourced } from '../kube/cluster.ts'
import { fullName, type KubeObject, namespaceOf } from '../kube/names.ts'
import type {
  EndpointSlice,
  EndpointSubset,
  Endpoints,
  KubeProxyConfiguration,
  Node,
  Service,
} from '../kube/types.ts'
import { canonicalAddress } from '../net/address.ts'

const SERVICE_LABEL = 'kubernetes.io/service-name'

/** Objects that decide what a node holds. */
export type FollowedObject = Service | EndpointSlice | Endpoints | Node | KubeProxyConfiguration

/** A Service with what states its endpoints. */
export type ServiceObjects = Pick<Cluster, 'services' | 'endpointSlices' | 'endpoints'>

/** The objects of a cluster by name, of which some are replaced from step to step. */
export class ClusterObjects {
  readonly #rest: Cluster
  readonly #services: Map<string, Sourced<Service>>
  readonly #slices: Map<string, Sourced<EndpointSlice>>
  readonly #endpoints: Map<string, Sourced<Endpoints>>
  readonly #nodes: Map<string, Sourced<Node>>
  /** There is one; several are an error of the input, until one takes their place. */
  #configurations: Cluster['configurations']
  /** Names of slices by the `namespace/name` of their Service. */
  readonly #slicesOf = new Map<string, Set<string>>()

  constructor(cluster: Cluster) {
    this.#rest = cluster
    this.#services = byName(cluster.services)
    this.#slices = byName(cluster.endpointSlices)
    this.#endpoints = byName(cluster.endpoints)
    this.#nodes = new Map(cluster.nodes.map((node) => [node.object.metadata.name, node]))
    this.#configurations = cluster.configurations
    for (const [name, { object }] of this.#slices) this.#addSlice(name, serviceOf(object))
  }

  /** The cluster as it is now. */
  cluster(): Cluster {
    return {
      ...this.#rest,
      services: [...this.#services.values()],
      endpointSlices: [...this.#slices.values()],
      endpoints: [...this.#endpoints.values()],
      nodes: [...this.#nodes.values()],
      configurations: this.#configurations,
    }
  }

  set({ object, ...sourced }: Sourced<FollowedObject>): void {
    switch (object.kind) {
      case 'Service':
        this.#services.set(fullName(object), { ...sourced, object })
        break
      case 'EndpointSlice':
        this.#dropSlice(fullName(object))
        this.#slices.set(fullName(object), { ...sourced, object })
        this.#addSlice(fullName(object), serviceOf(object))
        break
      case 'Endpoints':
        this.#endpoints.set(fullName(object), { ...sourced, object })
        break
      case 'Node':
        this.#nodes.set(object.metadata.name, { ...sourced, object })
        break
      case 'KubeProxyConfiguration':
        this.#configurations = [{ ...sourced, object }]
    }
  }

  remove({ kind, namespace, name }: ObjectRef): void {
    const full = `${namespace || 'default'}/${name}`
    if (kind === 'Service') this.#services.delete(full)
    else if (kind === 'EndpointSlice') this.#dropSlice(full)
    else if (kind === 'Endpoints') this.#endpoints.delete(full)
    else if (kind === 'Node') this.#nodes.delete(name)
    else if (kind === 'KubeProxyConfiguration') this.#configurations = []
  }

  /** The Service whose endpoints an object states, by `namespace/name`; `null`: it states none, or of one that is not there. */
  serviceStatedBy(object: FollowedObject): string | null {
    if (object.kind !== 'EndpointSlice' && object.kind !== 'Endpoints') return null
    const service = object.kind === 'Endpoints' ? fullName(object) : serviceOf(object)
    return this.#services.has(service) ? service : null
  }

  /** An object that stands there now and states endpoints. */
  stating({ kind, namespace, name }: ObjectRef): EndpointSlice | Endpoints | undefined {
    const full = `${namespace || 'default'}/${name}`
    return (kind === 'EndpointSlice' ? this.#slices : kind === 'Endpoints' ? this.#endpoints : NONE).get(full)
      ?.object
  }

  ofService(name: string): ServiceObjects {
    const pick = <T>(objects: ReadonlyMap<string, T>, names: Iterable<string>): T[] =>
      [...names].flatMap((key) => objects.get(key) ?? [])
    return {
      services: pick(this.#services, [name]),
      endpointSlices: pick(this.#slices, this.#slicesOf.get(name) ?? []),
      endpoints: pick(this.#endpoints, [name]),
    }
  }

  /** A cluster that holds one Service alone, with all Nodes and settings. */
  alone(objects: ServiceObjects): Cluster {
    return { ...objects, nodes: [...this.#nodes.values()], configurations: this.#configurations }
  }

  /** Whether a pod is an endpoint of another Service, too. */
  isServedByOthers(address: string, service: string): boolean {
    const own = this.#slicesOf.get(service)
    for (const [name, { object }] of this.#slices)
      if (
        !own?.has(name) &&
        (object.endpoints ?? []).some((endpoint) => isAt(endpoint.addresses[0], address))
      )
        return true
    for (const [name, { object }] of this.#endpoints)
      if (name !== service && (object.subsets ?? []).some((subset) => statesAddress(subset, address)))
        return true
    return false
  }

  #addSlice(name: string, service: string): void {
    const known = this.#slicesOf.get(service)
    if (known === undefined) this.#slicesOf.set(service, new Set([name]))
    else known.add(name)
  }

  #dropSlice(name: string): void {
    const before = this.#slices.get(name)
    if (before === undefined) return
    this.#slicesOf.get(serviceOf(before.object))?.delete(name)
    this.#slices.delete(name)
  }
}

const NONE: ReadonlyMap<string, Sourced<EndpointSlice>> = new Map()

const byName = <T extends KubeObject>(list: readonly Sourced<T>[]): Map<string, Sourced<T>> =>
  new Map(list.map((item) => [fullName(item.object), item]))

const serviceOf = (slice: EndpointSlice): string =>
  `${namespaceOf(slice)}/${slice.metadata.labels?.[SERVICE_LABEL] ?? ''}`

const statesAddress = ({ addresses, notReadyAddresses }: EndpointSubset, wanted: string): boolean =>
  [...(addresses ?? []), ...(notReadyAddresses ?? [])].some(({ ip }) => isAt(ip, wanted))

/** Only an IPv6 address can be written in several ways. */
const isAt = (text: string | undefined, address: string): boolean =>
  text === address || (text !== undefined && text.includes(':') && canonicalAddress(text) === address)
