import type { Counts } from '../bundle/bundle.ts'
import { DIAGNOSTIC_CODES, type DiagnosticCode } from '../diagnostics/codes.ts'
import { type Diagnostic, formatSubject } from '../diagnostics/diagnostics.ts'
import { safeText } from '../diagnostics/safeText.ts'
import type { OverlaidTemplate } from '../formats/render.ts'
import type { ReadResult } from '../read/types.ts'

/** What was read and passed over, as data for `--output json` and as lines for people. */
export interface ReadSummary {
  readonly services: number
  readonly endpointSlices: number
  readonly endpoints: number
  readonly nodes: number
  readonly copies: number
  /** Objects of other kinds. */
  readonly passedOver: Readonly<Record<string, number>>
  /** Files that hold neither JSON nor YAML. */
  readonly otherFiles: number
}

export function readSummary({ cluster, copies, passedOver }: ReadResult, otherFiles: number): ReadSummary {
  return {
    services: cluster.services.length,
    endpointSlices: cluster.endpointSlices.length,
    endpoints: cluster.endpoints.length,
    nodes: cluster.nodes.length,
    copies,
    passedOver: Object.fromEntries(passedOver),
    otherFiles,
  }
}

const plural = (count: number, noun: string, nouns = `${noun}s`): string =>
  `${count.toLocaleString('en')} ${count === 1 ? noun : nouns}`

export function formatReadSummary(summary: ReadSummary): string {
  const { services, endpointSlices, endpoints, nodes, copies, passedOver, otherFiles } = summary
  const others = Object.values(passedOver).reduce((sum, count) => sum + count, 0)
  const kinds = Object.keys(passedOver)
  const parts = [
    plural(services, 'Service'),
    plural(endpointSlices, 'EndpointSlice'),
    plural(endpoints, 'Endpoints', 'Endpoints'),
    plural(nodes, 'Node'),
    ...(copies > 0 ? [`${plural(copies, 'identical copy', 'identical copies')} counted once`] : []),
    ...(others > 0 ? [`${plural(others, 'object')} of other kinds passed over (${shortList(kinds)})`] : []),
    ...(otherFiles > 0 ? [`${plural(otherFiles, 'other file')} passed over`] : []),
  ]
  return `read: ${safeText(parts.join(', '))}\n`
}

const shortList = (names: readonly string[]): string =>
  names.length > 4 ? `${names.slice(0, 4).join(', ')}, …` : names.join(', ')

export function formatCounts(node: string, counts: Counts): string {
  const parts = [
    plural(counts.services ?? 0, 'service'),
    plural(counts.servicePorts ?? 0, 'service port'),
    plural(counts.virtualServers, 'virtual server'),
    plural(counts.realServers, 'real server'),
    plural(counts.setEntries, 'set entry', 'set entries'),
    plural(counts.rules, 'rule'),
    plural(counts.addresses, 'bound address', 'bound addresses'),
  ]
  return `node ${safeText(node)}: ${parts.join(', ')}\n`
}

/** `templates: sysctl.conf.hbs (sha256 0123456789ab) instead of the shipped`, or nothing. */
export function formatTemplates(templates: readonly OverlaidTemplate[]): string {
  if (templates.length === 0) return ''
  const names = templates.map(({ name, sha256 }) => `${name} (sha256 ${sha256.slice(0, 12)})`)
  return `templates: ${safeText(names.join(', '))} instead of the shipped\n`
}

/** A line for each reason for which something was passed over, or is worth knowing. */
export function formatSkipped(diagnostics: readonly Diagnostic[]): string {
  const byCode = new Map<DiagnosticCode, Diagnostic[]>()
  for (const problem of diagnostics)
    if (problem.severity === 'info') byCode.set(problem.code, [...(byCode.get(problem.code) ?? []), problem])
  return [...byCode]
    .map(([code, problems]) => `note ${code}: ${safeText(explain(code, problems))}\n`)
    .join('')
}

function explain(code: DiagnosticCode, [first, ...others]: readonly Diagnostic[]): string {
  if (first === undefined) return ''
  if (others.length === 0) return `${subjectPrefix(first)}${first.message}`
  if (first.subject === null) return [first, ...others].map(({ message }) => message).join(' ')
  const names = [first, ...others].map(({ subject }) => (subject === null ? '' : subject.name))
  return `${DIAGNOSTIC_CODES[code]} (${names.length}: ${shortList([...new Set(names)].filter((name) => name !== ''))})`
}

const subjectPrefix = (problem: Diagnostic | undefined): string =>
  problem?.subject ? `${formatSubject(problem.subject)}: ` : ''

export function formatVerdict(diagnostics: readonly Diagnostic[], milliseconds: number): string {
  const count = (severity: Diagnostic['severity']): number =>
    diagnostics.filter((problem) => problem.severity === severity && !problem.quarantined).length
  const quarantined = diagnostics.filter((problem) => problem.quarantined).length
  const parts = [
    plural(count('error'), 'error'),
    plural(count('warning'), 'warning'),
    ...(quarantined > 0 ? [`${plural(quarantined, 'problem')} put in quarantine`] : []),
  ]
  return `${parts.join(', ')}; ${(milliseconds / 1000).toFixed(2)} s\n`
}
