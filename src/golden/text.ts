import { diffArrays } from 'diff'
import { safeLines, safeText } from '../diagnostics/safeText.ts'
import { attributes, escapeXml, junitDocument } from '../review/lint/render/junitXml.ts'
import type { CaseResult } from './types.ts'

export interface Paint {
  readonly good: (text: string) => string
  readonly bad: (text: string) => string
  readonly dim: (text: string) => string
}

const PLAIN: Paint = { good: (text) => text, bad: (text) => text, dim: (text) => text }

/** Results as a person reads them: each case that did not pass with what led there, then how many there were. */
export function formatResults(
  results: readonly CaseResult[],
  { paint = PLAIN, quiet = false }: { readonly paint?: Paint; readonly quiet?: boolean } = {},
): string {
  const parts = results.map((result) => {
    const mark = result.status === 'passed' ? paint.good('ok    ') : paint.bad(result.status)
    if (result.status === 'passed' && quiet) return ''
    const updated = result.updated ? paint.dim('  (written anew)') : ''
    return `${mark} ${safeText(result.name)}${updated}\n${result.status === 'passed' ? '' : failureText(result, paint)}`
  })
  return `${parts.join('')}${countsText(results)}\n`
}

function countsText(results: readonly CaseResult[]): string {
  const count = (status: CaseResult['status']): number =>
    results.filter((result) => result.status === status).length
  const parts = [`${count('passed')} of ${results.length} ${results.length === 1 ? 'case' : 'cases'} passed`]
  if (count('failed') > 0) parts.push(`${count('failed')} failed`)
  if (count('broken') > 0) parts.push(`${count('broken')} broken`)
  return parts.join(', ')
}

function failureText(result: CaseResult, paint: Paint): string {
  const lines = [`  ${safeText(`${placeOf(result)}: ${result.message}`)}`, ...diffLines(result, paint)]
  const because = safeLines(result.because)
    .split('\n')
    .map((line) => (line === '' ? '' : `    ${line}`))
  return `${[...lines, ...(result.because === '' ? [] : because)].join('\n').trimEnd()}\n\n`
}

/** `rules.ipvsc-test.yaml:7:5`. */
export const placeOf = ({ file, line, column }: CaseResult): string =>
  line === null ? file : `${file}:${line}:${column}`

/** What was expected alone with `-`, what was found alone with `+`. */
function diffLines({ expected, found }: CaseResult, paint: Paint): string[] {
  if (expected.length + found.length === 0) return []
  return diffArrays([...expected], [...found]).flatMap(({ added, removed, value }) =>
    value.map((line) => {
      const text = `  ${added ? '+' : removed ? '-' : ' '} ${safeText(line)}`
      return added ? paint.good(text) : removed ? paint.bad(text) : text
    }),
  )
}

/** A failure as one text, for a thrown error. */
export const failureMessage = (result: CaseResult): string => failureText(result, PLAIN).trim()

export function junitOfResults(results: readonly CaseResult[]): string {
  const cases = results.map((result) => {
    const { name, file, line, status, message } = result
    const open = `    <testcase${attributes({ classname: file, name, file, ...(line === null ? {} : { line }) })}`
    if (status === 'passed') return `${open}/>\n`
    const tag = status === 'failed' ? 'failure' : 'error'
    const text = failureMessage(result).split('\n').map(escapeXml).join('\n')
    return `${open}>\n      <${tag}${attributes({ type: status, message })}>${text}</${tag}>\n    </testcase>\n`
  })
  const count = (wanted: CaseResult['status']): number =>
    results.filter(({ status }) => status === wanted).length
  return junitDocument(cases, { failures: count('failed'), errors: count('broken'), skipped: 0 })
}
