import { sameServer } from '../resolve/endpoints.ts'
import type { Endpoint, ServicePort } from '../resolve/types.ts'
import type { NodeFacts } from './facts.ts'

/** The endpoints of a service port as one node sees them. Section 2 of the semantics. */
export interface EndpointLists {
  /** For traffic that may go anywhere: none for a port that no such traffic reaches. */
  readonly cluster: readonly Endpoint[]
  readonly local: readonly Endpoint[]
}

export function endpointLists(servicePort: ServicePort, node: NodeFacts): EndpointLists {
  const endpoints = preferLocalCopies(servicePort.endpoints, isOn(node))
  return {
    cluster: usesClusterEndpoints(servicePort) ? clusterEndpoints(endpoints, node) : [],
    local: usesLocalEndpoints(servicePort) ? readyElseTerminating(endpoints.filter(isOn(node))) : [],
  }
}

/** The lists of a port on which all nodes agree (`variesByNode`). */
export const commonLists = (servicePort: ServicePort): EndpointLists => ({
  cluster: usesClusterEndpoints(servicePort) ? readyElseTerminating(servicePort.endpoints) : [],
  local: [],
})

/** Whether nodes may make different lists of the endpoints of a port. */
export const variesByNode = (servicePort: ServicePort): boolean =>
  usesLocalEndpoints(servicePort) || hasCopies(servicePort.endpoints) || servicePort.endpoints.some(hasHints)

const hasHints = ({ forNodes, forZones }: Endpoint): boolean => forNodes !== null || forZones !== null

const isOn =
  ({ name }: NodeFacts) =>
  ({ nodeName }: Endpoint): boolean =>
    nodeName === name

/** Endpoints of service ports on one node, whatever their state: for hairpin traffic. */
export type LocalEndpoints = ReadonlyMap<ServicePort, readonly Endpoint[]>

/** Those of each node that is named. Of the copies of one `ip:port`, a node has one. */
export function endpointsByNode(
  servicePorts: readonly ServicePort[],
  nodes: Iterable<string>,
): ReadonlyMap<string, LocalEndpoints> {
  const byNode = new Map([...nodes].map((name) => [name, new Map<ServicePort, Endpoint[]>()]))
  for (const servicePort of servicePorts)
    for (const endpoint of servicePort.endpoints) {
      const ports = byNode.get(endpoint.nodeName as string)
      if (ports === undefined) continue
      const known = ports.get(servicePort)
      if (known === undefined) ports.set(servicePort, [endpoint])
      else if (!sameServer(known.at(-1) as Endpoint, endpoint)) known.push(endpoint)
    }
  return byNode
}

function hasCopies(endpoints: readonly Endpoint[]): boolean {
  for (let index = 1; index < endpoints.length; index++)
    if (sameServer(endpoints[index - 1] as Endpoint, endpoints[index] as Endpoint)) return true
  return false
}

/** Of the copies of one `ip:port`, a local one counts; the copies stand together. */
function preferLocalCopies(
  endpoints: readonly Endpoint[],
  isLocal: (endpoint: Endpoint) => boolean,
): readonly Endpoint[] {
  if (!hasCopies(endpoints)) return endpoints
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
