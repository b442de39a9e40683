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

export function ipsetRows(sets: Plan['sets']): IpsetRows {
  return {
    sets: sets.map((set) => ({ name: set.name, type: set.type, parameters: parameters(set) })),
    entries: entryRows(sets),
  }
}

export function* entryRows(sets: readonly IpSet[]): Generator<EntryRow> {
  for (const { name, type, entries } of sets)
    for (const entry of entries) yield { name, entry: formatEntry(type, entry) }
}

function parameters(set: IpSet): string {
  if (set.type === 'bitmap:port') return lastingParameters(set)
  return lastingParameters(set).replace(' maxelem', ` hashsize ${set.hashSize} maxelem`)
}

/** Parameters that require recreating the set: the size of a hash does not, since the kernel doubles it as it fills. */
export function lastingParameters(set: IpSet): string {
  if (set.type === 'bitmap:port') return `range ${set.range.join('-')}`
  return `family ${set.family === 'ipv4' ? 'inet' : 'inet6'} maxelem ${set.maxElements}`
}

/** `create` of one set. */
export const formatCreate = (set: IpSet, name: string = set.name): string =>
  `create ${name} ${set.type} ${parameters(set)}`

/** A set that no plan has, or an entry that no plan has in it. */
export interface ForeignOfSet {
  readonly kind: 'set' | 'entry'
  readonly set: string
  /** `hash:net family inet maxelem 65536`, or `10.0.0.1,tcp:80,10.0.0.0/8 nomatch`. */
  readonly text: string
}

export interface ParsedIpset {
  /** Sets of the types that ipvsc knows, in the order of the text; entries in canonical order. */
  readonly sets: readonly IpSet[]
  /**
   * Sets of other types and with parameters that no plan gives them, and entries with options or in words that no plan has. A set
   * with other parameters is among the sets, too.
   */
  readonly foreign: readonly ForeignOfSet[]
}

interface DraftSet {
  /** `null`: of another type. */
  readonly set: IpSet | null
  readonly entries: SetEntry[]
}

/**
 * Reads `ipset restore` input, which is also what `ipset save` prints. `only` is for listings, in which others have sets, too: those
 * that it leaves out are passed over, and entries of the others may be in words that are not understood.
 */
export function parseIpsetRestore(
  text: string,
  only: ((name: string) => boolean) | null = null,
): ParsedIpset {
  const sets = new Map<string, DraftSet>()
  const passed = new Set<string>()
  const foreign: ForeignOfSet[] = []
  eachLine(text, (line) => {
    const [command, name = '', ...words] = line.split(' ')
    if (command === 'create') {
      if (sets.has(name) || passed.has(name)) throw new LineError('the set is created twice')
      if (only?.(name) === false) {
        passed.add(name)
        return
      }
      const { set, unknown } = parseSet(name, words)
      sets.set(name, { set, entries: [] })
      if (unknown) foreign.push({ kind: 'set', set: name, text: withoutTuning(words) })
    } else if (command === 'add') {
      const target = sets.get(name)
      if (target === undefined) {
        if (!passed.has(name)) throw new LineError('the set is not created before')
        return
      }
      const entry = target.set && plainEntry(target.set.type, words, only === null)
      if (entry) target.entries.push(entry)
      else if (target.set) foreign.push({ kind: 'entry', set: name, text: words.join(' ') })
    } else throw new LineError('not a command that a saved state holds')
  })
  return {
    sets: [...sets.values()].flatMap(({ set, entries }) =>
      set === null ? [] : ({ ...set, entries: canonicalEntries(set, entries) } as IpSet),
    ),
    foreign,
  }
}

/** An entry that a plan could have; `null` for one in other words, or with options that change what it matches. */
function plainEntry(
  type: IpSetType,
  [text = '', ...options]: readonly string[],
  strict: boolean,
): SetEntry | null {
  for (let index = 0; index < options.length; index++) {
    // What a set of such parameters says of each entry: the set is told with them.
    if (options[index] === 'timeout' && options[index + 1] === '0') index++
    else if (options[index] === 'packets' || options[index] === 'bytes') index++
    else if (options[index] === 'comment') break
    else return null
  }
  try {
    return parseEntry(type, text)
  } catch (error) {
    if (error instanceof LineError && !strict) return null
    throw error
  }
}

/** Parameters that say how a set is stored and not what it holds. */
const TUNING: ReadonlySet<string> = new Set(['hashsize', 'bucketsize', 'initval'])

const withoutTuning = (words: readonly string[]): string =>
  words.filter((word, index) => !TUNING.has(word) && !TUNING.has(words[index - 1] ?? '')).join(' ')

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

/** `unknown`: it has a type, or parameters, that no plan gives a set. */
function parseSet(
  name: string,
  words: readonly string[],
): { readonly set: IpSet | null; readonly unknown: boolean } {
  const [typeText, ...parameters] = words
  const type = TYPES.find((known) => known === typeText)
  if (type === undefined) return { set: null, unknown: true }
  const parameter = (key: string): string | undefined => {
    const index = parameters.indexOf(key)
    return index < 0 ? undefined : parameters[index + 1]
  }
  const set =
    type === 'bitmap:port' ? parseBitmap(name, parameter('range')) : parseHash(name, type, parameter)
  return { set, unknown: withoutTuning(parameters) !== lastingParameters(set) }
}

function parseBitmap(name: string, range = ''): IpSet {
  const [first, last] = range.split('-').map(expectPort)
  return {
    name,
    type: 'bitmap:port',
    family: FAMILY_OF_NAME.get(name) ?? 'ipv4',
    range: [first as number, last as number],
    entries: [],
  }
}

function parseHash(
  name: string,
  type: Exclude<IpSetType, 'bitmap:port'>,
  parameter: (key: string) => string | undefined,
): IpSet {
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
