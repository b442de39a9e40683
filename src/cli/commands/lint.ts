import { quarantined } from '../../compile/compile.ts'
import { DEFAULT_CONFIG } from '../../config/types.ts'
import { hasErrors } from '../../diagnostics/diagnostics.ts'
import { safeText } from '../../diagnostics/safeText.ts'
import { EXIT, UsageError } from '../../host/exit.ts'
import type { Cluster } from '../../kube/cluster.ts'
import { positionsOf, withPositions } from '../../read/locate.ts'
import type { Finding, Findings } from '../../review/finding.ts'
import { lintCluster, lintPlan } from '../../review/lint/lint.ts'
import { junitXml } from '../../review/lint/render/junit.ts'
import { sarifLog } from '../../review/lint/render/sarif.ts'
import { type FindingPaint, formatFindings } from '../../review/lint/render/text.ts'
import { RULES } from '../../review/lint/rules/index.ts'
import { countedFrom } from '../../review/lint/severities.ts'
import { type ClusterSubject, clusterSubject } from '../../review/lint/subject.ts'
import type { LintSettings } from '../../review/lint/types.ts'
import { VERSION } from '../../version.ts'
import type { Console } from '../console.ts'
import { type Input, readInput } from '../inputs/read.ts'
import { lintSettingsOf, readSettingsFile, type SettingsFile, today } from '../inputs/settingsFile.ts'
import { readStored, type State } from '../inputs/states.ts'
import type { LintOptions, RuleOptions } from '../options.ts'
import { coloursOf, print, printJson, printPainted } from '../terminal.ts'

/** `ipvsc lint STATE…`: what rules say of a state. */
export async function lint(
  references: readonly string[],
  options: LintOptions,
  console: Console,
): Promise<number> {
  if (options.rules) {
    showRules(options)
    return EXIT.done
  }
  if (references.length === 0)
    throw new UsageError('say which state to look at, or --rules to list the rules')
  const file = await readSettingsFile(options.settings)
  const settings = lintSettingsOf(file, today())
  const stored = await Promise.all(references.map((reference) => readStored(reference, options.iptables)))
  const found = stored.every((state) => state === null)
    ? await lintInputs(references, options, settings, file, console)
    : lintStored(references, stored, settings)
  if (found === null) return EXIT.input
  show(found, options)
  return statusOf(found.findings, options)
}

/** Findings that count end a command with a status of their own. */
export const statusOf = (findings: readonly Finding[], { failOn }: RuleOptions): number =>
  failOn !== 'never' && countedFrom(findings, failOn).length > 0 ? EXIT.differs : EXIT.done

async function lintInputs(
  references: readonly string[],
  options: LintOptions,
  settings: LintSettings,
  file: SettingsFile | null,
  console: Console,
): Promise<Findings | null> {
  const input = await readInput(references, options, console)
  const { subject, diagnostics } = subjectOfInput(input, options)
  const found = options.quarantine ? quarantined(diagnostics) : diagnostics
  const problems = await withPositions([...input.diagnostics, ...found], input.result.texts)
  if (hasErrors(problems)) {
    console.report({ ...input, diagnostics: problems, nodes: [] })
    return null
  }
  // A rule says the same, at the same place.
  const codes = new Set(RULES.map(({ code }) => code))
  console.say(problems.filter(({ code, severity }) => severity !== 'info' && !codes.has(code)))
  return placed(lintCluster(subject, settings), textsWith(input.result.texts, file))
}

/** What rules look at, of inputs that were read. */
export function subjectOfInput(
  {
    result: { cluster },
    config,
  }: { readonly result: Pick<Input['result'], 'cluster'> } & Pick<Input, 'config'>,
  options: Pick<LintOptions, 'onConflict' | 'serviceCidr' | 'serviceNodePortRange'>,
): ReturnType<typeof clusterSubject> {
  const { onConflict = 'error', serviceCidr, serviceNodePortRange } = options
  return clusterSubject(cluster, {
    config: config ?? DEFAULT_CONFIG,
    onConflict,
    configuration: onlyConfiguration(cluster),
    ranges: {
      serviceCIDRs: serviceCidr?.split(',').map((text) => text.trim()) ?? null,
      nodePortRange: serviceNodePortRange ?? null,
    },
  })
}

const onlyConfiguration = ({ configurations }: Cluster): ClusterSubject['configuration'] =>
  configurations.length === 1 ? (configurations[0] ?? null) : null

function lintStored(
  references: readonly string[],
  states: readonly (State | null)[],
  settings: LintSettings,
): Findings {
  const each = states.map((state, index) => {
    if (state === null)
      throw new UsageError(
        `${references[index]} is an input to compile, and others are bundles, plans or nodes: name the one or the other`,
      )
    const nodes = state.node === null ? [] : [state.node]
    const found = lintPlan(state.plan, settings)
    return { ...found, findings: found.findings.map((finding) => ({ ...finding, nodes })) }
  })
  return {
    version: 1,
    findings: each.flatMap(({ findings }) => findings),
    notAsked: each[0]?.notAsked ?? [],
  }
}

export const textsWith = (
  texts: ReadonlyMap<string, string>,
  file: SettingsFile | null,
): ReadonlyMap<string, string> => (file === null ? texts : new Map([...texts, [file.source, file.text]]))

/** Findings with the lines and columns of what they are about. */
export async function placed<T extends { readonly findings: readonly Finding[] }>(
  found: T,
  texts: ReadonlyMap<string, string>,
): Promise<T> {
  const places = found.findings.flatMap(({ place }) => (place === null ? [] : [place]))
  const positions = await positionsOf(places, texts)
  const known = new Map(places.map((place, index) => [place, positions[index] ?? null]))
  const findings = found.findings.map((finding) =>
    finding.place === null
      ? finding
      : { ...finding, place: { ...finding.place, position: known.get(finding.place) ?? null } },
  )
  return { ...found, findings }
}

function show(found: Findings, { output, failOn, quiet }: LintOptions): void {
  const counted = { ...found, findings: quiet ? countedFrom(found.findings, 'warning') : found.findings }
  if (output === 'json') printJson(found)
  else if (output === 'sarif') printJson(sarifLog(found.findings, VERSION))
  else if (output === 'junit')
    print(
      junitXml(
        found.findings,
        RULES.filter(({ on }) => on === 'state'),
        { failOn },
      ),
    )
  else printPainted(formatFindings(counted, findingPaint()))
}

export function findingPaint(): FindingPaint {
  const { red, yellow, cyan, dim } = coloursOf('stdout')
  return { error: red, warning: yellow, info: cyan, dim }
}

function showRules({ output }: LintOptions): void {
  const rules = RULES.map(({ code, on, severity, title, why, source, mend }) => ({
    code,
    on,
    severity,
    title,
    why,
    source,
    mend,
  }))
  if (output === 'json') {
    printJson(rules)
    return
  }
  const width = Math.max(...rules.map(({ code }) => code.length))
  printPainted(
    rules
      .map(
        ({ code, severity, title }) => `${code.padEnd(width)}  ${severity.padEnd(7)}  ${safeText(title)}\n`,
      )
      .join(''),
  )
}
