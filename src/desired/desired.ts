import { assumedObjects } from '../kube/assumed.ts'
import type { Cluster, Sourced } from '../kube/cluster.ts'
import { fullName, type KubeObject } from '../kube/names.ts'
import type { Pod } from '../kube/types.ts'
import { assumedDiagnostics, inferredNetworks } from './assumed.ts'
import { layEndpoints } from './endpoints.ts'
import { expectations } from './expect.ts'
import { otherVersions, snapshotAsManifests, unknownNamespaces } from './inspect.ts'
import { PodIndex } from './pods.ts'
import { NOTHING_GONE, pruned } from './prune.ts'
import { rangesOf } from './ranges.ts'
import { layServices } from './services.ts'
import { serviceOfSlice } from './slices.ts'
import { withStated } from './stated.ts'
import type { Desired, DesiredOptions } from './types.ts'

/**
 * What a cluster would hold after `kubectl apply` of the manifests, once its controllers have settled. Pure: the order of the
 * lists does not matter, and what no manifest touches is handed on as it is.
 *
 * With `was`, the snapshot is taken as it is after those manifests, and objects that only they hold are gone.
 */
export function desired(snapshot: Cluster, manifests: Cluster, options: DesiredOptions = {}): Desired {
  const namespace = options.namespace ?? 'default'
  const now = named(manifests, namespace)
  const was = options.was ? named(options.was, namespace) : null
  const base = was === null ? snapshot : lay(snapshot, was, { ...options, was: null }, null).cluster
  return lay(base, now, options, was)
}

/** Objects without a namespace go to the one given. */
function named(manifests: Cluster, namespace: string): Cluster {
  const place = <T extends KubeObject>(source: Sourced<T>): Sourced<T> =>
    source.object.metadata.namespace
      ? source
      : { ...source, object: { ...source.object, metadata: { ...source.object.metadata, namespace } } }
  const { services, endpointSlices, endpoints, workloads } = manifests
  return {
    ...manifests,
    services: services.map(place),
    endpointSlices: endpointSlices.map(place),
    endpoints: endpoints.map(place),
    ...(workloads === undefined ? {} : { workloads: workloads.map(place) }),
  }
}

function lay(base: Cluster, manifests: Cluster, options: DesiredOptions, was: Cluster | null): Desired {
  const ranges = rangesOf(base, manifests, options)
  const gone = was === null ? NOTHING_GONE : pruned(base, was, manifests)
  const rest = without(base, gone.names)
  const { services, laid, diagnostics, allocated } = layServices(rest, manifests, was, ranges)
  const changed = laid.filter(({ before, after }) => before !== after.object)
  const wanted = laid.map(({ after }) => after.object)
  const pods = podsOf(base)
  const index = pods === null ? null : new PodIndex(pods, wanted)
  const settled = layEndpoints({ ...rest, services: base.services }, changed, index)
  const around = {
    workloads: manifests.workloads ?? [],
    pods: pods ?? [],
    index,
    nodes: base.nodes.length,
  }
  const { endpointSlices, endpoints } = settled
  return {
    cluster: withStated({ ...rest, services, endpointSlices, endpoints }, manifests),
    diagnostics: [
      ...gone.diagnostics,
      ...snapshotAsManifests(manifests),
      ...otherVersions(base, manifests),
      ...unknownNamespaces(base, manifests),
      ...diagnostics,
      ...inferredNetworks(ranges, allocated),
      ...settled.diagnostics,
      ...laid.flatMap(({ after }) => expectations(after, around)),
      ...services.flatMap(assumedDiagnostics),
    ],
    assumed: assumedObjects(services),
  }
}

/** Pods that run; `null`: nobody listed them. A snapshot that lists Pods and holds none has none. */
const podsOf = ({ pods, snapshots = [] }: Cluster): readonly Sourced<Pod>[] | null =>
  pods ?? (snapshots.some(({ object }) => object.listed.includes('pods')) ? [] : null)

/** The cluster without Services that are gone, and without what stood behind them. */
function without(cluster: Cluster, names: ReadonlySet<string>): Cluster {
  if (names.size === 0) return cluster
  const stays = ({ object }: Sourced<KubeObject>): boolean => !names.has(`${object.kind} ${fullName(object)}`)
  return {
    ...cluster,
    services: cluster.services.filter(stays),
    endpoints: cluster.endpoints.filter(
      (source) => stays(source) && !names.has(`Service ${fullName(source.object)}`),
    ),
    endpointSlices: cluster.endpointSlices.filter(
      (source) => stays(source) && !names.has(`Service ${serviceOfSlice(source.object)}`),
    ),
  }
}
