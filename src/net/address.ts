import type { Family } from './family.ts'

/**
 * IP addresses as canonical text: the form the kernel tools print, so that equal addresses are equal strings.
 * Only the strict notations are read. Leading zeros ("010.0.0.1"), zones ("fe80::1%eth0") and IPv4-mapped
 * IPv6 addresses are refused, because programs disagree about what they mean.
 */

const DOT = 46
const ZERO = 48

/** The address as a number from 0 to 2^32 - 1, or -1 when the text is not a dotted quad. */
export function parseIPv4(text: string): number {
  let value = 0
  let octets = 0
  let octet = -1
  for (let index = 0; index <= text.length; index++) {
    const code = index === text.length ? DOT : text.charCodeAt(index)
    if (code === DOT) {
      if (octet < 0 || ++octets > 4) return -1
      value = value * 256 + octet
      octet = -1
    } else {
      const digit = code - ZERO
      if (digit < 0 || digit > 9 || octet === 0) return -1
      octet = octet < 0 ? digit : octet * 10 + digit
      if (octet > 255) return -1
    }
  }
  return octets === 4 ? value : -1
}

export function formatIPv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`
}

/** The address as 128 bits, or `null` when the text is not an IPv6 address in hexadecimal groups. */
export function parseIPv6(text: string): bigint | null {
  const halves = text.split('::')
  if (halves.length > 2) return null
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')))
  const head = groups[0] as string[]
  const tail = groups[1] ?? []
  const missing = 8 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null
  const all = [...head, ...Array<string>(missing).fill('0'), ...tail]
  if (!all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null
  return all.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n)
}

/** As RFC 5952 and inet_ntop(3) write it: lower case, the first longest run of two or more zero groups cut. */
export function formatIPv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) =>
    Number((value >> BigInt(112 - 16 * index)) & 0xffffn),
  )
  const run = longestZeroRun(groups)
  const hex = groups.map((group) => group.toString(16))
  if (run.length < 2) return hex.join(':')
  return `${hex.slice(0, run.start).join(':')}::${hex.slice(run.start + run.length).join(':')}`
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  for (let start = 0; start < groups.length; start++) {
    let length = 0
    while (groups[start + length] === 0) length++
    if (length > best.length) best = { start, length }
  }
  return best
}

/** The canonical text of an address, or `null` when the text is not one. */
export function canonicalAddress(text: string): string | null {
  if (parseIPv4(text) >= 0) return text
  const value = text.includes(':') ? parseIPv6(text) : null
  return value === null || embedsIPv4(value) ? null : formatIPv6(value)
}

/** IPv4-mapped (::ffff:0:0/96) and IPv4-compatible (::/96) addresses, but for `::` and the few after it. */
const embedsIPv4 = (value: bigint): boolean =>
  value >> 32n === 0xffffn || (value >> 32n === 0n && value > 0xffffn)

/** The family of a canonical address. */
export const familyOf = (address: string): Family => (address.includes(':') ? 'ipv6' : 'ipv4')

/** Prefix length of a single host. */
export const hostLength = (family: Family): 32 | 128 => (family === 'ipv4' ? 32 : 128)

/** Bits of a canonical address. */
export const addressBits = (address: string): bigint =>
  familyOf(address) === 'ipv4' ? BigInt(parseIPv4(address)) : (parseIPv6(address) ?? 0n)

/** Orders canonical addresses: IPv4 before IPv6, then by number. */
export function compareAddresses(a: string, b: string): number {
  if (a === b) return 0
  const isIPv6 = a.includes(':')
  if (isIPv6 !== b.includes(':')) return isIPv6 ? 1 : -1
  if (!isIPv6) return parseIPv4(a) - parseIPv4(b)
  return addressBits(a) < addressBits(b) ? -1 : 1
}

/**
 * Why an address cannot be that of a Service or an endpoint, or `null` when it can: the kernel and the
 * Kubernetes API both refuse addresses that do not name one host on a network.
 */
export function specialUse(address: string): string | null {
  if (isOrdinary(parseIPv4(address))) return null
  const [family, bits] = [familyOf(address), addressBits(address)]
  for (const [kind, network] of SPECIAL_NETWORKS) {
    if (network.family === family && contains(network, bits)) return kind
  }
  return null
}

/** Whether an IPv4 address as a number is an ordinary one by its first octet alone: the common case, without BigInt. */
export function isOrdinary(bits: number): boolean {
  const octet = Math.floor(bits / 2 ** 24)
  return octet > 0 && octet < 224 && octet !== 127 && octet !== 169
}

export const isLoopback = (address: string): boolean => specialUse(address) === 'loopback'
export const isLinkLocal = (address: string): boolean => specialUse(address) === 'link-local'

/** A network: host bits are zero. */
export interface Network {
  readonly family: Family
  readonly bits: bigint
  readonly prefixLength: number
}

/** Reads `10.0.0.0/8`, zeroing host bits, or gives `null`. */
export function parseNetwork(text: string): Network | null {
  const [address = '', length = '', ...rest] = text.split('/')
  const canonical = canonicalAddress(address)
  if (canonical === null || rest.length > 0 || !/^(0|[1-9][0-9]{0,2})$/.test(length)) return null
  const family = familyOf(canonical)
  const prefixLength = Number(length)
  if (prefixLength > hostLength(family)) return null
  const hostBits = BigInt(hostLength(family) - prefixLength)
  return { family, bits: (addressBits(canonical) >> hostBits) << hostBits, prefixLength }
}

export function formatNetwork({ family, bits, prefixLength }: Network): string {
  const address = family === 'ipv4' ? formatIPv4(Number(bits)) : formatIPv6(bits)
  return `${address}/${prefixLength}`
}

/** Orders networks: IPv4 before IPv6, then by first address, the wider first. */
export function compareNetworks(a: Network, b: Network): number {
  if (a.family !== b.family) return a.family === 'ipv4' ? -1 : 1
  if (a.bits !== b.bits) return a.bits < b.bits ? -1 : 1
  return a.prefixLength - b.prefixLength
}

/** Whether a canonical address lies in the network. */
export const networkContains = (network: Network, address: string): boolean =>
  network.family === familyOf(address) && contains(network, addressBits(address))

/** The two networks that together are this one. */
export function halves(network: Network): [Network, Network] {
  const prefixLength = network.prefixLength + 1
  const upper = network.bits | (1n << BigInt(hostLength(network.family) - prefixLength))
  return [
    { ...network, prefixLength },
    { ...network, bits: upper, prefixLength },
  ]
}

function contains({ family, bits, prefixLength }: Network, address: bigint): boolean {
  const hostBits = BigInt(hostLength(family) - prefixLength)
  return address >> hostBits === bits >> hostBits
}

const SPECIAL_NETWORKS: readonly (readonly [kind: string, network: Network])[] = (
  [
    ['unspecified', '0.0.0.0/32'],
    ['loopback', '127.0.0.0/8'],
    ['link-local', '169.254.0.0/16'],
    ['multicast', '224.0.0.0/4'],
    ['broadcast', '255.255.255.255/32'],
    ['unspecified', '::/128'],
    ['loopback', '::1/128'],
    ['link-local', 'fe80::/10'],
    ['multicast', 'ff00::/8'],
  ] as const
).map(([kind, text]) => [kind, parseNetwork(text) as Network])
