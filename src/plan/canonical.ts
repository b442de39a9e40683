import { createHash } from 'node:crypto'
import { compareAddresses, parseIPv4 } from '../net/address.ts'
import type { Plan, Protocol, VirtualServer } from './types.ts'

/**
 * The canonical text of a plan: JSON with its keys in the order of the types, one line for each item that a
 * reviewer reads as one (a real server, a set entry, a rule). Equal plans have equal bytes.
 */
export function formatPlan(plan: Plan): string {
  const parts = Object.entries(plan).map(
    ([key, value]) => `  ${JSON.stringify(key)}: ${formatValue(key, value)}`,
  )
  return `{\n${parts.join(',\n')}\n}\n`
}

/** SHA-256 of the canonical text, in hexadecimal: what `sha256sum plan.json` prints. */
export const fingerprint = (canonicalText: string): string =>
  createHash('sha256').update(canonicalText).digest('hex')

function formatValue(key: string, value: unknown): string {
  switch (key) {
    case 'virtualServers':
      return items(value as Plan['virtualServers'], (server) => nested(server, 'realServers'))
    case 'sets':
      return items(value as Plan['sets'], (set) => nested(set, 'entries'))
    case 'tables':
      return items(value as Plan['tables'], formatTable)
    case 'dummyInterface':
      return nested(value as Plan['dummyInterface'], 'addresses', '  ')
    case 'sysctls':
      return items(value as Plan['sysctls'], (sysctl) => JSON.stringify(sysctl))
    default:
      return JSON.stringify(value)
  }
}

const items = <T>(list: readonly T[], format: (item: T) => string): string =>
  list.length === 0 ? '[]' : `[\n    ${list.map(format).join(',\n    ')}\n  ]`

/** An object on one line, but for one array of it that has a line for each item. */
function nested<T extends object>(object: T, key: keyof T & string, indent = '    '): string {
  const { [key]: list, ...rest } = object
  const head = JSON.stringify(rest).slice(0, -1)
  return `${head}${head === '{' ? '' : ','}${JSON.stringify(key)}:${lines(list as readonly unknown[], indent)}}`
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
export function compareVirtualServers(a: VirtualServer, b: VirtualServer): number {
  return (
    compareAddresses(a.address, b.address) ||
    PROTOCOLS.indexOf(a.protocol) - PROTOCOLS.indexOf(b.protocol) ||
    a.port - b.port
  )
}

/** Sorts in place, parsing each IPv4 address once. */
export function sortVirtualServers<T>(list: T[], of: (item: T) => VirtualServer): T[] {
  const rank = (item: T): number => {
    const { address, protocol, port } = of(item)
    return (parseIPv4(address) * 4 + PROTOCOLS.indexOf(protocol)) * 65536 + port
  }
  const isIPv6 = (item: T): boolean => of(item).address.includes(':')
  const ipv4 = list.filter((item) => !isIPv6(item)).map((item) => ({ item, rank: rank(item) }))
  const ipv6 = list.filter(isIPv6).sort((a, b) => compareVirtualServers(of(a), of(b)))
  return [...ipv4.sort((a, b) => a.rank - b.rank).map(({ item }) => item), ...ipv6]
}
