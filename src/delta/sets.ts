import { lastingParameters } from '../formats/ipset.ts'
import { formatEntry } from '../plan/entries.ts'
import { buildSet, isCrowded } from '../plan/sets.ts'
import type { IpSet, Plan, SetEntry } from '../plan/types.ts'
import type { Halves, Operation } from './operations.ts'
import { exemptedBy, isStrict } from './transitions.ts'

/** Where so many entries leave a set and fewer stay, filling another one takes less than emptying it. */
const MANY = 1000

const looseFirst = (sets: readonly IpSet[]): IpSet[] => [
  ...sets.filter(({ name }) => !isStrict(name)),
  ...sets.filter(({ name }) => isStrict(name)),
]

interface EntryChange {
  readonly added: readonly SetEntry[]
  readonly removed: readonly SetEntry[]
}

export function setOperations(from: Plan, to: Plan): Halves {
  const before = new Map(ofFamilies(from.sets, to).map((set) => [set.name, set]))
  const wanted = new Set(to.sets.map(({ name }) => name))
  const changes = new Map(to.sets.map((set) => [set.name, compareEntries(before.get(set.name), set)]))
  const [early, make, late, lose]: [Operation[], Operation[], Operation[], Operation[]] = [[], [], [], []]
  const push = (
    list: Operation[],
    kind: 'addEntries' | 'removeEntries',
    set: IpSet,
    entries: readonly SetEntry[],
  ) => {
    const { name, type, family } = set
    if (entries.length > 0) list.push({ kind, set: { name, type, family }, entries })
  }
  for (const set of looseFirst(to.sets)) {
    const old = before.get(set.name)
    const { added, removed } = changes.get(set.name) as EntryChange
    const other =
      old !== undefined && (old.type !== set.type || lastingParameters(old) !== lastingParameters(set))
    const fresh = changes.get(exemptedBy(set.name) ?? '')
    const [addedLate, addedNow] = split(set, added, fresh?.added)
    const [removedNow, removedLate] = split(set, removed, fresh?.removed)
    const crowded = old !== undefined && (other || added.length > 0) && isCrowded(set, removed.length)
    if (other || crowded) {
      const { name, family, type } = set
      const all = [...set.entries, ...removedLate]
      // Larger than wanted where what leaves and what comes have no room side by side.
      const roomy = crowded ? buildSet(name, family, type, all) : set
      const latecomers = new Set<SetEntry>(addedLate)
      const entries = all.filter((entry) => !latecomers.has(entry))
      make.push({ kind: 'replaceSet', set: { ...roomy, entries } as IpSet })
    }
    push(late, 'addEntries', set, addedLate)
    if (crowded) {
      lose.push({ kind: 'replaceSet', set })
      continue
    }
    if (other) {
      push(lose, 'removeEntries', set, removedLate)
      continue
    }
    if (old === undefined) make.push({ kind: 'createSet', set: { ...set, entries: addedNow } as IpSet })
    else push(make, 'addEntries', set, addedNow)
    push(early, 'removeEntries', set, removedNow)
    const emptied = fresh === undefined && removed.length >= MANY && removed.length > set.entries.length
    if (old !== undefined && emptied) lose.push({ kind: 'replaceSet', set })
    else push(lose, 'removeEntries', set, removedLate)
  }
  const gone = [...before.values()]
    .filter(({ name }) => !wanted.has(name))
    .map(({ name, type, family }): Operation => ({ kind: 'destroySet', set: { name, type, family } }))
  return { make: [...early, ...make], break: [...late, ...lose.reverse(), ...gone] }
}

/**
 * Entries that exempt from another set which has them before and after, and the others. `fresh`: what comes to, or goes from, that
 * other set in the same step; absent where the set exempts from none.
 */
function split(
  { type }: IpSet,
  entries: readonly SetEntry[],
  fresh: readonly SetEntry[] | undefined,
): [exempting: readonly SetEntry[], others: readonly SetEntry[]] {
  if (fresh === undefined) return [[], entries]
  const keys = new Set(fresh.map((entry) => formatEntry(type, entry)))
  const exempts = (entry: SetEntry): boolean => !keys.has(formatEntry(type, entry))
  return [entries.filter(exempts), entries.filter((entry) => !exempts(entry))]
}

/** Both lists are in the same order, so that what is equal is passed over side by side. */
function compareEntries(from: IpSet | undefined, to: IpSet): EntryChange {
  if (from === undefined) return { added: to.entries, removed: [] }
  const [old, wanted] = [from.entries as readonly SetEntry[], to.entries as readonly SetEntry[]]
  const limit = Math.min(old.length, wanted.length)
  let start = 0
  while (start < limit && sameEntry(old[start] as SetEntry, wanted[start] as SetEntry)) start++
  let end = 0
  while (
    end < limit - start &&
    sameEntry(old[old.length - 1 - end] as SetEntry, wanted[wanted.length - 1 - end] as SetEntry)
  )
    end++
  const [was, is] = [old.slice(start, old.length - end), wanted.slice(start, wanted.length - end)]
  const oldKeys = new Set(was.map((entry) => formatEntry(from.type, entry)))
  const newKeys = new Set(is.map((entry) => formatEntry(to.type, entry)))
  return {
    added: is.filter((entry) => !oldKeys.has(formatEntry(to.type, entry))),
    removed: was.filter((entry) => !newKeys.has(formatEntry(from.type, entry))),
  }
}

interface AnyEntry {
  readonly address?: string
  readonly port?: number
  readonly protocol?: string
  readonly source?: string
  readonly sourceRange?: string
}

function sameEntry(a: AnyEntry, b: AnyEntry): boolean {
  return (
    a.address === b.address &&
    a.port === b.port &&
    a.protocol === b.protocol &&
    a.source === b.source &&
    a.sourceRange === b.sourceRange
  )
}

/** Those of the families that a plan speaks of. */
const ofFamilies = (sets: readonly IpSet[], { families }: Plan): IpSet[] =>
  sets.filter(({ family }) => families.includes(family))
