/**
 * Characters that steer a terminal or change what a reader sees: control characters (C0, DEL, C1), invisible and
 * bidirectional formatting, separators of lines and paragraphs, and halves of surrogate pairs.
 */
const STEERING = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** `\u001b`, one for each UTF-16 code unit. */
const escaped = (character: string): string =>
  Array.from(
    { length: character.length },
    (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
  ).join('')

/** Text of unknown origin as one line in which every steering character is spelt out: `a\u001b[31mb`. */
export const safeText = (text: string): string =>
  text.replace(STEERING, (character) => SHORT[character] ?? escaped(character))

/** The same for text of several lines: line feeds and tabs stay. */
export const safeLines = (text: string): string =>
  text.replace(STEERING, (character) =>
    character === '\n' || character === '\t' ? character : (SHORT[character] ?? escaped(character)),
  )

/** JSON text that means the same and shows no steering character, since JSON may spell out any of them. */
export const safeJson = (json: string): string =>
  json.replace(STEERING, (character) => (character === '\n' ? character : escaped(character)))
