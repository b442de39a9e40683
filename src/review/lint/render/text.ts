import { formatPath, formatSubject, type Severity } from '../../../diagnostics/diagnostics.ts'
import { safeText } from '../../../diagnostics/safeText.ts'
import type { Finding, Findings } from '../../finding.ts'
import { SEVERITIES } from '../severities.ts'
import { counted, some } from '../words.ts'

/** How text is painted; the identity where there are no colours. */
export interface FindingPaint {
  readonly error: (text: string) => string
  readonly warning: (text: string) => string
  readonly info: (text: string) => string
  readonly dim: (text: string) => string
}
const same = (text: string): string => text
export const PLAIN: FindingPaint = { error: same, warning: same, info: same, dim: same }

/** Findings as a person reads them: the verdict, then each, and why once for each code. */
export function formatFindings(found: Findings, paint: FindingPaint = PLAIN): string {
  return `${verdictOf(found)}\n${findingLines(found.findings, paint)}`
}

/** Those that count, each at its place; why and what to do stand below the first that they are said of. */
export function findingLines(findings: readonly Finding[], paint: FindingPaint = PLAIN): string {
  const told = new Set<string>()
  const isNew = (sentence: string): boolean => !told.has(sentence) && told.add(sentence) !== undefined
  return findings
    .filter(({ silenced }) => silenced === null)
    .map((finding) => {
      const { code, why, mend } = finding
      const notes = [
        ...(isNew(`${code} ${why}`) ? [why] : []),
        ...(isNew(`${code} mend: ${mend}`) ? [`mend: ${mend}`] : []),
      ]
      return findingText(finding, notes, paint)
    })
    .join('')
}

function findingText(finding: Finding, notes: readonly string[], paint: FindingPaint): string {
  const { code, severity, message, subject, service, place, nodes } = finding
  const named = subject === null ? (service === null ? [] : [`Service ${service}`]) : [formatSubject(subject)]
  const field = place === null || subject === null ? '' : formatPath(place.path)
  const head = [
    ...(place === null ? [] : [safeText(placeText(finding))]),
    paint[severity](`${severity} ${code}`),
    ...named.map(safeText),
    ...(field === '' ? [] : [safeText(field)]),
    safeText(message),
  ]
  return [
    `${head.join(': ')}\n`,
    nodes.length === 0 ? '' : paint.dim(`    on ${safeText(some(nodes, 5))}\n`),
    ...notes.map((note) => paint.dim(`    ${safeText(note)}\n`)),
  ].join('')
}

/** `deploy/web.yaml:12:3`; without a position the name of the text alone. */
export function placeText({ place }: Pick<Finding, 'place'>): string {
  if (place === null) return ''
  const { origin, position } = place
  return position === null ? origin.source : `${origin.source}:${position.line}:${position.column}`
}

/** `1 error, 2 warnings; 1 silenced by annotation`, or that there is nothing. */
export function verdictOf({ findings, notAsked }: Findings): string {
  const counts = SEVERITIES.map((severity) => ({
    severity,
    number: findings.filter((one) => one.severity === severity && one.silenced === null).length,
  })).filter(({ number }) => number > 0)
  const silenced = (['annotation', 'allowance'] as const)
    .map((by) => ({ by, number: findings.filter((one) => one.silenced?.by === by).length }))
    .filter(({ number }) => number > 0)
  return [
    counts.length === 0
      ? 'nothing found'
      : counts.map(({ severity, number }) => counted(number, WORDS[severity])).join(', '),
    ...(silenced.length === 0
      ? []
      : [`${silenced.map(({ by, number }) => `${number} silenced by ${by}`).join(', ')}`]),
    ...(notAsked.length === 0
      ? []
      : [`${counted(notAsked.length, 'rule')} not asked, since the state tells nothing of Services`]),
  ].join('; ')
}

const WORDS: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'note' }
