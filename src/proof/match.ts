import { type Network, parseNetwork } from '../net/address.ts'
import type { Match, Rule } from '../plan/types.ts'
import { holds, isLoopbackAddress } from './network.ts'
import { cameBy, type Packet } from './packet.ts'
import type { KernelState } from './state.ts'

/** What a packet carries while it goes through the kernel. */
export interface InFlight {
  readonly packet: Packet
  readonly mark: number
  /** The virtual server that the packet was sent to, once IPVS has chosen a real server. */
  readonly scheduledBy: { readonly protocol: string; readonly address: string; readonly port: number } | null
}

/** An entry of a set that a packet matched: `10.96.0.1,tcp:443` of KUBE-CLUSTER-IP. */
export interface FoundEntry {
  readonly set: string
  readonly entry: string
}

/** Whether every match of a rule holds; the entries of sets that made it so. */
export function matchesRule(
  { matches }: Rule,
  flight: InFlight,
  state: KernelState,
): { readonly matched: boolean; readonly entries: readonly FoundEntry[] } {
  const entries: FoundEntry[] = []
  for (const match of matches) {
    if (match.kind === 'set') {
      const entry = findEntry(match, flight.packet, state)
      if (entry === null) return NO_MATCH
      entries.push({ set: match.set, entry })
    } else if (!isMet(match, flight, state)) return NO_MATCH
  }
  return { matched: true, entries }
}

const NO_MATCH = { matched: false, entries: [] } as const

type SetMatch = Extract<Match, { kind: 'set' }>

function findEntry({ set, directions }: SetMatch, packet: Packet, state: KernelState): string | null {
  const side = (direction: 'src' | 'dst' | undefined): string =>
    direction === 'src' ? packet.source : packet.destination
  const type = state.set(set)?.set.type
  if (type === undefined) return null
  const port = packet.destinationPort
  const find = state.set(set)?.find
  const { protocol } = packet
  // A rule that looks at a port of the source side is not among those of this mode.
  const portDirection = type === 'bitmap:port' ? directions[0] : directions[1]
  if (portDirection === 'src') return null
  return find?.({ address: side(directions[0]), protocol, port, other: side(directions[2]) }) ?? null
}

function isMet(match: Exclude<Match, SetMatch>, flight: InFlight, state: KernelState): boolean {
  const { packet } = flight
  switch (match.kind) {
    case 'source':
      return match.negate !== inNetwork(match.network, packet.source)
    case 'inInterface':
      return match.negate !== cameBy(packet.arrival, match.name)
    case 'protocol':
      return match.protocol === packet.protocol
    case 'mark':
      return match.negate !== ((flight.mark & match.mask) >>> 0 === match.value)
    case 'addressType': {
      const address = match.side === 'src' ? packet.source : packet.destination
      return match.negate !== (state.isLocal(address) || isLoopbackAddress(address))
    }
    case 'physdevIsIn':
      return match.negate !== (packet.arrival.kind === 'interface' && packet.arrival.bridgePort)
    case 'conntrackState':
      return match.states.includes('NEW')
    case 'ipvs': {
      const server = flight.scheduledBy
      return (
        server !== null &&
        server.protocol === match.protocol &&
        server.address === match.address &&
        server.port === match.port
      )
    }
  }
}

const parsed = new Map<string, Network | null>()
/** Rules name few networks. */
const MOST_PARSED = 10_000

function inNetwork(text: string, address: string): boolean {
  let network = parsed.get(text)
  if (network === undefined) {
    network = parseNetwork(text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`)
    if (parsed.size >= MOST_PARSED) parsed.clear()
    parsed.set(text, network)
  }
  return network !== null && holds(network, address)
}
