import type { ProxyConfig } from '../../../config/types.ts'
import { hostLength } from '../../../net/address.ts'
import type { EndpointLists } from '../../../node/endpointLists.ts'
import type { RealServer, VirtualServer } from '../../../plan/types.ts'
import type { Endpoint, FieldAddress, Scheduling, ServicePort } from '../../../resolve/types.ts'

/** A virtual server and what asks for it. */
export interface ClaimedVirtualServer {
  readonly virtualServer: VirtualServer
  readonly servicePort: ServicePort
  /** Where in the Service its address or port stands. */
  readonly path: FieldAddress['path']
  /** Whether its address is to be bound to the dummy interface. */
  readonly bind: 'always' | 'unlessOnNode' | 'never'
}

/** Section 3 of the semantics: what one service port asks for at addresses that its Service states. */
export function serviceClaims(
  servicePort: ServicePort,
  lists: EndpointLists,
  config: ProxyConfig,
): ClaimedVirtualServer[] {
  const { clusterIP, externalIPs, loadBalancerVIPs, internalPolicy, externalPolicy } = servicePort
  const parameters = parametersOf(servicePort, config)
  const internal = realServersOn(internalPolicy, lists)
  const external = internalPolicy === externalPolicy ? internal : realServersOn(externalPolicy, lists)
  const claim = (
    { address, path }: FieldAddress,
    realServers: readonly RealServer[],
    bind: ClaimedVirtualServer['bind'],
  ): ClaimedVirtualServer => ({
    virtualServer: virtualServer(address, servicePort.port, parameters, realServers),
    servicePort,
    path,
    bind,
  })
  return [
    claim(clusterIP, internal, 'always'),
    ...externalIPs.map((field) => claim(field, external, 'unlessOnNode')),
    ...loadBalancerVIPs.map((field) => claim(field, external, 'unlessOnNode')),
  ]
}

/** What its node port asks for at an address of a node; `null`: it has none. */
export function nodePortClaim(
  servicePort: ServicePort,
  lists: EndpointLists,
  config: ProxyConfig,
): ((address: string) => ClaimedVirtualServer) | null {
  const { nodePort, index } = servicePort
  if (nodePort === null) return null
  const parameters = parametersOf(servicePort, config)
  const realServers = realServersOn(servicePort.externalPolicy, lists)
  const path = ['spec', 'ports', index, 'nodePort']
  return (address) => ({
    virtualServer: virtualServer(address, nodePort, parameters, realServers),
    servicePort,
    path,
    bind: 'never',
  })
}

type Parameters = Omit<VirtualServer, 'address' | 'port' | 'realServers'>

function parametersOf(servicePort: ServicePort, config: ProxyConfig): Parameters {
  const { protocol, drainTimeout } = servicePort
  const { scheduler, flags } = scheduling(servicePort, config)
  const parameters = { protocol, scheduler, flags, persistence: persistence(servicePort) }
  return protocol === 'tcp' && drainTimeout !== null ? { ...parameters, drainTimeout } : parameters
}

/** Keys in the order of the type. */
function virtualServer(
  address: string,
  port: number,
  { protocol, scheduler, flags, persistence, drainTimeout }: Parameters,
  realServers: readonly RealServer[],
): VirtualServer {
  return drainTimeout === undefined
    ? { address, port, protocol, scheduler, flags, persistence, realServers }
    : { address, port, protocol, scheduler, flags, persistence, drainTimeout, realServers }
}

const realServersOn = (policy: ServicePort['externalPolicy'], lists: EndpointLists): RealServer[] =>
  realServers(policy === 'Local' && lists.local.length > 0 ? lists.local : lists.cluster)

const realServers = (endpoints: readonly Endpoint[]): RealServer[] =>
  endpoints.map(({ address, port }) => ({ address, port, forwarding: 'masquerading', weight: 1 }))

/** Scheduler mh hashes the source port too, as kube-proxy has it. */
function scheduling({ scheduling: annotated }: ServicePort, config: ProxyConfig): Scheduling {
  const { scheduler, flags } = annotated ?? { scheduler: config.scheduler, flags: [] }
  return scheduler === 'mh' && !flags.includes('mh-port')
    ? { scheduler, flags: [...flags, 'mh-port'] }
    : { scheduler, flags }
}

const persistence = ({ persistenceTimeout, family }: ServicePort): VirtualServer['persistence'] =>
  persistenceTimeout === null ? null : { timeout: persistenceTimeout, prefixLength: hostLength(family) }
