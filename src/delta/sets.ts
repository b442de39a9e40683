import { hashSizeOf, isCrowded, MANY_ENTRIES, maxElementsOf } from '../kernel/setSizes.ts'
import type { Change } from '../plan/changes/types.ts'
import { formatEntry } from '../plan/entries.ts'
import { sameSetParameters } from '../plan/equality.ts'
import type { IpSet, Plan, SetEntry } from '../plan/types.ts'
import type { Halves, Operation } from './operations.ts'
import { exemptedBy, isStrict } from './transitions.ts'

const looseFirst = (sets: readonly IpSet[]): IpSet[] => [
  ...sets.filter(({ name }) => !isStrict(name)),
  ...sets.filter(({ name }) => isStrict(name)),
]

interface EntryChange {
  readonly added: readonly SetEntry[]
  readonly removed: readonly SetEntry[]
}

const UNCHANGED: EntryChange = { added: [], removed: [] }

export function setOperations(changes: readonly Change[], from: Plan, to: Plan): Halves {
  const before = new Map(from.sets.map((set) => [set.name, set]))
  const entries = entriesBySet(changes)
  const [early, make, late, lose]: [Operation[], Operation[], Operation[], Operation[]] = [[], [], [], []]
  const freshOf = (exempted: string | null): EntryChange | undefined =>
    exempted === null || !to.sets.some(({ name }) => name === exempted)
      ? undefined
      : (entries.get(exempted) ?? UNCHANGED)
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
    const { added, removed } = entries.get(set.name) ?? UNCHANGED
    const other = old !== undefined && !sameSetParameters(old, set)
    const fresh = freshOf(exemptedBy(set.name))
    const [addedLate, addedNow] = split(set, added, fresh?.added)
    const [removedNow, removedLate] = split(set, removed, fresh?.removed)
    const many = removed.length >= MANY_ENTRIES
    const both = set.entries.length + removed.length
    const crowded =
      old !== undefined &&
      (other ? removed.length > 0 : added.length > 0 && many) &&
      set.type !== 'bitmap:port' &&
      isCrowded(both, set.maxElements)
    if (other || crowded) {
      const latecomers = new Set<SetEntry>(addedLate)
      const entries = [...set.entries, ...removedLate].filter((entry) => !latecomers.has(entry))
      make.push({ kind: 'replaceSet', set: { ...roomFor(set, both), entries } as IpSet })
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
    const emptied = fresh === undefined && many && removed.length > set.entries.length
    if (old !== undefined && emptied) lose.push({ kind: 'replaceSet', set })
    else push(lose, 'removeEntries', set, removedLate)
  }
  const gone = changes.flatMap((change): Operation[] => {
    if (change.kind !== 'set' || change.after !== null || change.before === null) return []
    const { name, type, family } = change.before
    return [{ kind: 'destroySet', set: { name, type, family } }]
  })
  return { make: [...early, ...make], break: [...late, ...lose.reverse(), ...gone] }
}

/** A set with room for what leaves beside what is wanted: larger, where that has none. */
const roomFor = (set: IpSet, entries: number): IpSet =>
  set.type === 'bitmap:port'
    ? set
    : {
        ...set,
        hashSize: hashSizeOf(entries),
        maxElements: isCrowded(entries, set.maxElements)
          ? maxElementsOf(entries, set.maxElements)
          : set.maxElements,
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

/** What comes to each set and goes from it, where anything does. */
function entriesBySet(changes: readonly Change[]): Map<string, EntryChange> {
  const found = new Map<string, { readonly added: SetEntry[]; readonly removed: SetEntry[] }>()
  for (const change of changes) {
    if (change.kind === 'set' && change.before === null && change.after !== null)
      found.set(change.after.name, { added: [...change.after.entries], removed: [] })
    if (change.kind !== 'entry') continue
    const known = found.get(change.set.name) ?? { added: [], removed: [] }
    found.set(change.set.name, known)
    if (change.before !== null) known.removed.push(change.before)
    if (change.after !== null) known.added.push(change.after)
  }
  return found
}
