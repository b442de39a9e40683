import type { Protocol } from '../kernel/protocols.ts'
import { familyOf } from '../net/address.ts'
import type { Family } from '../net/family.ts'

/** The first packet of a connection, as it meets the node. Addresses are canonical. */
export interface Packet {
  readonly protocol: Protocol
  readonly source: string
  readonly destination: string
  readonly destinationPort: number
  readonly arrival: Arrival
}

/** How a packet comes to the rules of a node. */
export type Arrival =
  /** The node itself sends it. */
  | { readonly kind: 'local' }
  /** By an interface; `bridgePort` where that is a port of a bridge of the node, and bridged packets meet iptables. */
  | { readonly kind: 'interface'; readonly name: string; readonly bridgePort: boolean }

export const packetFamily = ({ destination }: Packet): Family => familyOf(destination)

/** `tcp 10.0.0.11 → 10.96.0.10:80`. */
export const formatPacket = ({ protocol, source, destination, destinationPort }: Packet): string =>
  `${protocol} ${source} → ${atPort(destination, destinationPort)}`

const atPort = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`

/** Whether a packet came by an interface of this name, or, with `+` at the end, of one that begins so. */
export function cameBy(arrival: Arrival, name: string): boolean {
  if (arrival.kind === 'local') return false
  return name.endsWith('+') ? arrival.name.startsWith(name.slice(0, -1)) : arrival.name === name
}
