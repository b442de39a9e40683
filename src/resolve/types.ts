import type { JsonPath } from '../diagnostics/diagnostics.ts'
import type { Protocol } from '../kernel/protocols.ts'
import type { Scheduler, SchedulerFlag } from '../kernel/schedulers.ts'
import type { Sourced } from '../kube/cluster.ts'
import type { EndpointSlice, Endpoints, Service } from '../kube/types.ts'
import type { Network } from '../net/address.ts'
import type { Family } from '../net/family.ts'

export type TrafficPolicy = 'Cluster' | 'Local'

/** An address and the field of the Service that asks for it. */
export interface FieldAddress {
  readonly address: string
  readonly path: JsonPath
}

/** One port of one Service in one family: defaults applied, values checked, endpoints joined. */
export interface ServicePort {
  /** `namespace/name:portName`, kube-proxy's name of it. */
  readonly key: string
  readonly service: Sourced<Service>
  readonly family: Family
  readonly protocol: Protocol
  readonly port: number
  /** Index in `spec.ports`. */
  readonly index: number
  readonly clusterIP: FieldAddress
  readonly externalIPs: readonly FieldAddress[]
  readonly loadBalancerVIPs: readonly FieldAddress[]
  readonly sourceRanges: readonly Network[]
  readonly nodePort: number | null
  readonly healthCheckNodePort: number | null
  readonly internalPolicy: TrafficPolicy
  readonly externalPolicy: TrafficPolicy
  /** Seconds; `null` without session affinity. */
  readonly persistenceTimeout: number | null
  /** Asked for by annotation; `null`: the configured one. */
  readonly scheduling: Scheduling | null
  /** Seconds, asked for by annotation; `null`: what a run says. */
  readonly drainTimeout: number | null
  /** Ordered by address and port; copies of one `ip:port` stand together, the preferred one first. */
  readonly endpoints: readonly Endpoint[]
  /** Slices (or Endpoints objects) of its Service. */
  readonly sources: readonly EndpointSource[]
}

/** An object that states endpoints. */
export type EndpointSource = Sourced<EndpointSlice> | Sourced<Endpoints>

export interface Scheduling {
  readonly scheduler: Scheduler
  readonly flags: readonly SchedulerFlag[]
}

/** One `ip:port` as one slice states it. */
export interface Endpoint {
  readonly address: string
  /** An IPv4 address as a number, so that lists are ordered without parsing it again; 0 for IPv6. */
  readonly rank: number
  readonly port: number
  readonly ready: boolean
  readonly serving: boolean
  readonly terminating: boolean
  readonly nodeName: string | null
  /** Topology hints: `null` when there are none of the kind. */
  readonly forZones: readonly string[] | null
  readonly forNodes: readonly string[] | null
  /** `namespace/name` of the EndpointSlice or Endpoints object it came from. */
  readonly source: string
}

/** The endpoints that one object states for one of its ports in one family. */
export interface EndpointGroup {
  readonly family: Family
  readonly portName: string
  readonly protocol: string
  readonly endpoints: readonly Endpoint[]
}

/** The part of a compilation that is the same for every node. */
export interface ResolvedCluster {
  /** Ordered by key, IPv4 before IPv6. */
  readonly servicePorts: readonly ServicePort[]
  /** Services that have rules, in at least one family. */
  readonly serviceCount: number
}
