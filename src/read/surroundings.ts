import type { Diagnostic } from '../diagnostics/diagnostics.ts'
import { validatePod } from '../generated/validators.js'
import type { Cluster, Sourced } from '../kube/cluster.ts'
import { canonicalText } from '../kube/defaults.ts'
import type { ApiServerSettings, Namespace, Pod, ServiceCIDR, SnapshotRecord } from '../kube/types.ts'
import { type FoundObject, isObject, type JsonObject } from './objects.ts'
import { snapshotRecordOf } from './snapshotRecord.ts'
import { schemaDiagnostics } from './validate.ts'
import { isWorkload, makesPods, workloadOf } from './workloads.ts'

/**
 * Kinds that have no rules of their own and tell what a cluster would hold: Pods and what makes them, namespaces, and
 * where Services get their addresses from.
 */
export class Surroundings {
  readonly #pods = new Map<string, Sourced<Pod>>()
  readonly #workloads = new Map<string, Sourced<NonNullable<ReturnType<typeof workloadOf>>>>()
  readonly #namespaces = new Map<string, Sourced<Namespace>>()
  readonly #serviceCIDRs = new Map<string, Sourced<ServiceCIDR>>()
  readonly #apiServers: Sourced<ApiServerSettings>[] = []
  readonly #snapshots: Sourced<SnapshotRecord>[] = []
  readonly #broken: FoundObject[] = []

  /** Takes what it knows. Pods that have an address or a node run; the others are to come. */
  add(found: FoundObject): void {
    const { kind, apiVersion, object, origin } = found
    const name = nameOf(object)
    if (name === null) return
    const key = `${kind} ${namespaceOf(object)}/${name}`
    if (kind === 'Pod' && apiVersion === 'v1') {
      if (!validatePod(object)) this.#broken.push(found)
      else if (runs(object))
        keepOne(this.#pods, key, { object: { ...object, kind } as unknown as Pod, origin })
      else this.#addWorkload(key, found)
    } else if (isWorkload(kind, apiVersion)) this.#addWorkload(key, found)
    else if (kind === 'Namespace' && apiVersion === 'v1')
      this.#namespaces.set(name, { object: { kind, metadata: { name } }, origin })
    else if (kind === 'ServiceCIDR' && apiVersion.startsWith('networking.k8s.io/')) {
      const { spec } = object
      const cidrs = isObject(spec) && Array.isArray(spec.cidrs) ? spec.cidrs.filter(isText) : []
      keepOne(this.#serviceCIDRs, key, { object: { kind, metadata: { name }, spec: { cidrs } }, origin })
    }
  }

  #addWorkload(key: string, { kind, object, origin }: FoundObject): void {
    const workload = workloadOf(kind, object)
    if (workload === null) return
    const text = canonicalText(workload)
    this.#workloads.set(`${key} ${text}`, { object: workload, origin })
  }

  /** Takes the record of a snapshot; `false` for anything else. */
  addSnapshot(found: FoundObject): boolean {
    const record = snapshotRecordOf(found)
    if (record !== null) this.#snapshots.push({ object: record, origin: found.origin })
    return record !== null
  }

  /** kubeadm's ClusterConfiguration, in a ConfigMap of its own. */
  addConfigMap({ object, origin }: FoundObject): void {
    const text = isObject(object.data) ? object.data.ClusterConfiguration : undefined
    if (!isText(text)) return
    const field = (name: string): string | null =>
      new RegExp(`^\\s*(?:-\\s*)?${name}:\\s*["']?([^\\s"'#]+)`, 'm').exec(text)?.[1] ?? null
    this.#apiServers.push({
      object: { serviceSubnet: field('serviceSubnet'), nodePortRange: field('service-node-port-range') },
      origin,
    })
  }

  /** What was taken: lists without any object are absent. */
  lists(): Pick<Cluster, 'pods' | 'workloads' | 'namespaces' | 'serviceCIDRs' | 'apiServers' | 'snapshots'> {
    const lists = {
      pods: [...this.#pods.values()],
      workloads: [...this.#workloads.values()],
      namespaces: [...this.#namespaces.values()],
      serviceCIDRs: [...this.#serviceCIDRs.values()],
      apiServers: this.#apiServers,
      snapshots: this.#snapshots,
    }
    return Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0))
  }

  /** Pods that cannot be read are left out: warnings, since no rule is made of a Pod itself. */
  async diagnostics(): Promise<Diagnostic[]> {
    const found: Diagnostic[] = []
    for (const { object, origin } of this.#broken.slice(0, MOST_BROKEN))
      for (const problem of await schemaDiagnostics('Pod', object, origin))
        found.push({ ...problem, severity: 'warning', message: `The Pod is passed over: ${problem.message}` })
    return found
  }
}

const MOST_BROKEN = 100

const KEPT_KINDS: ReadonlySet<string> = new Set(['Pod', 'Namespace', 'ServiceCIDR'])

/** Whether anything is kept of some version of a kind, but for ConfigMaps: of those only what `configMapTells` sees. */
export const tellsOfCluster = (kind: string): boolean => KEPT_KINDS.has(kind) || makesPods(kind)

const isText = (value: unknown): value is string => typeof value === 'string'

const nameOf = ({ metadata }: JsonObject): string | null =>
  isObject(metadata) && isText(metadata.name) ? metadata.name : null

const namespaceOf = ({ metadata }: JsonObject): string =>
  isObject(metadata) && isText(metadata.namespace) ? metadata.namespace || 'default' : 'default'

/** A Pod of a manifest has neither a status nor a node. */
const runs = ({ spec, status }: JsonObject): boolean =>
  (isObject(status) && Object.keys(status).length > 0) || (isObject(spec) && Boolean(spec.nodeName))

/** Two dumps of one cluster may hold two states of an object: one is kept, whatever the order. */
function keepOne<T>(map: Map<string, Sourced<T>>, key: string, source: Sourced<T>): void {
  const known = map.get(key)
  if (known === undefined || canonicalText(known.object) > canonicalText(source.object)) map.set(key, source)
}
