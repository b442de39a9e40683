/** How large sets are made. The script of a node counts with the same numbers: the build puts them there. */

const SMALLEST_MAX_ELEMENTS = 65536
export const SMALLEST_HASH_SIZE = 1024
/** Kernels differ by a few in when a set is full. */
export const SET_HEADROOM = 17 / 16
/** The kernel doubles a hash when one of its buckets overflows, at twelve; with two in each on average, none does. */
export const ENTRIES_PER_BUCKET = 2
/**
 * Where so many entries leave a set and fewer stay, filling another one takes less than emptying it. The headroom of any set
 * holds as many beside what is wanted.
 */
export const MANY_ENTRIES = 1000

/** Buckets that a hash of so many entries begins with. */
export const hashSizeOf = (entries: number): number =>
  powerOfTwo(SMALLEST_HASH_SIZE, entries / ENTRIES_PER_BUCKET)

/** How many elements a set has to take that is to hold so many, and is not to take fewer than it does. */
export const maxElementsOf = (entries: number, least = SMALLEST_MAX_ELEMENTS): number =>
  powerOfTwo(least, entries * SET_HEADROOM)

/** Whether a set could be full with so many entries. */
export const isCrowded = (entries: number, maxElements: number): boolean =>
  entries * SET_HEADROOM > maxElements

/** A number, doubled until it is not less than another. */
function powerOfTwo(from: number, least: number): number {
  let power = from
  while (power < least) power *= 2
  return power
}
