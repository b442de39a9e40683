import type { Severity } from '../../diagnostics/diagnostics.ts'
import type { Finding } from '../finding.ts'

/** Worst first. */
export const SEVERITIES = ['error', 'warning', 'info'] as const

export const rank = (severity: Severity): number => SEVERITIES.indexOf(severity)

/** Findings that count, of a severity or a worse one. */
export const countedFrom = (findings: readonly Finding[], least: Severity): Finding[] =>
  findings.filter(({ severity, silenced }) => silenced === null && rank(severity) <= rank(least))
