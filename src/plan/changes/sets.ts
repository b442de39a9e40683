import { formatEntry } from '../entries.ts'
import { sameEntry, sameSetParameters } from '../equality.ts'
import { compareEntries } from '../sets.ts'
import type { IpSet, Plan, SetEntry } from '../types.ts'
import { between } from './lists.ts'
import type { Change, ChangeOf } from './types.ts'

/** Set by set in the order of the second plan, then those that go. */
export function setChanges(before: Plan, after: Plan): Change[] {
  const known = new Map(before.sets.map((set) => [set.name, set]))
  const changes: Change[] = []
  for (const set of after.sets) {
    const old = known.get(set.name)
    known.delete(set.name)
    if (old === undefined) changes.push({ kind: 'set', before: null, after: set })
    else {
      if (!sameSetParameters(old, set)) changes.push({ kind: 'set', before: old, after: set })
      for (const change of entryChanges(old, set)) changes.push(change)
    }
  }
  for (const set of known.values()) changes.push({ kind: 'set', before: set, after: null })
  return changes
}

/** In canonical order, what goes before what comes. */
function entryChanges(before: IpSet, after: IpSet): ChangeOf<'entry'>[] {
  if (before.entries === after.entries && before.type === after.type) return []
  const { name, type, family } = after
  const middle = between<SetEntry>(before.entries, after.entries, sameEntry)
  const [was, is] = [before, after].map(
    (set, side) =>
      new Map(
        (side === 0 ? middle.before : middle.after).map((entry) => [formatEntry(set.type, entry), entry]),
      ),
  ) as [Map<string, SetEntry>, Map<string, SetEntry>]
  const only = (entries: ReadonlyMap<string, SetEntry>, other: ReadonlyMap<string, SetEntry>): SetEntry[] =>
    [...entries]
      .filter(([key]) => !other.has(key))
      .map(([, entry]) => entry)
      .sort(compareEntries)
  const set = { name, type, family }
  return [
    ...only(was, is).map((entry): ChangeOf<'entry'> => ({ kind: 'entry', set, before: entry, after: null })),
    ...only(is, was).map((entry): ChangeOf<'entry'> => ({ kind: 'entry', set, before: null, after: entry })),
  ]
}
