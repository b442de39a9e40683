import { canonicalAddress, parseIPv4 } from '../net/address.ts'
import type { VirtualServerKey } from '../plan/keys.ts'
import { eachLine, expectNumber, expectPort, LineError } from './syntax.ts'

/** Connections above which a real server gets no new ones, and below which it gets them again. 0: no such limit. */
export interface Thresholds {
  readonly virtualServer: VirtualServerKey
  /** `10.0.0.1:80`, as ipvsadm prints it. */
  readonly server: string
  readonly upper: number
  readonly lower: number
}

/**
 * Reads the output of `ipvsadm -L -n --thresholds`: real servers that have a threshold. The list that ipvsadm saves does not tell
 * them. Virtual servers of a firewall mark are passed over.
 */
export function parseThresholds(text: string): Thresholds[] {
  const found: Thresholds[] = []
  let virtualServer: VirtualServerKey | null = null
  eachLine(text, (line) => {
    const words = line.split(' ').filter((word) => word !== '')
    const [first = '', endpoint = '', upperText, lowerText] = words
    if (/^(IP Virtual Server|Prot LocalAddress| {2}-> RemoteAddress)/.test(line)) return
    if (first === 'FWM') virtualServer = null
    else if (first === 'TCP' || first === 'UDP' || first === 'SCTP')
      virtualServer = { ...expectHostPort(endpoint), protocol: PROTOCOLS[first] }
    else if (first === '->') {
      const upper = expectNumber(upperText, 'a threshold', 2 ** 32 - 1)
      const lower = expectNumber(lowerText, 'a threshold', 2 ** 32 - 1)
      if (virtualServer !== null && upper + lower > 0)
        found.push({ virtualServer, server: endpoint, upper, lower })
    } else throw new LineError('not a line of ipvsadm -L -n --thresholds')
  })
  return found
}

const PROTOCOLS = { TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' } as const

function expectHostPort(text: string): { address: string; port: number } {
  const [, host = '', port] = /^\[?([^\]]+)\]?:(\d+)$/.exec(text) ?? []
  const address = parseIPv4(host) >= 0 ? host : canonicalAddress(host)
  if (address === null) throw new LineError(`${JSON.stringify(text)} is not an address and port`)
  return { address, port: expectPort(port) }
}
