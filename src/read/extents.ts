/** A document of a YAML text, by offsets. */
export interface Extent {
  /** Where its border `---` begins, or the document itself where it has none. */
  readonly border: number
  /** Behind the line of the border; where something stands in that line, too: the border. */
  readonly start: number
  /** Behind its last character. */
  readonly end: number
}

/** Directives, ends of documents without a next one, and line breaks of old machines. */
const ODD_TEXT = /\r(?!\n)|(?:^|\n)(?:%|\.\.\.)/

/** What stands between the lines `---` of a text; nothing of a text whose documents are parted in other ways, too. */
export function extentsOf(text: string): Extent[] {
  if (ODD_TEXT.test(text)) return []
  const pattern = /(?:^|\n)(---(?:[ \t\r][^\n]*)?)(?:\n|$)/g
  const extents: Extent[] = []
  let [border, start] = [0, 0]
  for (let found = pattern.exec(text); found !== null; found = pattern.exec(text)) {
    const next = found[0].startsWith('\n') ? found.index + 1 : found.index
    if (next > start || border < start) extents.push({ border, start, end: next })
    border = next
    start = found[1]?.trim() === '---' ? pattern.lastIndex : border
    // The line break at its end may begin the next border.
    pattern.lastIndex = Math.max(found.index + 1, pattern.lastIndex - 1)
  }
  if (border < text.length) extents.push({ border, start, end: text.length })
  return extents
}
