import { formatSubject, type Severity } from '../../../diagnostics/diagnostics.ts'
import type { Finding } from '../../finding.ts'
import { countedFrom } from '../severities.ts'
import type { Rule } from '../types.ts'
import { attributes, escapeXml, junitDocument } from './junitXml.ts'
import { placeText } from './text.ts'

/**
 * Findings as JUnit's XML: a case for each finding, and for each rule that found nothing. What counts is a failure, what is
 * silenced is skipped, and the rest passes with what it has to say.
 */
export function junitXml(
  findings: readonly Finding[],
  rules: readonly Rule[],
  { failOn }: { readonly failOn: Severity | 'never' },
): string {
  const failures = new Set(failOn === 'never' ? [] : countedFrom(findings, failOn))
  const found = new Set(findings.map(({ code }) => code))
  const cases = [
    ...findings.map((finding) => caseOf(finding, failures.has(finding))),
    ...rules
      .filter(({ code }) => !found.has(code))
      .map(({ code }) => `    <testcase${attributes({ classname: 'ipvsc', name: code })}/>\n`),
  ]
  const skipped = findings.filter(({ silenced }) => silenced !== null).length
  return junitDocument(cases, { failures: failures.size, errors: 0, skipped })
}

function caseOf(finding: Finding, isFailure: boolean): string {
  const { code, severity, message, why, mend, subject, service, place, nodes, silenced } = finding
  const name = service ?? (subject === null ? 'cluster' : formatSubject(subject))
  const open = `    <testcase${attributes({
    classname: code,
    name,
    ...(place === null ? {} : { file: place.origin.source }),
    ...(place?.position ? { line: place.position.line } : {}),
  })}>\n`
  const lines = [
    ...(place === null ? [] : [placeText(finding)]),
    ...(nodes.length === 0 ? [] : [`on ${nodes.join(', ')}`]),
    why,
    `mend: ${mend}`,
  ]
  const text = lines.map(escapeXml).join('\n')
  const inner =
    silenced !== null
      ? `      <skipped${attributes({ message: silenced.reason ?? `silenced by ${silenced.by}` })}/>\n`
      : isFailure
        ? `      <failure${attributes({ type: severity, message })}>${text}</failure>\n`
        : `      <system-out>${escapeXml(`${severity}: ${message}`)}\n${text}</system-out>\n`
  return `${open}${inner}    </testcase>\n`
}
