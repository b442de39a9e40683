import type { Cluster, Sourced } from '../kube/cluster.ts'
import type { KubeObject } from '../kube/names.ts'
import { namespaceOf, refOf } from '../kube/names.ts'
import { selectorOf } from './pods.ts'
import { MANAGED_BY, serviceOfSlice } from './slices.ts'

const MIRROR = 'endpointslicemirroring-controller.k8s.io'

/** Slices, Endpoints, Nodes and configurations of manifests count as they are. */
export function withStated(cluster: Cluster, manifests: Cluster): Cluster {
  const { endpointSlices, endpoints, nodes, configurations, namespaces, serviceCIDRs } = manifests
  const unselected = new Set(
    cluster.services
      .filter(({ object }) => selectorOf(object) === null)
      .map(({ object }) => `${namespaceOf(object)}/${object.metadata.name}`),
  )
  const mirrored = new Set(
    endpoints
      .map(({ object }) => `${namespaceOf(object)}/${object.metadata.name}`)
      .filter((name) => unselected.has(name)),
  )
  const slices = cluster.endpointSlices.filter(
    ({ object }) => object.metadata.labels?.[MANAGED_BY] !== MIRROR || !mirrored.has(serviceOfSlice(object)),
  )
  return {
    ...cluster,
    endpointSlices: overlaid(
      slices.length === cluster.endpointSlices.length ? cluster.endpointSlices : slices,
      endpointSlices,
    ),
    endpoints: overlaid(cluster.endpoints, endpoints),
    nodes: overlaid(cluster.nodes, nodes),
    configurations: configurations.length === 0 ? cluster.configurations : configurations,
    ...(namespaces === undefined ? {} : { namespaces: overlaid(cluster.namespaces ?? [], namespaces) }),
    ...(serviceCIDRs === undefined
      ? {}
      : { serviceCIDRs: overlaid(cluster.serviceCIDRs ?? [], serviceCIDRs) }),
  }
}

function overlaid<T extends KubeObject>(
  below: readonly Sourced<T>[],
  above: readonly Sourced<T>[],
): readonly Sourced<T>[] {
  if (above.length === 0) return below
  const key = ({ object }: Sourced<T>): string => {
    const { namespace, name } = refOf(object)
    return `${namespace ?? ''}/${name}`
  }
  const byKey = new Map(above.map((source) => [key(source), source]))
  return [...below.filter((source) => !byKey.has(key(source))), ...byKey.values()]
}
