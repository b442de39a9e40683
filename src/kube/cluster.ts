import type { JsonPath, ObjectRef, Origin } from '../diagnostics/diagnostics.ts'
import type {
  ApiServerSettings,
  EndpointSlice,
  Endpoints,
  KubeProxyConfiguration,
  Namespace,
  Node,
  Pod,
  Service,
  ServiceCIDR,
  SnapshotRecord,
  Workload,
} from './types.ts'

/** An object that passed its schema, and where it was read. */
export interface Sourced<T> {
  readonly object: T
  readonly origin: Origin
  /** Fields whose values nobody stated: a cluster would choose them, perhaps others. Absent: none. */
  readonly assumed?: readonly JsonPath[]
}

/** A snapshot: everything of a cluster that the compiler may know, each object once. */
export interface Cluster {
  readonly services: readonly Sourced<Service>[]
  readonly endpointSlices: readonly Sourced<EndpointSlice>[]
  readonly endpoints: readonly Sourced<Endpoints>[]
  readonly nodes: readonly Sourced<Node>[]
  readonly configurations: readonly Sourced<KubeProxyConfiguration>[]
  /** Absent: they were not listed, which is not the same as none. */
  readonly pods?: readonly Sourced<Pod>[]
  readonly workloads?: readonly Sourced<Workload>[]
  readonly namespaces?: readonly Sourced<Namespace>[]
  readonly serviceCIDRs?: readonly Sourced<ServiceCIDR>[]
  readonly apiServers?: readonly Sourced<ApiServerSettings>[]
  /** What snapshots among the inputs say of themselves. Absent: there is none, or it is older than such records. */
  readonly snapshots?: readonly Sourced<SnapshotRecord>[]
  /** Inputs that have to be rendered before they say anything. */
  readonly unrendered?: readonly Unrendered[]
  /** Objects of the inputs that are not here because of their errors. */
  readonly refused?: readonly ObjectRef[]
}

/** A template, or a Kustomization that changes what lies beside it: what it holds is unknown, not absent. */
export interface Unrendered {
  readonly kind: 'template' | 'kustomization'
  readonly source: string
  /** Names of the Services that it is known to hold. */
  readonly services: readonly string[]
}
