import type { Protocol } from '../kernel/protocols.ts'

/** `tcp 10.96.0.1:443`: which virtual server it is, whatever it holds. */
export const virtualServerKey = ({
  protocol,
  address,
  port,
}: {
  protocol: Protocol
  address: string
  port: number
}): string => `${protocol} ${hostPort(address, port)}`

/** `10.0.0.1:80`, or `[fd00::1]:80` as ipvsadm writes it. */
export const hostPort = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
