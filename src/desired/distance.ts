/** How many letters have to be changed, added or left out to make one text of the other. */
export function distance(a: string, b: string): number {
  if (a === b) return 0
  if (Math.abs(a.length - b.length) > 8 || a.length > 64 || b.length > 64) return Math.max(a.length, b.length)
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const changed = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(changed, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}

/** The nearest of some names, or `null` when none is near. Upper and lower case count little. */
export function nearestName(name: string, known: readonly string[]): string | null {
  const ranked = known
    .map((other) => ({ other, score: distance(name.toLowerCase(), other.toLowerCase()) }))
    .sort((a, b) => a.score - b.score)
  const [best] = ranked
  return best !== undefined && best.score <= 3 && best.score < name.length / 2 ? best.other : null
}
