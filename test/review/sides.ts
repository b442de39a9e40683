import type { Cluster, CompileOptions } from '../../src/index.ts'
import { kernelState } from '../../src/proof/state.ts'
import type { ReviewSide } from '../../src/review/review.ts'
import { subjectOfNode } from '../proof/verifyPlan.ts'

/** Nodes of a cluster as one side of a review. */
export function sideOf(
  cluster: Cluster,
  nodes: readonly string[],
  options: Partial<CompileOptions> = {},
): ReviewSide {
  return {
    cluster,
    nodes: new Map(
      nodes.map((node) => {
        const { plan, network, promises } = subjectOfNode(cluster, { ...options, node })
        return [node, { state: kernelState(plan, network), promises: promises.services }]
      }),
    ),
  }
}
