/** `1 node`, `3 nodes`. */
export const counted = (number: number, word: string): string => `${number} ${word}${number === 1 ? '' : 's'}`

/** The first few of a list: `a, b and 3 more`. */
export function some(names: readonly string[], most = 3): string {
  const shown = names.slice(0, most).join(', ')
  return names.length > most ? `${shown} and ${names.length - most} more` : shown
}
