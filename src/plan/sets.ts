import { invariant } from '../invariant.ts'
import { hashSizeOf, maxElementsOf } from '../kernel/setSizes.ts'
import type { IpSetType } from '../kernel/sets.ts'
import { compareAddresses, compareNetworks, parseNetwork } from '../net/address.ts'
import type { Family } from '../net/family.ts'
import type { IpSet, PortEntry, SetEntry } from './types.ts'

/** A set in canonical form: entries ordered, each once, sizes that hold them. */
export function buildSet(name: string, family: Family, type: IpSetType, entries: readonly SetEntry[]): IpSet {
  const distinct = distinctEntries(entries)
  if (type === 'bitmap:port')
    return { name, type, family, range: [0, 65535], entries: distinct as PortEntry[] }
  return {
    name,
    type,
    family,
    hashSize: hashSizeOf(distinct.length),
    maxElements: maxElementsOf(distinct.length),
    entries: distinct,
  } as IpSet
}

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
