import type { IpSetType } from '../kernel/sets.ts'
import { kernelSetName, SET_DEFINITIONS } from '../kernel/sets.ts'
import { familyOf, formatNetwork, hostLength, parseNetwork } from '../net/address.ts'
import { FAMILIES, type Family } from '../net/family.ts'
import { formatEntry } from '../plan/entries.ts'
import { buildSet } from '../plan/sets.ts'
import type { IpSet, Plan, SetEntry } from '../plan/types.ts'
import { eachLine, expectAddress, expectNumber, expectPort, expectProtocol, LineError } from './syntax.ts'

export interface IpsetRows {
  readonly sets: readonly SetRow[]
  readonly entries: Iterable<EntryRow>
}

export interface SetRow {
  readonly name: string
  readonly type: string
  /** `family inet hashsize 1024 maxelem 65536`, or `range 0-65535`. */
  readonly parameters: string
}

export interface EntryRow {
  readonly name: string
  readonly entry: string
}

export function ipsetRows({ sets }: Plan): IpsetRows {
  return {
    sets: sets.map((set) => ({ name: set.name, type: set.type, parameters: parameters(set) })),
    entries: entryRows(sets),
  }
}

function* entryRows(sets: readonly IpSet[]): Generator<EntryRow> {
  for (const { name, type, entries } of sets)
    for (const entry of entries) yield { name, entry: formatEntry(type, entry) }
}

function parameters(set: IpSet): string {
  if (set.type === 'bitmap:port') return lastingParameters(set)
  return lastingParameters(set).replace(' maxelem', ` hashsize ${set.hashSize} maxelem`)
}

/** What makes a set another one; the size of a hash is not among it, since the kernel doubles it as it fills. */
export function lastingParameters(set: IpSet): string {
  if (set.type === 'bitmap:port') return `range ${set.range.join('-')}`
  return `family ${set.family === 'ipv4' ? 'inet' : 'inet6'} maxelem ${set.maxElements}`
}

/** `create` of one set. */
export const formatCreate = (set: IpSet, name: string = set.name): string =>
  `create ${name} ${set.type} ${parameters(set)}`

export interface ParsedIpset {
  /** Sets of the types that ipvsc knows, in the order of the text; entries in canonical order. */
  readonly sets: readonly IpSet[]
  /** Names of sets of other types. */
  readonly foreign: readonly string[]
}

/** Reads `ipset restore` input, which is also what `ipset save` prints; unknown parameters are passed over. */
export function parseIpsetRestore(text: string): ParsedIpset {
  const sets = new Map<string, { readonly set: IpSet; readonly entries: SetEntry[] }>()
  const foreign = new Set<string>()
  eachLine(text, (line) => {
    const [command, name = '', ...words] = line.split(' ')
    if (command === 'create') {
      if (sets.has(name) || foreign.has(name)) throw new LineError('the set is created twice')
      const set = parseSet(name, words)
      if (set === null) foreign.add(name)
      else sets.set(name, { set, entries: [] })
    } else if (command === 'add') {
      const target = sets.get(name)
      if (target !== undefined) target.entries.push(parseEntry(target.set.type, words[0] ?? ''))
      else if (!foreign.has(name)) throw new LineError('the set is not created before')
    } else throw new LineError('not a command that a saved state holds')
  })
  return {
    sets: [...sets.values()].map(
      ({ set, entries }) => ({ ...set, entries: canonicalEntries(set, entries) }) as IpSet,
    ),
    foreign: [...foreign],
  }
}

const canonicalEntries = ({ name, family, type }: IpSet, entries: readonly SetEntry[]): readonly SetEntry[] =>
  buildSet(name, family, type, entries).entries

const TYPES: readonly IpSetType[] = [
  'hash:ip',
  'hash:ip,port',
  'hash:ip,port,ip',
  'hash:ip,port,net',
  'bitmap:port',
]

/** Families of the sets that ipvsc owns: a bitmap does not tell its own. */
const FAMILY_OF_NAME: ReadonlyMap<string, Family> = new Map(
  FAMILIES.flatMap((family) =>
    SET_DEFINITIONS.map(({ name }) => [kernelSetName(name, family), family] as const),
  ),
)

function parseSet(name: string, [typeText, ...words]: readonly string[]): IpSet | null {
  const type = TYPES.find((known) => known === typeText)
  if (type === undefined) return null
  const parameter = (key: string): string | undefined => {
    const index = words.indexOf(key)
    return index < 0 ? undefined : words[index + 1]
  }
  if (type === 'bitmap:port') {
    const [first, last] = (parameter('range') ?? '').split('-').map(expectPort)
    return {
      name,
      type,
      family: FAMILY_OF_NAME.get(name) ?? 'ipv4',
      range: [first as number, last as number],
      entries: [],
    }
  }
  const family = parameter('family') ?? 'inet'
  if (family !== 'inet' && family !== 'inet6')
    throw new LineError(`${JSON.stringify(family)} is not a family`)
  return {
    name,
    type,
    family: family === 'inet' ? 'ipv4' : 'ipv6',
    hashSize: expectNumber(parameter('hashsize') ?? '1024', 'a hash size', 2 ** 31),
    maxElements: expectNumber(parameter('maxelem') ?? '65536', 'a number of elements', 2 ** 32 - 1),
    entries: [],
  }
}

function parseEntry(type: IpSetType, text: string): SetEntry {
  const parts = text.split(',')
  const count = type.slice(type.indexOf(':') + 1).split(',').length
  if (parts.length !== count) throw new LineError(`an entry of ${type} has ${count} parts`)
  const [first = '', second = '', third = ''] = parts
  if (type === 'bitmap:port') return { port: expectPort(first) }
  const address = expectAddress(first)
  if (type === 'hash:ip') return { address }
  const [protocolText, portText] = second.split(':')
  const entry = { address, protocol: expectProtocol(protocolText), port: expectPort(portText) }
  if (type === 'hash:ip,port') return entry
  if (type === 'hash:ip,port,ip') return { ...entry, source: expectAddress(third) }
  return { ...entry, sourceRange: expectRange(third) }
}

function expectRange(text: string): string {
  const network = parseNetwork(text.includes('/') ? text : `${text}/${hostLength(familyOf(text))}`)
  if (network === null) throw new LineError(`${JSON.stringify(text)} is not a network`)
  return formatNetwork(network)
}
