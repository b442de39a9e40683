import type { Origin } from '../diagnostics/diagnostics.ts'
import type { EndpointSlice, Endpoints, KubeProxyConfiguration, Node, Service } from './types.ts'

/** An object that passed its schema, and where it was read. */
export interface Sourced<T> {
  readonly object: T
  readonly origin: Origin
}

/** A snapshot: everything of a cluster that the compiler may know, each object once. */
export interface Cluster {
  readonly services: readonly Sourced<Service>[]
  readonly endpointSlices: readonly Sourced<EndpointSlice>[]
  readonly endpoints: readonly Sourced<Endpoints>[]
  readonly nodes: readonly Sourced<Node>[]
  readonly configurations: readonly Sourced<KubeProxyConfiguration>[]
}
