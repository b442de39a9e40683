import type { ProxyConfig } from '../../../config/types.ts'
import { type Diagnostic, diagnostic, formatPath, formatSubject } from '../../../diagnostics/diagnostics.ts'
import { refOf } from '../../../kube/names.ts'
import { compareAddresses } from '../../../net/address.ts'
import type { Family } from '../../../net/family.ts'
import { type EndpointLists, endpointLists } from '../../../node/endpointLists.ts'
import type { NodeFacts } from '../../../node/facts.ts'
import { nodePortAddressesOf } from '../../../node/nodePorts.ts'
import { compareText } from '../../../order.ts'
import { sortVirtualServers } from '../../../plan/canonical.ts'
import { virtualServerKey } from '../../../plan/keys.ts'
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
  const { winners, diagnostics } = settleClaims(
    ports.flatMap(({ servicePort, lists }) =>
      virtualServersOf(servicePort, lists, { config, node, nodePortAddresses }),
    ),
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

interface SettledClaims {
  readonly winners: readonly ClaimedVirtualServer[]
  readonly diagnostics: readonly Diagnostic[]
}

/**
 * One claim for each virtual server. Within a service port the last one counts, as for kube-proxy. Between
 * service ports only a node port can still meet another's address here; that is a conflict of this node.
 */
function settleClaims(claims: readonly ClaimedVirtualServer[], policy: ConflictPolicy): SettledClaims {
  const winners = new Map<string, ClaimedVirtualServer>()
  const diagnostics: Diagnostic[] = []
  for (const claim of claims) {
    const key = virtualServerKey(claim.virtualServer)
    const known = winners.get(key)
    if (known === undefined || known.servicePort === claim.servicePort) {
      winners.set(key, claim)
      continue
    }
    const [older, younger] = isOlder(claim.servicePort, known.servicePort) ? [claim, known] : [known, claim]
    winners.set(key, older)
    diagnostics.push(claimConflict(key, older, younger, policy))
  }
  return { winners: [...winners.values()], diagnostics }
}

function isOlder(a: ServicePort, b: ServicePort): boolean {
  const age = ({ service, key }: ServicePort) => `${service.object.metadata.creationTimestamp || '~'} ${key}`
  return compareText(age(a), age(b)) < 0
}

function claimConflict(
  key: string,
  older: ClaimedVirtualServer,
  younger: ClaimedVirtualServer,
  policy: ConflictPolicy,
): Diagnostic {
  const { service } = younger.servicePort
  const first = older.servicePort.service
  return diagnostic({
    code: 'ADDRESS_DUPLICATE',
    severity: policy === 'error' ? 'error' : 'warning',
    message: `On this node it claims ${key}, which ${formatSubject(refOf(first.object))} claims already; the older one has it.`,
    subject: refOf(service.object),
    origin: service.origin,
    path: younger.path,
    found: key,
    expected: 'an address and port of its own',
    related: [
      {
        message: `claimed here by ${older.servicePort.key} (${formatPath(older.path)})`,
        subject: refOf(first.object),
        path: older.path,
        origin: first.origin,
        position: null,
      },
    ],
  })
}
