import type { Protocol } from './protocols.ts'

/** What makes a virtual server the one that it is, whatever it holds. */
export interface VirtualServerKey {
  readonly address: string
  readonly port: number
  readonly protocol: Protocol
}

/** The key as text: `tcp 10.96.0.1:443`. */
export const virtualServerKey = ({ protocol, address, port }: VirtualServerKey): string =>
  `${protocol} ${hostPort(address, port)}`

/** The key alone of something that has one. */
export const keyOf = ({ address, port, protocol }: VirtualServerKey): VirtualServerKey => ({
  address,
  port,
  protocol,
})

/** `10.0.0.1:80`, or `[fd00::1]:80` as ipvsadm writes it. */
export const hostPort = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
