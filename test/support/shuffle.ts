/** Numbers from 0 to 1 that are the same in every run. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** Lists whose order has a meaning: the first address of an endpoint counts, as do the first of a family. */
const ORDERED: ReadonlySet<string> = new Set(['addresses', 'clusterIPs', 'ipFamilies', 'podCIDRs', 'path'])

/** A copy in which every list has another order, but for those whose order means something. */
export function shuffled<T>(value: T, random: () => number, key = ''): T {
  // Paths of fields.
  if (key === 'assumed') return value
  if (Array.isArray(value)) {
    const items = value.map((item) => shuffled(item, random))
    if (ORDERED.has(key)) return items as T
    for (let index = items.length - 1; index > 0; index--) {
      const other = Math.floor(random() * (index + 1))
      ;[items[index], items[other]] = [items[other], items[index]]
    }
    return items as T
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, shuffled(inner, random, name)]),
  ) as T
}

/** Freezes everything that is reachable, so that a change of it throws. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) deepFreeze(inner)
  }
  return value
}
