import * as assert from 'uvu/assert'
import { DEFAULT_CONFIG } from '../../src/config/types.ts'
import { type Cluster, type CompileOptions, compile, type Plan } from '../../src/index.ts'
import type { NodeFacts } from '../../src/node/facts.ts'
import { type Subject, subjectOf } from '../../src/proof/subject.ts'
import { type Verification, verify } from '../../src/proof/verify.ts'

/** A node of a cluster as it is compiled, or with another plan in place of that one. */
export function subjectOfNode(cluster: Cluster, options: CompileOptions, plan?: Plan): Subject {
  const compiled = compile(cluster, options)
  assert.ok(compiled.plan !== null && compiled.facts !== null, 'the node compiles')
  return subjectOf({
    plan: plan ?? (compiled.plan as Plan),
    cluster,
    facts: compiled.facts as NodeFacts,
    config: options.config ?? DEFAULT_CONFIG,
  })
}

/** Holds a plan of a node of a cluster against what the API promises. */
export function verifyPlan(plan: Plan, cluster: Cluster, options: CompileOptions): Verification {
  const { promises, network } = subjectOfNode(cluster, options, plan)
  return verify(plan, promises, network)
}
