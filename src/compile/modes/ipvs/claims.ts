import type { ProxyConfig } from '../../../config/types.ts'
import type { Diagnostic } from '../../../diagnostics/diagnostics.ts'
import { compareAddresses } from '../../../net/address.ts'
import type { Family } from '../../../net/family.ts'
import { type EndpointLists, endpointLists } from '../../../node/endpointLists.ts'
import type { NodeFacts } from '../../../node/facts.ts'
import { nodePortAddressesOf } from '../../../node/nodePorts.ts'
import { sortVirtualServers } from '../../../plan/canonical.ts'
import { virtualServerKey } from '../../../plan/keys.ts'
import { settleOnNode } from '../../../resolve/conflicts.ts'
import type { ConflictPolicy } from '../../../resolve/options.ts'
import type { ResolvedCluster, ServicePort } from '../../../resolve/types.ts'
import type { SetContext } from './sets.ts'
import { type ClaimedVirtualServer, virtualServersOf } from './virtualServers.ts'

export interface BuildContext {
  readonly config: ProxyConfig
  readonly node: NodeFacts
  readonly families: readonly Family[]
  readonly onConflict: ConflictPolicy
  readonly prerequisites: 'check' | 'set'
}

/** A service port with what the node makes of its endpoints. */
export interface LocatedPort {
  readonly servicePort: ServicePort
  readonly lists: EndpointLists
}

/** What the service ports of a cluster ask of one node. */
export interface NodeClaims {
  readonly ports: readonly LocatedPort[]
  /** Addresses on which node ports are served. */
  readonly nodePortAddresses: Readonly<Record<Family, readonly string[]>>
  /** In canonical order, each once. */
  readonly virtualServers: readonly ClaimedVirtualServer[]
  readonly diagnostics: readonly Diagnostic[]
}

export function claimsOf(resolved: ResolvedCluster, context: BuildContext): NodeClaims {
  const { config, node, families } = context
  const ports = resolved.servicePorts
    .filter(({ family }) => families.includes(family))
    .map((servicePort) => ({ servicePort, lists: endpointLists(servicePort, node) }))
  const nodePortAddresses = {
    ipv4: nodePortAddressesOf('ipv4', config, node),
    ipv6: nodePortAddressesOf('ipv6', config, node),
  }
  const { winners, diagnostics } = settleOnNode(
    ports.flatMap(({ servicePort, lists }) =>
      virtualServersOf(servicePort, lists, { config, node, nodePortAddresses }),
    ),
    ({ virtualServer, servicePort, path }) => ({
      key: virtualServerKey(virtualServer),
      path,
      owner: servicePort,
    }),
    context.onConflict,
  )
  const virtualServers = sortVirtualServers([...winners], ({ virtualServer }) => virtualServer)
  return { ports, nodePortAddresses, virtualServers, diagnostics }
}

/** What fills the sets of one family. */
export const setContexts = (
  family: Family,
  { ports, nodePortAddresses }: NodeClaims,
  node: NodeFacts,
): SetContext[] =>
  ports
    .filter(({ servicePort }) => servicePort.family === family)
    .map(({ servicePort, lists }) => ({
      servicePort,
      node,
      localEndpoints: lists.allLocal,
      nodePortAddresses: nodePortAddresses[family],
    }))

/** Addresses bound to the dummy interface, in order, with all that ask for them. */
export type BoundAddresses = ReadonlyMap<string, readonly ClaimedVirtualServer[]>

export function boundAddresses(virtualServers: readonly ClaimedVirtualServer[]): BoundAddresses {
  const byAddress = new Map<string, ClaimedVirtualServer[]>()
  for (const claim of virtualServers) {
    if (!claim.bind) continue
    const { address } = claim.virtualServer
    const known = byAddress.get(address)
    if (known === undefined) byAddress.set(address, [claim])
    else known.push(claim)
  }
  return new Map([...byAddress].sort(([a], [b]) => compareAddresses(a, b)))
}
