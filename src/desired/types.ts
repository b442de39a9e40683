import type { Diagnostic, JsonPath } from '../diagnostics/diagnostics.ts'
import type { AssumedObject } from '../kube/assumed.ts'
import type { Cluster, Sourced } from '../kube/cluster.ts'
import type { Service, ServicePortSpec, ServiceSpec } from '../kube/types.ts'
import type { Network } from '../net/address.ts'

export interface DesiredOptions {
  /** Where objects without a namespace go. Default `default`. */
  readonly namespace?: string
  /** The manifests that were applied before these: what only they hold is gone, and what they set is no longer set. */
  readonly was?: Cluster | null
  /** Networks of cluster IPs, the primary family first. Default: what the snapshot tells. */
  readonly serviceCIDRs?: readonly string[] | null
  /** `30000-32767`. Default: what the snapshot tells. */
  readonly nodePortRange?: string | null
}

export interface Desired {
  /** What the cluster would hold. Objects that no manifest touches are those of the snapshot, unchanged. */
  readonly cluster: Cluster
  readonly diagnostics: readonly Diagnostic[]
  /** Services with fields that nobody stated, in the order of their names. */
  readonly assumed: readonly AssumedObject[]
}

/** Where the API server takes cluster IPs and node ports from. */
export interface Ranges {
  /** One or more of each family that the cluster has; the family of the first is the primary one. */
  readonly networks: readonly Network[]
  readonly nodePorts: { readonly first: number; readonly last: number }
  /** Whether the networks are a guess from the addresses in use. */
  readonly inferred: boolean
}

export type Writable<T> = { -readonly [K in keyof T]: T[K] }
export type SpecDraft = Omit<Writable<ServiceSpec>, 'ports'> & { ports?: Writable<ServicePortSpec>[] }

/** A Service that is being laid: what the API server has to fill in comes later. */
export interface Draft {
  readonly service: Sourced<Service>
  readonly spec: SpecDraft
  status: Service['status']
  /** Fields that were assumed before and stay. */
  readonly assumed: JsonPath[]
  /** The Service before, where there is one that is changed in place. */
  readonly before: Sourced<Service> | null
}
