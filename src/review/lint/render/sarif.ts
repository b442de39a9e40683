import type { Location, Log, ReportingDescriptor, Result, Suppression } from 'sarif'
import { formatPath, type Severity } from '../../../diagnostics/diagnostics.ts'
import { safeText } from '../../../diagnostics/safeText.ts'
import type { Finding, Silence } from '../../finding.ts'
import { RULES } from '../rules/index.ts'
import type { Rule } from '../types.ts'

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json'

/** Findings as a log of SARIF 2.1.0, which hosts of repositories show at the lines of a pull request. */
export function sarifLog(findings: readonly Finding[], version: string): Log {
  const codes = new Set(findings.map(({ code }) => code))
  const rules = RULES.filter(({ code }) => codes.has(code))
  const indices = new Map(rules.map(({ code }, index) => [code, index]))
  return {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'ipvsc',
            version,
            semanticVersion: version,
            rules: rules.map(descriptor),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: findings.map((finding) => result(finding, indices.get(finding.code) ?? -1)),
      },
    ],
  }
}

const LEVELS = { error: 'error', warning: 'warning', info: 'note' } as const satisfies Record<
  Severity,
  string
>

const descriptor = ({ code, severity, title, why, mend, source }: Rule): ReportingDescriptor => ({
  id: code,
  shortDescription: { text: title },
  fullDescription: { text: why },
  help: { text: `${why} ${mend}` },
  ...(source.startsWith('https://') ? { helpUri: source } : {}),
  defaultConfiguration: { level: LEVELS[severity] },
})

function result(finding: Finding, ruleIndex: number): Result {
  const { code, severity, message, mend, subject, service, place, nodes, silenced } = finding
  const where = nodes.length === 0 ? '' : ` On ${nodes.join(', ')}.`
  const name = service ?? (subject === null ? null : `${subject.namespace ?? ''}/${subject.name}`)
  const identity = [code, name ?? '', place === null ? '' : formatPath(place.path)]
  return {
    ruleId: code,
    ...(ruleIndex < 0 ? {} : { ruleIndex }),
    level: LEVELS[severity],
    message: { text: plain(`${name === null ? '' : `${name}: `}${message}${where} ${mend}`) },
    ...(place === null && name === null ? {} : { locations: [location(finding, name)] }),
    partialFingerprints: { 'ipvscFinding/v1': safeText(identity.join(' ')) },
    ...(silenced === null ? {} : { suppressions: [suppression(silenced)] }),
  }
}

/** A plain text in which nothing is a link: SARIF reads `[text](target)` as one. */
const plain = (text: string): string => safeText(text).replaceAll('](', '] (')

function location({ place, subject }: Finding, name: string | null): Location {
  const logical =
    name === null
      ? {}
      : {
          logicalLocations: [
            { fullyQualifiedName: safeText(`${subject?.kind ?? 'Service'} ${name}`), kind: 'resource' },
          ],
        }
  if (place === null) return logical
  const { position, origin } = place
  return {
    physicalLocation: {
      artifactLocation: { uri: uriOf(origin.source) },
      ...(position === null ? {} : { region: { startLine: position.line, startColumn: position.column } }),
    },
    ...logical,
  }
}

/** The path of a text as a URI; one of a revision is where it lies in the working tree. */
export function uriOf(source: string): string {
  const path = (/^git:[^:]*:(.*)$/s.exec(source)?.[1] ?? source).replace(/^(\.\/)+/, '')
  const encoded = path.split('/').map(encodeSegment).join('/')
  return path.startsWith('/') ? `file://${encoded}` : encoded
}

/** Halves of surrogate pairs are in no URI. */
const encodeSegment = (segment: string): string => encodeURIComponent(segment.replace(/\p{Cs}/gu, '\ufffd'))

const suppression = ({ by, reason }: Silence): Suppression => ({
  kind: by === 'annotation' ? 'inSource' : 'external',
  ...(reason === null ? {} : { justification: safeText(reason) }),
})
