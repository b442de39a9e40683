/**
 * How many values a parsed YAML document stands for once its aliases are written out; `null` when an alias lies inside
 * what it means. Aliases share objects, so each object is counted once and its size used again.
 */
export function expandedSize(root: unknown): number | null {
  const sizes = new Map<object, number>()
  const open = new Set<object>()
  const sizeOf = (value: unknown): number => {
    if (typeof value !== 'object' || value === null) return 1
    const known = sizes.get(value)
    if (known !== undefined) return known
    if (open.has(value)) return Number.NaN
    open.add(value)
    let size = 1
    for (const inner of Array.isArray(value) ? value : Object.values(value)) size += sizeOf(inner)
    open.delete(value)
    sizes.set(value, size)
    return size
  }
  const size = sizeOf(root)
  return Number.isNaN(size) ? null : size
}

/** Values of a document, each shared one once. */
export function ownSize(root: unknown): number {
  const seen = new Set<object>()
  const waiting: unknown[] = [root]
  let size = 0
  while (waiting.length > 0) {
    const value = waiting.pop()
    size++
    if (typeof value !== 'object' || value === null || seen.has(value)) continue
    seen.add(value)
    for (const inner of Array.isArray(value) ? value : Object.values(value)) waiting.push(inner)
  }
  return size
}
