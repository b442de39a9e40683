import { invariant } from '../invariant.ts'
import { LineError } from './syntax.ts'

/**
 * Quotes text for iptables-restore. A line break cannot be quoted there: behind it a new rule begins, so control
 * characters are refused.
 */
export function quoteText(text: string): string {
  invariant(!/[\u0000-\u001f\u007f]/.test(text), `control character in ${JSON.stringify(text)}`)
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

/** Splits a line of iptables-save into words: double quotes hold blanks, a backslash holds the next character. */
export function splitWords(line: string): string[] {
  const words: string[] = []
  let word = ''
  let inWord = false
  let quoted = false
  for (let index = 0; index < line.length; index++) {
    let character = line.charAt(index)
    if (character === ' ' && !quoted) {
      if (inWord) words.push(word)
      word = ''
      inWord = false
      continue
    }
    inWord = true
    if (character === '"') {
      quoted = !quoted
      continue
    }
    if (character === '\\') character = line.charAt(++index)
    word += character
  }
  if (quoted) throw new LineError('a quote is not closed')
  if (inWord) words.push(word)
  return words
}
