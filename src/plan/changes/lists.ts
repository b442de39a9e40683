/** How two lists differ. Lists are nearly equal as a rule, so that what is the same at both ends is passed over first. */

/** The part of two lists between what is the same at their heads and at their tails. */
export function between<T>(
  before: readonly T[],
  after: readonly T[],
  same: (a: T, b: T) => boolean,
): { readonly start: number; readonly before: readonly T[]; readonly after: readonly T[] } {
  const limit = Math.min(before.length, after.length)
  let start = 0
  while (start < limit && same(before[start] as T, after[start] as T)) start++
  let end = 0
  while (
    end < limit - start &&
    same(before[before.length - 1 - end] as T, after[after.length - 1 - end] as T)
  )
    end++
  return {
    start,
    before: before.slice(start, before.length - end),
    after: after.slice(start, after.length - end),
  }
}

/** Places, counted from 0, of what only one of two lists has, or has elsewhere. */
export interface SequenceDifference {
  readonly removed: readonly number[]
  readonly added: readonly number[]
}

/**
 * The difference of two lists in which order is meaning: as few items as possible go and come, where none stands in a list twice.
 */
export function compareSequences(before: readonly string[], after: readonly string[]): SequenceDifference {
  const middle = between(before, after, (a, b) => a === b)
  const places = new Map<string, number[]>()
  for (const [index, item] of middle.before.entries()) {
    const known = places.get(item)
    if (known === undefined) places.set(item, [index])
    else known.push(index)
  }
  // Each item of the second list, by where it stands in the first.
  const pairs: (readonly [from: number, to: number])[] = []
  for (const [index, item] of middle.after.entries()) {
    const from = places.get(item)?.shift()
    if (from !== undefined) pairs.push([from, index])
  }
  const kept = longestAscent(pairs)
  const [stays, stayed] = [new Set(kept.map(([from]) => from)), new Set(kept.map(([, to]) => to))]
  const others = (list: readonly string[], keeps: ReadonlySet<number>): number[] =>
    [...list.keys()].filter((index) => !keeps.has(index)).map((index) => index + middle.start)
  return { removed: others(middle.before, stays), added: others(middle.after, stayed) }
}

type Pair = readonly [from: number, to: number]

/** The longest selection, in order, whose first numbers ascend. */
function longestAscent(pairs: readonly Pair[]): Pair[] {
  // By length, the index of the pair that ends the selection of that length with the least number.
  const ends: number[] = []
  const previous: number[] = []
  const first = (index: number): number => (pairs[index] as Pair)[0]
  for (const index of pairs.keys()) {
    let [low, high] = [0, ends.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (first(ends[middle] as number) < first(index)) low = middle + 1
      else high = middle
    }
    previous.push(low === 0 ? -1 : (ends[low - 1] as number))
    ends[low] = index
  }
  const selection: Pair[] = []
  for (let index = ends.at(-1) ?? -1; index >= 0; index = previous[index] as number)
    selection.push(pairs[index] as Pair)
  return selection.reverse()
}
