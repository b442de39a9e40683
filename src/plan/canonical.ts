import { createHash } from 'node:crypto'
import type { Protocol } from '../kernel/protocols.ts'
import { compareAddresses, parseIPv4 } from '../net/address.ts'
import { joined, lazily, type Piece, piece } from '../text.ts'
import type { VirtualServerKey } from './keys.ts'
import type { Plan, RealServer } from './types.ts'

/**
 * The canonical text of a plan: JSON with its keys in the order of the types, one line for each item that a
 * reviewer reads as one (a real server, a set entry, a rule). Equal plans have equal bytes.
 */
export const formatPlan = (plan: Plan): string => joined(lazily(planPieces(plan), ({ text }) => text()))

/** The canonical text in pieces, for whoever writes it as bytes. */
export function* planPieces(plan: Plan): Generator<Piece> {
  let first = true
  for (const [key, value] of Object.entries(plan)) {
    yield piece(`${first ? '{' : ','}\n  ${JSON.stringify(key)}: `)
    yield* valuePieces(key, value)
    first = false
  }
  yield piece('\n}\n')
}

/** SHA-256 of the canonical text of a plan, in hexadecimal: what `sha256sum plan.json` prints. */
export function fingerprint(plan: Plan): string {
  const hash = createHash('sha256')
  for (const { text } of planPieces(plan)) hash.update(text())
  return hash.digest('hex')
}

function* valuePieces(key: string, value: unknown): Generator<Piece> {
  switch (key) {
    case 'virtualServers':
      yield* itemPieces(value as Plan['virtualServers'], (server) => nestedPlain(server, 'realServers'))
      break
    case 'sets':
      yield* itemPieces(value as Plan['sets'], (set) => nestedPlain(set, 'entries'))
      break
    case 'tables':
      yield* itemPieces(value as Plan['tables'], formatTable)
      break
    case 'dummyInterface':
      yield dummyPiece(value as Plan['dummyInterface'])
      break
    case 'sysctls':
      yield* itemPieces(value as Plan['sysctls'], (sysctl) => JSON.stringify(sysctl))
      break
    default:
      yield piece(JSON.stringify(value))
  }
}

function* itemPieces<T extends object>(list: readonly T[], format: (item: T) => string): Generator<Piece> {
  for (const [index, item] of list.entries())
    yield index === 0 ? piece(`[\n    ${format(item)}`) : { item, text: () => `,\n    ${format(item)}` }
  yield piece(list.length === 0 ? '[]' : '\n  ]')
}

/** The interface itself is made anew for each plan; its addresses are what plans have in common. */
const dummyPiece = (dummyInterface: Plan['dummyInterface']): Piece => ({
  item: dummyInterface.addresses,
  text: () => nested(dummyInterface, 'addresses', '  '),
})

/** An object on one line, but for one array of it that has a line for each item. */
function nested<T extends object>(object: T, key: keyof T & string, indent = '    '): string {
  const { [key]: list, ...rest } = object
  const head = JSON.stringify(rest).slice(0, -1)
  return `${head}${head === '{' ? '' : ','}${JSON.stringify(key)}:${lines(list as readonly unknown[], indent)}}`
}

/** Items of numbers, addresses and words of ours alone: no text of theirs holds `},{`. */
function plainLines(list: readonly object[], indent: string): string {
  if (list.length === 0) return '[]'
  const text = JSON.stringify(list).slice(1, -1).replaceAll('},{', `},\n${indent}  {`)
  return `[\n${indent}  ${text}\n${indent}]`
}

/** As `nested`, for the lists that grow with a cluster. */
function nestedPlain<T extends object>(object: T, key: keyof T & string): string {
  const { [key]: list, ...rest } = object
  const head = JSON.stringify(rest).slice(0, -1)
  return `${head},${JSON.stringify(key)}:${plainLines(list as readonly object[], '    ')}}`
}

function lines(list: readonly unknown[], indent: string): string {
  if (list.length === 0) return '[]'
  let text = '['
  for (const item of list) text += `\n${indent}  ${JSON.stringify(item)},`
  return `${text.slice(0, -1)}\n${indent}]`
}

function formatTable({ chains, jumps, ...rest }: Plan['tables'][number]): string {
  const head = JSON.stringify(rest).slice(0, -1)
  const formatted = chains.map((chain) => nested(chain, 'rules', '      '))
  return `${head},"chains":[\n      ${formatted.join(',\n      ')}\n    ],"jumps":${lines(jumps, '    ')}}`
}

const PROTOCOLS: readonly Protocol[] = ['tcp', 'udp', 'sctp']

/** IPv4 before IPv6, then by address, protocol and port. */
export function compareVirtualServers(a: VirtualServerKey, b: VirtualServerKey): number {
  return (
    (a.address === b.address ? 0 : compareAddresses(a.address, b.address)) ||
    PROTOCOLS.indexOf(a.protocol) - PROTOCOLS.indexOf(b.protocol) ||
    a.port - b.port
  )
}

/** IPv4 before IPv6, then by address and port. */
export const compareRealServers = (a: RealServer, b: RealServer): number =>
  (a.address === b.address ? 0 : compareAddresses(a.address, b.address)) || a.port - b.port

/** Sorts in place, parsing each IPv4 address once. */
export function sortVirtualServers<T>(list: T[], of: (item: T) => VirtualServerKey): T[] {
  const rank = (item: T): number => {
    const { address, protocol, port } = of(item)
    return (parseIPv4(address) * 4 + PROTOCOLS.indexOf(protocol)) * 65536 + port
  }
  const isIPv6 = (item: T): boolean => of(item).address.includes(':')
  const ipv4 = list.filter((item) => !isIPv6(item)).map((item) => ({ item, rank: rank(item) }))
  const ipv6 = list.filter(isIPv6).sort((a, b) => compareVirtualServers(of(a), of(b)))
  return [...ipv4.sort((a, b) => a.rank - b.rank).map(({ item }) => item), ...ipv6]
}
