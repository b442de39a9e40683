import type { RealServer, VirtualServer } from '../plan/types.ts'
import type { InFlight } from './match.ts'
import { isOnNode, isPodOf } from './network.ts'
import type { Packet } from './packet.ts'
import type { KernelState } from './state.ts'
import { type Hop, type Walk, walkHook } from './walk.ts'

/** What becomes of the first packet of a connection. */
export type Fate =
  /** IPVS hands it to one of these real servers. */
  | { readonly kind: 'served'; readonly virtualServer: VirtualServer; readonly servers: readonly Served[] }
  /** The client is told that nobody listens. */
  | { readonly kind: 'refused'; readonly reason: 'rule' | 'no real server' }
  /** Nobody answers. */
  | { readonly kind: 'dropped' }
  /** The node's own program at this port gets it, where there is one; `accepted`: a rule lets it in before rules of others. */
  | { readonly kind: 'node'; readonly accepted: boolean }
  /** It is no packet for this node, which sends it on. */
  | { readonly kind: 'forwarded'; readonly masqueraded: boolean }

/** One of the real servers that a connection may reach. */
export interface Served {
  readonly server: RealServer
  /** Part of new connections, 0 to 1, as weights have it; `null` where the scheduler looks at something else. */
  readonly share: number | null
  readonly masqueraded: boolean
  /** Why the client hears nothing although the server gets the packet; `null`: it is answered. */
  readonly unanswered: Unanswered | null
  readonly hops: readonly Hop[]
}

export type Unanswered =
  /** The server's answer goes to the client past this node, from an address that the client never asked. */
  | 'answer passes the node'
  /** The server is the client: it answers itself. */
  | 'server is the client'
  /** It is sent on as it came, and the server does not have the address that was asked. */
  | 'not rewritten'
  /** A rule drops the packet on its way out. */
  | 'dropped on the way out'
  /** IPVS keeps its connections out of connection tracking, so that the masquerade does not take place. */
  | 'no connection tracking'

export interface Trace {
  readonly packet: Packet
  /** Rules that matched before IPVS. */
  readonly hops: readonly Hop[]
  readonly fate: Fate
}

/**
 * Follows the first packet of a connection through a node: nat PREROUTING (or OUTPUT), routing, filter INPUT, IPVS,
 * filter OUTPUT and nat POSTROUTING. What the node sends itself meets IPVS before filter OUTPUT, as LOCAL_OUT does.
 */
export function follow(state: KernelState, packet: Packet): Trace {
  const isOwn = packet.arrival.kind === 'local'
  const start: InFlight = { packet, mark: 0, scheduledBy: null }
  const nat = walkHook(state, 'nat', isOwn ? 'OUTPUT' : 'PREROUTING', start)
  if (nat.verdict === 'drop') return { packet, hops: nat.hops, fate: { kind: 'dropped' } }
  if (!state.isLocal(packet.destination)) return forward(state, nat, packet)
  const { virtualServer, flight } = { virtualServer: serverFor(state, packet), flight: nat.flight }
  if (isOwn && virtualServer !== null)
    return { packet, hops: nat.hops, fate: schedule(state, virtualServer, flight) }
  const out = isOwn ? walkHook(state, 'filter', 'OUTPUT', flight) : null
  const input = walkHook(state, 'filter', 'INPUT', out?.flight ?? flight)
  const hops = [...nat.hops, ...(out?.hops ?? []), ...input.hops]
  const stopped = stop(out) ?? stop(input)
  if (stopped !== null) return { packet, hops, fate: stopped }
  if (virtualServer === null)
    return { packet, hops, fate: { kind: 'node', accepted: input.verdict === 'accept' } }
  return { packet, hops, fate: schedule(state, virtualServer, input.flight) }
}

const serverFor = (state: KernelState, { protocol, destination, destinationPort }: Packet) =>
  state.virtualServer(protocol, destination, destinationPort)

function forward(state: KernelState, nat: Walk, packet: Packet): Trace {
  const hook = packet.arrival.kind === 'local' ? 'OUTPUT' : 'FORWARD'
  const walk = walkHook(state, 'filter', hook, nat.flight)
  const post = walkHook(state, 'nat', 'POSTROUTING', walk.flight)
  const fate = stop(walk) ?? ({ kind: 'forwarded', masqueraded: post.masqueraded } as const)
  return { packet, hops: [...nat.hops, ...walk.hops, ...post.hops], fate }
}

function stop(walk: Walk | null): Fate | null {
  if (walk?.verdict === 'drop') return { kind: 'dropped' }
  return walk?.verdict === 'reject' ? { kind: 'refused', reason: 'rule' } : null
}

function schedule(state: KernelState, virtualServer: VirtualServer, flight: InFlight): Fate {
  const willing = virtualServer.realServers.filter(({ weight }) => weight > 0)
  if (willing.length === 0) return { kind: 'refused', reason: 'no real server' }
  const shares = sharesOf(virtualServer, willing)
  const servers = willing.map((server, index) =>
    serve(state, virtualServer, server, shares?.[index] ?? null, flight),
  )
  return { kind: 'served', virtualServer, servers }
}

const BY_WEIGHT: readonly string[] = ['wrr', 'wlc', 'sed', 'nq', 'mh']
const BY_CLIENT: readonly string[] = ['sh', 'mh', 'dh', 'lblc', 'lblcr', 'fo', 'ovf', 'twos']

/** What of many connections of many clients each gets; `null` where that depends on the clients or on load. */
function sharesOf({ scheduler }: VirtualServer, willing: readonly RealServer[]): readonly number[] | null {
  if (scheduler === 'rr' || scheduler === 'lc') return willing.map(() => 1 / willing.length)
  if (BY_CLIENT.includes(scheduler) && !BY_WEIGHT.includes(scheduler)) return null
  const sum = willing.reduce((total, { weight }) => total + weight, 0)
  return willing.map(({ weight }) => weight / sum)
}

/** From the choice of a real server to the wire. */
function serve(
  state: KernelState,
  virtualServer: VirtualServer,
  server: RealServer,
  share: number | null,
  { packet, mark }: InFlight,
): Served {
  const { protocol, address, port } = virtualServer
  const flight: InFlight = {
    packet: { ...packet, destination: server.address, destinationPort: server.port },
    mark,
    scheduledBy: { protocol, address, port },
  }
  const out = walkHook(state, 'filter', 'OUTPUT', flight)
  const post = walkHook(state, 'nat', 'POSTROUTING', out.flight)
  const hops = [...out.hops, ...post.hops]
  const tracked = state.sysctl('net.ipv4.vs.conntrack') === 1
  const masqueraded = post.masqueraded && tracked
  const unanswered =
    out.verdict === 'drop' || out.verdict === 'reject'
      ? ('dropped on the way out' as const)
      : server.forwarding !== 'masquerading'
        ? ('not rewritten' as const)
        : post.masqueraded && !tracked
          ? ('no connection tracking' as const)
          : masqueraded
            ? null
            : unansweredWithoutMasquerade(state, packet, server)
  return { server, share, masqueraded, unanswered, hops }
}

/** Without the node's address as source, the answer has to come through the node by itself. */
function unansweredWithoutMasquerade(
  { node }: KernelState,
  { source }: Packet,
  server: RealServer,
): Unanswered | null {
  if (source === server.address) return 'server is the client'
  // An address of the dummy interface is every node's own: an answer to it never leaves the server's node.
  const comesBack = node.addresses.includes(source) || isPodOf(node, source) || isOnNode(node, server.address)
  return comesBack ? null : 'answer passes the node'
}
