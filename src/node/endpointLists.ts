import { sameServer } from '../resolve/endpoints.ts'
import type { Endpoint, ServicePort } from '../resolve/types.ts'
import type { NodeFacts } from './facts.ts'

/** The endpoints of a service port as one node sees them. Section 2 of the semantics. */
export interface EndpointLists {
  /** For traffic that may go anywhere: none for a port that no such traffic reaches. */
  readonly cluster: readonly Endpoint[]
  readonly local: readonly Endpoint[]
  /** Local endpoints whatever their state, for hairpin traffic. */
  readonly allLocal: readonly Endpoint[]
}

export function endpointLists(servicePort: ServicePort, node: NodeFacts): EndpointLists {
  const isLocal = ({ nodeName }: Endpoint): boolean => nodeName === node.name
  const endpoints = preferLocalCopies(servicePort.endpoints, isLocal)
  const allLocal = endpoints.filter(isLocal)
  return {
    cluster: usesClusterEndpoints(servicePort) ? clusterEndpoints(endpoints, node) : [],
    local: usesLocalEndpoints(servicePort) ? readyElseTerminating(allLocal) : [],
    allLocal,
  }
}

/** Of the copies of one `ip:port`, a local one counts; the copies stand together. */
function preferLocalCopies(
  endpoints: readonly Endpoint[],
  isLocal: (endpoint: Endpoint) => boolean,
): readonly Endpoint[] {
  let copies = false
  for (let index = 1; index < endpoints.length && !copies; index++)
    copies = sameServer(endpoints[index - 1] as Endpoint, endpoints[index] as Endpoint)
  if (!copies) return endpoints

  const chosen: Endpoint[] = []
  for (const endpoint of endpoints) {
    const last = chosen.at(-1)
    if (last === undefined || !sameServer(last, endpoint)) chosen.push(endpoint)
    else if (isLocal(endpoint) && !isLocal(last)) chosen[chosen.length - 1] = endpoint
  }
  return chosen
}

/** Outside traffic needs the cluster's endpoints even under a Local policy: they stand in for absent local ones. */
const usesClusterEndpoints = ({
  internalPolicy,
  nodePort,
  loadBalancerVIPs,
  externalIPs,
}: ServicePort): boolean =>
  internalPolicy === 'Cluster' || nodePort !== null || loadBalancerVIPs.length > 0 || externalIPs.length > 0

const usesLocalEndpoints = ({ internalPolicy, externalPolicy }: ServicePort): boolean =>
  internalPolicy === 'Local' || externalPolicy === 'Local'

function clusterEndpoints(endpoints: readonly Endpoint[], node: NodeFacts): readonly Endpoint[] {
  const ready = endpoints.filter((endpoint) => endpoint.ready)
  const narrowed = narrowByHints(ready, node)
  return narrowed.length > 0 ? narrowed : endpoints.filter(isServingAndTerminating)
}

/** During a rollout that loses its last ready pod, slow answers beat refused connections. */
function readyElseTerminating(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const ready = endpoints.filter((endpoint) => endpoint.ready)
  return ready.length > 0 ? ready : endpoints.filter(isServingAndTerminating)
}

const isServingAndTerminating = ({ serving, terminating }: Endpoint): boolean => serving && terminating

/** Hints count only when every ready endpoint has them, and only when they leave at least one. */
function narrowByHints(ready: readonly Endpoint[], { name, zone }: NodeFacts): readonly Endpoint[] {
  const narrow = (
    hints: (endpoint: Endpoint) => readonly string[] | null,
    wanted: string,
  ): readonly Endpoint[] =>
    ready.every((endpoint) => hints(endpoint) !== null)
      ? ready.filter((endpoint) => hints(endpoint)?.includes(wanted))
      : []
  const byNode = narrow(({ forNodes }) => forNodes, name)
  if (byNode.length > 0) return byNode
  const byZone = zone === null ? [] : narrow(({ forZones }) => forZones, zone)
  return byZone.length > 0 ? byZone : ready
}
