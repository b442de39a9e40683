import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { formatDiagnostic } from '../../src/cli/report.ts'
import {
  type Cluster,
  type CompileOptions,
  compile,
  type DesiredOptions,
  type Diagnostic,
  desired,
  emit,
  formatPlan,
  formatProvenance,
  type Plan,
  parseIpAddr,
  read,
  resolveConfig,
  type SourceText,
} from '../../src/index.ts'
import { withPositions } from '../../src/read/locate.ts'
import { ROOT } from '../support/shared.ts'

export const GOLDEN = `${ROOT}golden`

/** `options.json` of a case: what the command line would be told. */
interface CaseOptions {
  readonly node: string
  readonly nodeIPs?: readonly string[]
  readonly families?: readonly ('ipv4' | 'ipv6')[]
  readonly onConflict?: 'error' | 'first'
  readonly quarantine?: boolean
  readonly prerequisites?: 'check' | 'set'
  /** Manifests: the inputs are laid over `snapshot.yaml`, after those of `was.yaml`. */
  readonly desired?: DesiredOptions
  /** Inputs outside the case, from the root of the repository. */
  readonly inputs?: readonly string[]
}

export interface GoldenCase {
  readonly name: string
  readonly folder: string
  readonly cluster: Cluster
  readonly options: CompileOptions
  readonly diagnostics: readonly Diagnostic[]
  readonly texts: ReadonlyMap<string, string>
}

/** Folders without options are none, such as that of the cases of rules. */
export const goldenNames = (): string[] =>
  readdirSync(GOLDEN)
    .filter((name) => existsSync(`${GOLDEN}/${name}/options.json`))
    .sort()

/** Manifests over a snapshot come to plans like those of other cases. */
const isLaid = (name: string): boolean => name.startsWith('onto-')

/** The plans of the cases that have one and speak of both families, by name. */
export async function goldenPlans(): Promise<Map<string, Plan>> {
  const plans = new Map<string, Plan>()
  for (const name of goldenNames().filter((known) => !isLaid(known))) {
    const { plan } = await runCase(await loadCase(name))
    if (plan?.families.length === 2) plans.set(name, plan)
  }
  return plans
}

/** Reads a case: input files, and beside them what only the node or its administrator knows. */
export async function loadCase(name: string): Promise<GoldenCase> {
  const folder = `${GOLDEN}/${name}`
  const text = (file: string) => readFileSync(`${folder}/${file}`, 'utf8')
  const { inputs = [], desired: laying, ...options } = JSON.parse(text('options.json')) as CaseOptions
  const sources: SourceText[] = [
    ...readdirSync(folder)
      .filter((file) => /^input.*\.(ya?ml|json)$/.test(file) || file === 'config.yaml')
      .sort()
      .map((file) => ({ name: file, text: text(file) })),
    ...inputs.map((file) => ({ name: file, text: readFileSync(`${ROOT}${file}`, 'utf8') })),
  ]
  const input = laying === undefined ? await read(sources) : await readLaid(folder, sources, laying)
  const diagnostics = [...input.diagnostics]
  const [configuration] = input.cluster.configurations
  const config =
    configuration === undefined
      ? {}
      : { config: resolveConfig(configuration, (found) => diagnostics.push(found)) }
  const addresses = existsSync(`${folder}/node-addresses.json`)
    ? { interfaceAddresses: parseIpAddr(text('node-addresses.json')) }
    : {}
  return {
    name,
    folder,
    cluster: input.cluster,
    options: { ...options, ...config, ...addresses },
    diagnostics,
    texts: input.texts,
  }
}

/** Manifests over `snapshot.yaml`. */
async function readLaid(
  folder: string,
  sources: readonly SourceText[],
  options: DesiredOptions,
): Promise<Pick<GoldenCase, 'cluster' | 'diagnostics' | 'texts'>> {
  const readFile = (name: string) =>
    read(existsSync(`${folder}/${name}`) ? [{ name, text: readFileSync(`${folder}/${name}`, 'utf8') }] : [])
  const [snapshot, was, input] = [
    await readFile('snapshot.yaml'),
    await readFile('was.yaml'),
    await read(sources),
  ]
  const hasWas = existsSync(`${folder}/was.yaml`)
  const laid = desired(snapshot.cluster, input.cluster, { ...options, was: hasWas ? was.cluster : null })
  return {
    cluster: laid.cluster,
    diagnostics: [...snapshot.diagnostics, ...input.diagnostics, ...laid.diagnostics],
    texts: new Map([...snapshot.texts, ...was.texts, ...input.texts]),
  }
}

export interface GoldenResult {
  readonly plan: Plan | null
  /** Expected text by file name. */
  readonly files: ReadonlyMap<string, string>
}

/** What a case comes to: its payloads, its plan, where they come from, and every diagnostic. */
export async function runCase(golden: GoldenCase): Promise<GoldenResult> {
  const { cluster, options, diagnostics: found, texts } = golden
  const { plan, provenance, diagnostics } = compile(cluster, options)
  const files = new Map<string, string>(plan === null ? [] : emit(plan))
  if (plan !== null) files.set('plan.json', formatPlan(plan))
  if (provenance !== null) files.set('provenance.json', formatProvenance(provenance))
  const style = { colors: false, frames: false, texts }
  const placed = await withPositions([...found, ...diagnostics], texts)
  const lines = placed.map((problem) => formatDiagnostic(problem, style)).sort()
  if (lines.length > 0) files.set('diagnostics.txt', lines.join(''))
  return { plan, files }
}

/** The files that a case expects. */
export function expectedFiles(folder: string): Map<string, string> {
  const expected = `${folder}/expected`
  const names = existsSync(expected) ? readdirSync(expected).sort() : []
  return new Map(names.map((name) => [name, readFileSync(`${expected}/${name}`, 'utf8')]))
}
