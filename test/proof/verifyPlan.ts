import * as assert from 'uvu/assert'
import { DEFAULT_CONFIG } from '../../src/config/types.ts'
import type { Cluster, CompileOptions, Plan } from '../../src/index.ts'
import { nodeFacts } from '../../src/node/facts.ts'
import { nodePortAddressesOf } from '../../src/node/nodePorts.ts'
import { networkOf } from '../../src/proof/network.ts'
import { servicePromises } from '../../src/proof/promises.ts'
import { type Verification, verify } from '../../src/proof/verify.ts'

/** Addresses of endpoints on a node. */
const podsOn = (cluster: Cluster, name: string): string[] =>
  cluster.endpointSlices.flatMap(({ object }) =>
    (object.endpoints ?? [])
      .filter(({ nodeName }) => nodeName === name)
      .flatMap(({ addresses }) => addresses),
  )

/** Holds a plan of a node of a cluster against what the API promises. */
export function verifyPlan(plan: Plan, cluster: Cluster, options: CompileOptions): Verification {
  const config = options.config ?? DEFAULT_CONFIG
  const node = cluster.nodes.find(({ object }) => object.metadata.name === options.node)
  assert.ok(node, 'the case has its node')
  const facts = nodeFacts(node as NonNullable<typeof node>, {
    interfaceAddresses: options.interfaceAddresses ?? null,
    nodeIPs: options.nodeIPs ?? null,
    reported: null,
    bindAddress: config.bindAddress,
  })
  const nodePortAddresses = (['ipv4', 'ipv6'] as const).flatMap((family) =>
    nodePortAddressesOf(family, config, facts),
  )
  const promises = servicePromises(cluster, {
    node: options.node,
    nodePortAddresses,
    families: plan.families,
  })
  return verify(plan, promises, networkOf(facts, podsOn(cluster, options.node)))
}
