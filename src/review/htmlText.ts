import { safeText } from '../diagnostics/safeText.ts'

/** HTML that is finished: its texts went through `html` or `raw`. */
export interface Markup {
  readonly html: string
}

type Part = string | number | Markup | null | readonly Part[]

/** A template whose values are texts, made harmless, unless they are markup already; lists are joined, `null` is nothing. */
export const html = (strings: TemplateStringsArray, ...values: readonly Part[]): Markup => ({
  html: strings.map((text, at) => text + (at < values.length ? partText(values[at] ?? null) : '')).join(''),
})

const partText = (part: Part): string => {
  if (part === null) return ''
  if (typeof part === 'string' || typeof part === 'number') return escapeText(String(part))
  return 'html' in part ? part.html : part.map(partText).join('')
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** A text as it stands between tags or in a quoted attribute; steering characters are spelt out. */
export const escapeText = (text: string): string =>
  safeText(text).replace(/[&<>"']/g, (character) => ENTITIES[character] as string)
