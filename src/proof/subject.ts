import type { ProxyConfig } from '../config/types.ts'
import type { Cluster } from '../kube/cluster.ts'
import { canonicalAddress } from '../net/address.ts'
import type { NodeFacts } from '../node/facts.ts'
import type { Plan } from '../plan/types.ts'
import { expectedSettings, servedAddresses } from './expected.ts'
import { type NodeNetwork, networkOf } from './network.ts'
import { healthCheckPorts, localEndpoints, type NodePromises, servicePromises } from './promises.ts'

/** The rules of a node, what its network is, and what is promised of them. */
export interface Subject {
  readonly plan: Plan
  readonly network: NodeNetwork
  readonly promises: NodePromises
}

export interface SubjectInput {
  readonly plan: Plan
  readonly cluster: Cluster
  readonly facts: NodeFacts
  readonly config: ProxyConfig
  /** What the node itself tells of its addresses; default: those of the facts. */
  readonly addresses?: readonly string[]
}

/** Puts a plan beside what the cluster promises of its node. */
export function subjectOf({
  plan,
  cluster,
  facts,
  config,
  addresses = facts.addresses,
}: SubjectInput): Subject {
  const { families } = plan
  const options = {
    node: facts.name,
    nodePortAddresses: servedAddresses(families, config, facts),
    families,
    scheduler: config.scheduler,
  }
  return {
    plan,
    network: networkOf({ ...facts, addresses }, podsOn(cluster, facts.name)),
    promises: {
      services: servicePromises(cluster, options),
      healthCheckPorts: options.nodePortAddresses.length === 0 ? [] : healthCheckPorts(cluster),
      localEndpoints: localEndpoints(cluster, options),
      settings: expectedSettings(families, config, facts),
    },
  }
}

/** Addresses of Pods, and of endpoints, that are on a node. */
function podsOn({ pods = [], endpointSlices, endpoints }: Cluster, node: string): string[] {
  return [
    ...pods
      .filter(({ object }) => object.spec?.nodeName === node && object.spec?.hostNetwork !== true)
      .flatMap(({ object }) => podAddresses(object)),
    ...endpointSlices.flatMap(({ object }) =>
      (object.endpoints ?? [])
        .filter(({ nodeName }) => nodeName === node)
        .flatMap(({ addresses }) => addresses),
    ),
    ...endpoints.flatMap(({ object }) =>
      (object.subsets ?? []).flatMap(({ addresses, notReadyAddresses }) =>
        [...(addresses ?? []), ...(notReadyAddresses ?? [])]
          .filter(({ nodeName }) => nodeName === node)
          .map(({ ip }) => ip),
      ),
    ),
  ]
}

type PodObject = NonNullable<Cluster['pods']>[number]['object']

/** Addresses of a Pod, each once. */
export const podAddresses = ({ status }: PodObject): string[] =>
  [...new Set([status?.podIP, ...(status?.podIPs ?? []).map(({ ip }) => ip)])].flatMap(
    (text) => canonicalAddress(text ?? '') ?? [],
  )
