import type { Cluster, Sourced } from '../kube/cluster.ts'
import { protocolOf, targetPortOf } from '../kube/defaults.ts'
import { namespaceOf } from '../kube/names.ts'
import type { Pod, PodSpec, Service, ServicePortSpec } from '../kube/types.ts'

export type Selector = Readonly<Record<string, string>>

/** Whether labels satisfy a selector. An empty selector is none, and selects nothing. */
export const selects = (
  selector: Selector,
  labels: Readonly<Record<string, string>> | null | undefined,
): boolean => Object.entries(selector).every(([key, value]) => labels?.[key] === value)

export const selectorOf = ({ spec }: Service): Selector | null => {
  const { selector } = spec ?? {}
  return selector && Object.keys(selector).length > 0 ? selector : null
}

/** Pods by what Services select, so that each Pod is looked at once. */
export class PodIndex {
  readonly #groups = new Map<string, Pod[]>()

  /** Only Pods that the Services at hand may select are kept, by the first pair of each selector. */
  constructor(pods: readonly Sourced<Pod>[], services: readonly Service[]) {
    const wanted = new Map<string, Set<string>>()
    for (const service of services) {
      const selector = selectorOf(service)
      if (selector === null) continue
      const namespace = namespaceOf(service)
      const [key, value] = firstPair(selector)
      this.#groups.set(`${namespace}\u0000${key}\u0000${value}`, [])
      const keys = wanted.get(namespace)
      if (keys === undefined) wanted.set(namespace, new Set([key]))
      else keys.add(key)
    }
    for (const { object } of pods) {
      const namespace = object.metadata.namespace || 'default'
      const keys = wanted.get(namespace)
      if (keys === undefined) continue
      for (const key of keys)
        this.#groups.get(`${namespace}\u0000${key}\u0000${object.metadata.labels?.[key]}`)?.push(object)
    }
  }

  /** Pods of a Service, whether they run or not, in the order of their names. */
  podsOf(service: Service): readonly Pod[] {
    const selector = selectorOf(service)
    if (selector === null) return []
    const [key, value] = firstPair(selector)
    const candidates = this.#groups.get(`${namespaceOf(service)}\u0000${key}\u0000${value}`) ?? []
    return candidates
      .filter(({ metadata }) => selects(selector, metadata.labels))
      .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
  }
}

const firstPair = (selector: Selector): [string, string] =>
  Object.entries(selector).sort(([a], [b]) => (a < b ? -1 : 1))[0] as [string, string]

/** Pods that have ended are endpoints of nothing; those that are being deleted still are. */
export const mayServe = (pod: Pod): boolean =>
  pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed' && addressesOf(pod).length > 0

export const addressesOf = ({ status }: Pod): string[] => {
  const several = (status?.podIPs ?? []).flatMap(({ ip }) => (ip ? [ip] : []))
  return several.length > 0 ? several : status?.podIP ? [status.podIP] : []
}

export const isReady = ({ status }: Pod): boolean =>
  (status?.conditions ?? []).some(({ type, status: value }) => type === 'Ready' && value === 'True')

/** The number that a port of a Service has on a Pod; `null`: no container has a port of that name and protocol. */
export function portOn(template: PodSpec, port: ServicePortSpec): number | null {
  const target = targetPortOf(port)
  if (typeof target === 'number') return target
  const sidecars = (template.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always')
  for (const { ports } of [...(template.containers ?? []), ...sidecars])
    for (const candidate of ports ?? [])
      if (candidate.name === target && protocolOf(candidate) === protocolOf(port))
        return candidate.containerPort
  return null
}

const ZONE_LABEL = 'topology.kubernetes.io/zone'

/** Zones by name of Node; `null`: a Node without one. */
export const zonesOf = ({ nodes }: Cluster): ReadonlyMap<string, string | null> =>
  new Map(nodes.map(({ object }) => [object.metadata.name, object.metadata.labels?.[ZONE_LABEL] || null]))
