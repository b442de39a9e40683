import {
  addressBits,
  familyOf,
  formatIPv4,
  formatIPv6,
  formatNetwork,
  hostLength,
  type Network,
  networkContains,
  parseNetwork,
} from '../net/address.ts'
import type { Family } from '../net/family.ts'
import { isPodOf, type NodeNetwork } from './network.ts'
import type { Arrival } from './packet.ts'
import type { ServicePromise } from './promises.ts'
import type { KernelState } from './state.ts'

/** Clients that the rules of a plan can tell apart, each by one representative. */
export interface Client {
  readonly kind: ClientKind
  readonly source: string
  readonly arrival: Arrival
  /** In words, for a person: `a pod of this node`, `from 203.0.113.0/24`. */
  readonly name: string
}

export type ClientKind = 'node' | 'pod' | 'outside'

const LOCAL: Arrival = { kind: 'local' }
const BRIDGE: Arrival = { kind: 'interface', name: 'cni0', bridgePort: true }
const WIRE: Arrival = { kind: 'interface', name: 'eth0', bridgePort: false }

/** The node itself: what it sends to an address of its own comes from that address. */
export const nodeClient = (destination: string): Client => ({
  kind: 'node',
  source: destination,
  arrival: LOCAL,
  name: 'the node itself',
})

/** A pod of the node, whose packets come through a port of its bridge. */
export const podClient = (source: string, name = `pod ${source}`): Client => ({
  kind: 'pod',
  source,
  arrival: BRIDGE,
  name,
})

export const outsideClient = (source: string, name = `outside, ${source}`): Client => ({
  kind: 'outside',
  source,
  arrival: WIRE,
  name,
})

/** Documentation networks: nobody's address in a cluster. */
const ELSEWHERE: Readonly<Record<Family, readonly string[]>> = {
  ipv4: ['198.51.100.7', '203.0.113.7', '192.0.2.7'],
  ipv6: ['2001:db8:ffff::7', '2001:db8:fffe::7'],
}

/**
 * Clients outside that source ranges can tell apart: one inside each range and in no narrower one, and one in none.
 * `null` stands for a class that holds no address, as where two halves are everything.
 */
export function outsideClients(family: Family, ranges: readonly Network[], node: NodeNetwork): Client[] {
  const usable = (address: string): boolean => !node.addresses.includes(address) && !isPodOf(node, address)
  const distinct = [...new Map(ranges.map((range) => [formatNetwork(range), range])).values()]
  const clients = distinct.flatMap((range) => {
    const narrower = distinct.filter((other) => other !== range && isInside(other, range))
    const source = addressIn(
      range,
      (address) => usable(address) && !narrower.some((n) => networkContains(n, address)),
    )
    return source === null ? [] : [outsideClient(source, `outside, from ${formatNetwork(range)}`)]
  })
  const elsewhere =
    ELSEWHERE[family].find((address) => usable(address) && !inAny(distinct, address)) ??
    addressIn(EVERYTHING[family], (address) => usable(address) && !inAny(distinct, address))
  return elsewhere === null
    ? clients
    : [
        ...clients,
        outsideClient(elsewhere, distinct.length === 0 ? 'outside' : 'outside, in no source range'),
      ]
}

const EVERYTHING: Readonly<Record<Family, Network>> = {
  ipv4: { family: 'ipv4', bits: 0n, prefixLength: 0 },
  ipv6: { family: 'ipv6', bits: 0n, prefixLength: 0 },
}

const inAny = (networks: readonly Network[], address: string): boolean =>
  networks.some((network) => networkContains(network, address))

const isInside = (inner: Network, outer: Network): boolean =>
  inner.prefixLength >= outer.prefixLength &&
  networkContains(outer, inner.family === 'ipv4' ? formatIPv4(Number(inner.bits)) : formatIPv6(inner.bits))

/** An address of the network that is wanted: the edges of what is cut out of it are where one is to be found. */
function addressIn(network: Network, isWanted: (address: string) => boolean): string | null {
  const size = 1n << BigInt(hostLength(network.family) - network.prefixLength)
  const write = (bits: bigint): string =>
    network.family === 'ipv4' ? formatIPv4(Number(bits)) : formatIPv6(bits)
  for (const part of [0n, 1n, 2n, 3n, 5n, 7n, 11n, 13n])
    for (const offset of [7n, 0n, 1n]) {
      const step = (size * part) / 16n + offset
      if (step >= size) continue
      const address = write(network.bits + step)
      if (isOrdinaryClient(address) && isWanted(address)) return address
    }
  return null
}

const NEVER_A_SOURCE = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '224.0.0.0/3',
  '::/128',
  '::1/128',
  'fe80::/10',
  'ff00::/8',
].map((text) => parseNetwork(text) as Network)

const isOrdinaryClient = (address: string): boolean =>
  !inAny(NEVER_A_SOURCE, address) && addressBits(address) > 0n

/** Whom a promise concerns: the node, a pod of it that is no server, one that is, and who is outside. */
export function clientsOf(promise: ServicePromise, { node }: KernelState): Client[] {
  const family = familyOf(promise.address)
  const own = promise.endpoints.map(addressOf).find((address) => isPodOf(node, address))
  const network = node.podNetworks.find((candidate) => candidate.family === family)
  const other = network === undefined ? null : anotherPod(network, new Set(promise.endpoints.map(addressOf)))
  const ranges = (promise.sourceRanges ?? []).flatMap((text) => parseNetwork(text) ?? [])
  return [
    nodeClient(promise.address),
    ...(other === null ? [] : [podClient(other, 'a pod of the node')]),
    ...(own === undefined ? [] : [podClient(own, 'a pod that is a server itself')]),
    // A cluster IP is promised to the cluster alone.
    ...(promise.by === 'clusterIP' ? [] : outsideClients(family, ranges, node)),
  ]
}

/** `10.0.0.1` of `10.0.0.1:80`, `fd00::1` of `[fd00::1]:80`. */
const addressOf = (endpoint: string): string =>
  endpoint.startsWith('[')
    ? endpoint.slice(1, endpoint.indexOf(']'))
    : endpoint.slice(0, endpoint.lastIndexOf(':'))

function anotherPod(network: NodeNetwork['podNetworks'][number], taken: ReadonlySet<string>): string | null {
  const candidates = outsideClients(network.family, [network], {
    name: '',
    addresses: [],
    podNetworks: [],
    pods: taken,
  })
  const source = candidates[0]?.source
  return source === undefined ||
    !isPodOf({ name: '', addresses: [], podNetworks: [network], pods: new Set() }, source)
    ? null
    : source
}
