import { PROTOCOLS, type Protocol } from '../kernel/protocols.ts'
import { canonicalAddress, parseIPv4 } from '../net/address.ts'
import type { VirtualServerKey } from '../plan/keys.ts'
import { eachLine, expectPort, LineError } from './syntax.ts'

/** What `ipvsadm -L -n` prints in all its forms: a line for each virtual server, and below it one for each real server. */

/** A virtual server of a firewall mark, which no Service has. */
export interface MarkedServer {
  readonly mark: number
}

export interface ListedServer<T> {
  readonly address: string
  readonly port: number
  /** What stands behind its address. */
  readonly said: T
}

export interface ListedVirtualServer<V, R> {
  readonly key: VirtualServerKey | MarkedServer
  readonly said: V
  readonly realServers: readonly ListedServer<R>[]
}

/**
 * Reads a listing. `ofVirtual` and `ofReal` read the words behind an address; what they refuse, and a line that no listing
 * has, is a PayloadSyntaxError.
 */
export function parseListing<V, R>(
  text: string,
  ofVirtual: (words: readonly string[]) => V,
  ofReal: (words: readonly string[]) => R,
): ListedVirtualServer<V, R>[] {
  const found: (ListedVirtualServer<V, R> & { realServers: ListedServer<R>[] })[] = []
  eachLine(text, (line) => {
    if (/^(IP Virtual Server|Prot LocalAddress| {2}-> RemoteAddress)/.test(line)) return
    const [first = '', endpoint = '', ...words] = line.split(' ').filter((word) => word !== '')
    if (first === '->') {
      const above = found.at(-1)
      if (above === undefined) throw new LineError('a real server without its virtual server')
      above.realServers.push({ ...expectHostPort(endpoint), said: ofReal(words) })
    } else found.push({ key: expectKey(first, endpoint), said: ofVirtual(words), realServers: [] })
  })
  return found
}

function expectKey(protocol: string, endpoint: string): VirtualServerKey | MarkedServer {
  if (protocol === 'FWM' && /^\d+$/.test(endpoint)) return { mark: Number(endpoint) }
  const known = LISTED_PROTOCOLS.get(protocol)
  if (known === undefined) throw new LineError('not a line of a list of ipvsadm')
  return { ...expectHostPort(endpoint), protocol: known }
}

/** How ipvsadm calls protocols. */
export const LISTED_PROTOCOLS: ReadonlyMap<string, Protocol> = new Map(
  PROTOCOLS.map((protocol) => [protocol.toUpperCase(), protocol]),
)

/** `10.0.0.1:80` or `[fd00::1]:80`. Port 0 is that of a virtual server of a mark. */
export function expectHostPort(text: string): { address: string; port: number } {
  const [, host = '', port] = /^\[?([^\]]+)\]?:(\d+)$/.exec(text) ?? []
  const address = parseIPv4(host) >= 0 ? host : canonicalAddress(host)
  if (address === null) throw new LineError(`${JSON.stringify(text)} is not an address and port`)
  return { address, port: expectPort(port) }
}
