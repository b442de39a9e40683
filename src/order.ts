/** Orders text by code unit, on every machine alike. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** A sorted copy, by a key computed once for each item. */
export function sortedBy<T>(items: readonly T[], key: (item: T) => string): T[] {
  if (items.length < 2) return [...items]
  return items
    .map((item) => [key(item), item] as const)
    .sort(([a], [b]) => compareText(a, b))
    .map(([, item]) => item)
}
