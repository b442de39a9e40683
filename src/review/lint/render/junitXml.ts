import { safeText } from '../../../diagnostics/safeText.ts'

/** What JUnit's XML of findings and of cases has in common. */

export interface JunitCounts {
  readonly failures: number
  readonly errors: number
  readonly skipped: number
}

/** A document of one suite; `cases` are `<testcase>` elements, each with its line breaks. */
export function junitDocument(cases: readonly string[], counts: JunitCounts): string {
  const counted = attributes({ name: 'ipvsc', tests: cases.length, ...counts })
  return [
    '<?xml version="1.0" encoding="UTF-8"?>\n',
    `<testsuites${counted}>\n`,
    `  <testsuite${counted}>\n`,
    ...cases,
    '  </testsuite>\n</testsuites>\n',
  ].join('')
}

export const attributes = (values: Readonly<Record<string, string | number>>): string =>
  Object.entries(values)
    .map(([name, value]) => ` ${name}="${escapeXml(String(value))}"`)
    .join('')

/** Text of XML 1.0, on one line: what steers is spelt out, and what XML has no character for is left out. */
export const escapeXml = (text: string): string =>
  safeText(text)
    .replace(/[\ufffe\uffff]/g, '')
    .replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
