import type { IpSetType } from '../kernel/sets.ts'
import { hostLength } from '../net/address.ts'
import type { IpPortIpEntry, IpPortNetEntry, PortEntry, SetEntry } from './types.ts'

/** An entry as ipset writes it: `10.96.0.1,tcp:443`, `10.0.0.1,tcp:80,192.168.0.0/16`, `30080`. */
export function formatEntry(type: IpSetType, entry: SetEntry): string {
  switch (type) {
    case 'bitmap:port':
      return String((entry as PortEntry).port)
    case 'hash:ip':
      return (entry as IpPortIpEntry).address
    case 'hash:ip,port':
      return ipPort(entry as IpPortIpEntry)
    case 'hash:ip,port,ip':
      return `${ipPort(entry as IpPortIpEntry)},${(entry as IpPortIpEntry).source}`
    case 'hash:ip,port,net':
      return `${ipPort(entry as IpPortNetEntry)},${withoutHostLength((entry as IpPortNetEntry).sourceRange)}`
  }
}

const ipPort = ({ address, protocol, port }: { address: string; protocol: string; port: number }): string =>
  `${address},${protocol}:${port}`

/** ipset prints a network of one host without its length. */
function withoutHostLength(network: string): string {
  const suffix = `/${hostLength(network.includes(':') ? 'ipv6' : 'ipv4')}`
  return network.endsWith(suffix) ? network.slice(0, -suffix.length) : network
}
