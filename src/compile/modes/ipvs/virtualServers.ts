import type { ProxyConfig } from '../../../config/types.ts'
import { hostLength } from '../../../net/address.ts'
import type { Family } from '../../../net/family.ts'
import type { EndpointLists } from '../../../node/endpointLists.ts'
import type { NodeFacts } from '../../../node/facts.ts'
import type { RealServer, VirtualServer } from '../../../plan/types.ts'
import type { Endpoint, FieldAddress, Scheduling, ServicePort } from '../../../resolve/types.ts'

/** A virtual server and what asks for it. */
export interface ClaimedVirtualServer {
  readonly virtualServer: VirtualServer
  readonly servicePort: ServicePort
  /** Where in the Service its address or port stands. */
  readonly path: FieldAddress['path']
  /** Whether its address is to be bound to the dummy interface. */
  readonly bind: boolean
}

export interface VirtualServerContext {
  readonly config: ProxyConfig
  readonly node: NodeFacts
  /** Addresses on which node ports are served, by family. */
  readonly nodePortAddresses: Readonly<Record<Family, readonly string[]>>
}

/** Section 3 of the semantics: what one service port asks for on one node. */
export function virtualServersOf(
  servicePort: ServicePort,
  lists: EndpointLists,
  { config, node, nodePortAddresses }: VirtualServerContext,
): ClaimedVirtualServer[] {
  const { family, protocol, port, nodePort, index, internalPolicy, externalPolicy } = servicePort
  const drainTimeout = protocol === 'tcp' ? servicePort.drainTimeout : null
  const { scheduler, flags } = scheduling(servicePort, config)
  const sticky = persistence(servicePort)
  const onPolicy = (policy: ServicePort['externalPolicy']): readonly Endpoint[] =>
    policy === 'Local' && lists.local.length > 0 ? lists.local : lists.cluster

  const internal = realServers(onPolicy(internalPolicy))
  const external = internalPolicy === externalPolicy ? internal : realServers(onPolicy(externalPolicy))
  const serve = (
    { address, path }: FieldAddress,
    servers: readonly RealServer[],
    bind: boolean,
    at = port,
  ): ClaimedVirtualServer => {
    const plain = {
      address,
      port: at,
      protocol,
      scheduler,
      flags,
      persistence: sticky,
      realServers: servers,
    }
    const virtualServer = drainTimeout === null ? plain : withDrainTimeout(plain, drainTimeout)
    return { virtualServer, servicePort, path, bind }
  }
  const isElsewhere = ({ address }: FieldAddress): boolean => node.addresses.includes(address)
  const nodePortPath = ['spec', 'ports', index, 'nodePort']
  return [
    serve(servicePort.clusterIP, internal, true),
    ...servicePort.externalIPs.map((field) => serve(field, external, !isElsewhere(field))),
    ...servicePort.loadBalancerVIPs.map((field) => serve(field, external, !isElsewhere(field))),
    ...(nodePort === null ? [] : nodePortAddresses[family]).map((address) =>
      serve({ address, path: nodePortPath }, external, false, nodePort as number),
    ),
  ]
}

/** Keys in the order of the type. */
const withDrainTimeout = ({ realServers, ...rest }: VirtualServer, drainTimeout: number): VirtualServer => ({
  ...rest,
  drainTimeout,
  realServers,
})

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
