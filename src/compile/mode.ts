import type { ProxyConfig } from '../config/types.ts'
import type { Diagnostic } from '../diagnostics/diagnostics.ts'
import type { Sourced } from '../kube/cluster.ts'
import type { Node } from '../kube/types.ts'
import type { Family } from '../net/family.ts'
import type { NodeFacts } from '../node/facts.ts'
import type { Owners } from '../plan/owners.ts'
import type { Plan } from '../plan/types.ts'
import type { ConflictPolicy } from '../resolve/options.ts'
import type { ResolvedCluster } from '../resolve/types.ts'
import type { Provenance } from './provenance.ts'

/** How the Services of a cluster become the state of a node's kernel. A folder of `modes` makes each. */
export interface Mode {
  /** As `mode` of a KubeProxyConfiguration names it. */
  readonly name: string
  readonly plansOf: (resolved: ResolvedCluster, context: ClusterContext) => ClusterPlans
  /** What is to be said of a node whatever its Services are, such as of its kernel. */
  readonly nodeDiagnostics: (node: Sourced<Node>, facts: NodeFacts) => readonly Diagnostic[]
}

/** What all nodes are compiled with. */
export interface ClusterContext {
  readonly config: ProxyConfig
  readonly families: readonly Family[]
  readonly onConflict: ConflictPolicy
  readonly prerequisites: 'check' | 'set'
  /** Names of the nodes that are asked for. */
  readonly nodes: readonly string[]
}

/** Plans of the nodes of one cluster. What is the same for several of them is worked out once. */
export interface ClusterPlans {
  onNode(node: NodeFacts): BuiltPlan
}

/** What is made for a node; each part when it is first asked for. */
export interface BuiltPlan {
  readonly plan: Plan
  readonly owners: Owners
  readonly provenance: Provenance
  readonly diagnostics: readonly Diagnostic[]
}
