import { safeText } from '../diagnostics/safeText.ts'

/** Longer texts are cut: a selector of thousands of labels is no matter for a comment. */
const MOST_OF_A_TEXT = 400

export const clipped = (text: string): string =>
  text.length <= MOST_OF_A_TEXT
    ? text
    : `${text.slice(0, MOST_OF_A_TEXT)}… (${text.length - MOST_OF_A_TEXT} more characters)`

/**
 * A text as code, in which nothing is Markdown, HTML, a link or a mention: the fence is longer than any run of backticks in
 * it, and there are no line breaks.
 */
export function code(text: string): string {
  const safe = safeText(clipped(text))
  if (safe === '') return '_empty_'
  const longest = Math.max(0, ...[...safe.matchAll(/`+/g)].map(([run]) => run.length))
  const fence = '`'.repeat(longest + 1)
  // A space on both sides is taken off again by who reads Markdown.
  return longest === 0 && !/^ | $/.test(safe) ? `${fence}${safe}${fence}` : `${fence} ${safe} ${fence}`
}

/** Code in a cell of a table: a bar would end the cell, whatever stands before it. */
export const cellCode = (text: string): string => code(text.replaceAll('|', '\u01c0'))

/** For what stands inside of HTML, where Markdown is not read. */
export const escapeHtml = (text: string): string =>
  safeText(clipped(text)).replace(/[&<>"'@:/`[\]()*_~#|\\]/g, (character) => `&#${character.charCodeAt(0)};`)

const HTML: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

/** Joins words without showing: what it stands in is no mention, address, link or reference. */
const JOINER = '\u2060'

/**
 * A sentence whose every character is itself. Hosts look for mentions, addresses and references after they have read
 * escapes, so that these are broken by a character that does not show.
 */
export const escapeMarkdown = (text: string): string =>
  safeText(clipped(text))
    .replace(/[@#]|:(?=\/\/)|www(?=\.)/gi, (found) => found + JOINER)
    .replace(/[\\`*_{}[\]()#+!|~<>&$]/g, (character) => HTML[character] ?? `\\${character}`)
