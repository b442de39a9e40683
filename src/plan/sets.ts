import { invariant } from '../invariant.ts'
import type { IpSetType } from '../kernel/sets.ts'
import { compareAddresses, compareNetworks, parseNetwork } from '../net/address.ts'
import type { Family } from '../net/family.ts'
import type { IpSet, PortEntry, SetEntry } from './types.ts'

const SMALLEST_MAX_ELEMENTS = 65536
const SMALLEST_HASH_SIZE = 1024
/** Kernels differ by a few in when a set is full. */
const HEADROOM = 17 / 16
/** The kernel doubles a hash whose buckets overflow; beginning with room for eight a bucket avoids it. */
const ENTRIES_PER_BUCKET = 8

/** A set in canonical form: entries ordered, each once, sizes that hold them. */
export function buildSet(name: string, family: Family, type: IpSetType, entries: readonly SetEntry[]): IpSet {
  const distinct = distinctEntries(entries)
  if (type === 'bitmap:port')
    return { name, type, family, range: [0, 65535], entries: distinct as PortEntry[] }
  return {
    name,
    type,
    family,
    hashSize: Math.max(SMALLEST_HASH_SIZE, powerOfTwo(distinct.length / ENTRIES_PER_BUCKET)),
    maxElements: Math.max(SMALLEST_MAX_ELEMENTS, powerOfTwo(distinct.length * HEADROOM)),
    entries: distinct,
  } as IpSet
}

/** Whether a set could be full with so many more entries, which it is to hold for a while. */
export const isCrowded = (set: IpSet, more: number): boolean =>
  set.type !== 'bitmap:port' && more > 0 && (set.entries.length + more) * HEADROOM > set.maxElements

/** The smallest power of two that is not less. */
const powerOfTwo = (least: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, least)))

function distinctEntries(entries: readonly SetEntry[]): SetEntry[] {
  return [...entries]
    .sort(compareEntries)
    .filter(
      (entry, index, sorted) => index === 0 || compareEntries(sorted[index - 1] as SetEntry, entry) !== 0,
    )
}

/** Orders the entries of one set: by address, protocol, port, then source. */
export function compareEntries(a: SetEntry, b: SetEntry): number {
  return (
    compareAddresses(field(a, 'address'), field(b, 'address')) ||
    PROTOCOL_ORDER.indexOf(field(a, 'protocol')) - PROTOCOL_ORDER.indexOf(field(b, 'protocol')) ||
    ('port' in a && 'port' in b ? a.port - b.port : 0) ||
    compareAddresses(field(a, 'source'), field(b, 'source')) ||
    compareRanges(field(a, 'sourceRange'), field(b, 'sourceRange'))
  )
}

const PROTOCOL_ORDER: readonly string[] = ['', 'tcp', 'udp', 'sctp']

const field = (entry: SetEntry, name: string): string =>
  ((entry as unknown as Record<string, unknown>)[name] as string) ?? ''

function compareRanges(a: string, b: string): number {
  if (a === b) return 0
  const [first, second] = [parseNetwork(a), parseNetwork(b)]
  invariant(first !== null && second !== null, `source ranges ${a} and ${b} are networks`)
  return compareNetworks(first, second)
}
