import pc from 'picocolors'
import {
  type Diagnostic,
  formatPath,
  formatSubject,
  type Origin,
  type Position,
  type RelatedPlace,
} from '../diagnostics/diagnostics.ts'
import { safeText } from '../diagnostics/safeText.ts'

export interface ReportStyle {
  readonly colors: boolean
  /** Whether the lines of the text are shown around a problem. */
  readonly frames: boolean
  readonly texts: ReadonlyMap<string, string>
}

/** Problems for people: errors last, because that is where a terminal stops. What is passed over is left out. */
export function formatDiagnostics(diagnostics: readonly Diagnostic[], style: ReportStyle): string {
  const rank = { info: 0, warning: 1, error: 2 }
  return diagnostics
    .filter(({ severity }) => severity !== 'info')
    .map((problem, index) => ({ problem, index }))
    .sort((a, b) => rank[a.problem.severity] - rank[b.problem.severity] || a.index - b.index)
    .map(({ problem }) => formatDiagnostic(problem, style))
    .join('')
}

/** `shop.yaml:12:7: error SCHEMA: Service default/web: spec.ports[0].port: …` */
export function formatDiagnostic(problem: Diagnostic, style: ReportStyle): string {
  const color = pc.createColors(style.colors)
  const { severity, code, message, subject, path, found, expected, origin, position, related } = problem
  const paint = severity === 'error' ? color.red : severity === 'warning' ? color.yellow : color.cyan
  const where = [subject === null ? '' : formatSubject(subject), formatPath(path)]
    .filter((text) => text !== '')
    .map(safeText)
  const head = [...placeText(origin, position), `${paint(`${severity} ${code}`)}`, ...where].join(': ')
  const details = [
    ...(found === null ? [] : [`found ${safeText(found)}`]),
    ...(expected === null ? [] : [`expected ${safeText(expected)}`]),
  ]
  return [
    `${head}: ${safeText(message)}`,
    ...(details.length === 0 ? [] : [color.dim(`    ${details.join(', ')}`)]),
    ...frame(origin, position, style),
    ...related.flatMap((place) => relatedLines(place, style)),
    '',
  ].join('\n')
}

function relatedLines(place: RelatedPlace, style: ReportStyle): string[] {
  const head = [...placeText(place.origin, place.position), safeText(place.message)].join(': ')
  return [`    ${head}`, ...frame(place.origin, place.position, style)]
}

function placeText(origin: Origin | null, position: Position | null): string[] {
  if (origin === null) return []
  const source = safeText(origin.source)
  return [position === null ? source : `${source}:${position.line}:${position.column}`]
}

const CONTEXT_LINES = 1

/** The line of a problem between its neighbours, with a caret below the column. */
function frame(
  origin: Origin | null,
  position: Position | null,
  { texts, frames, colors }: ReportStyle,
): string[] {
  const text = origin === null ? undefined : texts.get(origin.source)
  if (!frames || text === undefined || position === null) return []
  const color = pc.createColors(colors)
  const { line, column } = position
  const first = Math.max(1, line - CONTEXT_LINES)
  const shown = text.split('\n', line + CONTEXT_LINES).slice(first - 1)
  const width = String(line + CONTEXT_LINES).length
  return shown.flatMap((content, index) => {
    const number = first + index
    const gutter = color.dim(`    ${number === line ? '>' : ' '} ${String(number).padStart(width)} | `)
    const start = Math.max(0, column - 60)
    const visible = printable(content.slice(start, start + 110))
    const caret = `${' '.repeat(4 + 2 + width)} | ${' '.repeat(column - 1 - start)}${color.red('^')}`
    return number === line ? [`${gutter}${visible}`, caret] : [`${gutter}${visible}`]
  })
}

/** Input without what would steer a terminal, each character as wide as before so that carets fit. */
const printable = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, ' ')

/** A problem as data: the path in words, as people write it. */
export const diagnosticData = ({ path, origin, related, ...rest }: Diagnostic): object => ({
  ...rest,
  path: formatPath(path),
  source: origin?.source ?? null,
  related: related.map((place) => ({
    message: place.message,
    subject: place.subject,
    path: formatPath(place.path),
    source: place.origin?.source ?? null,
    position: place.position,
  })),
})
