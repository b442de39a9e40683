import { join } from 'node:path'
import {
  type Bundle,
  type Counts,
  countPlan,
  type Manifest,
  makeBundle,
  type QuarantinedObject,
  quarantinedObjects,
} from '../../bundle/bundle.ts'
import { compareFolder } from '../../bundle/comparison.ts'
import {
  type CompileCounts,
  type CompileOptions,
  type CompileResult,
  compileNodes,
  quarantined,
} from '../../compile/compile.ts'
import { formatProvenance } from '../../compile/provenance.ts'
import { resolveConfig } from '../../config/resolve.ts'
import { DEFAULT_CONFIG, type ProxyConfig } from '../../config/types.ts'
import {
  type Diagnostic,
  diagnostic,
  formatPath,
  formatSubject,
  hasErrors,
} from '../../diagnostics/diagnostics.ts'
import { emit, PayloadMismatch } from '../../formats/emit.ts'
import { parseIpAddr } from '../../formats/ip.ts'
import type { PayloadName } from '../../formats/names.ts'
import { defaultRenderer, type Renderer, rendererWith, TemplateError } from '../../formats/render.ts'
import { PayloadSyntaxError } from '../../formats/syntax.ts'
import { EXIT, FailedError, UsageError } from '../../host/exit.ts'
import { writeFolder } from '../../host/folder.ts'
import { heldFiles } from '../../host/heldFiles.ts'
import type { Cluster } from '../../kube/cluster.ts'
import { canonicalAddress } from '../../net/address.ts'
import { FAMILIES, type Family } from '../../net/family.ts'
import type { NodeBinding } from '../../node/binding.ts'
import type { NodeFacts } from '../../node/facts.ts'
import type { ReportedFacts } from '../../node/reportedFacts.ts'
import { formatPlan } from '../../plan/canonical.ts'
import type { Owners } from '../../plan/owners.ts'
import type { Plan } from '../../plan/types.ts'
import { CONFIGURATION_REF } from '../../read/configuration.ts'
import { withPositions } from '../../read/locate.ts'
import { read } from '../../read/read.ts'
import { snapshotAges } from '../../read/snapshotRecord.ts'
import type { ReadOptions, ReadResult } from '../../read/types.ts'
import { schemaDiagnostics } from '../../read/validate.ts'
import type { Console } from '../console.ts'
import { inputFiles, lfsPointers, readSources, readText } from '../inputs.ts'
import { type LaidInput, layInput, type OntoOptions, readOptionsOf, refusals, type Side } from '../onto.ts'
import { ageLimits } from '../snapshotAge.ts'
import { readTemplates } from '../templates.ts'
import { sayWarning } from '../terminal.ts'
import { type UpToDateReport, upToDateReport } from '../upToDate.ts'

/** Options of `build` and `check` as commander hands them over. */
export interface BuildOptions extends OntoOptions {
  readonly node?: string
  readonly allNodes?: boolean
  readonly config?: string
  readonly nodeAddresses?: string
  readonly nodeIp?: string
  readonly nodeFacts?: string
  readonly family?: string
  readonly onConflict?: 'error' | 'first'
  readonly quarantine?: boolean
  readonly limit?: readonly string[]
  readonly setPrerequisites?: boolean
  readonly templates?: string
  readonly outDir?: string
  readonly emit?: EmitName
  readonly force?: boolean
  readonly maxSnapshotAge?: string
  /** Compare the folder instead of writing it. */
  readonly check?: boolean
}

/** What `--emit` can print, by its short name. */
export const EMIT_NAMES = [
  'ipvs',
  'ipset',
  'iptables',
  'ip6tables',
  'ip',
  'sysctl',
  'modules',
  'plan',
  'provenance',
] as const
export type EmitName = (typeof EMIT_NAMES)[number]

const EMITTED_PAYLOAD: Readonly<Partial<Record<EmitName, PayloadName>>> = {
  ipvs: 'ipvs.restore',
  ipset: 'ipset.restore',
  iptables: 'iptables.restore',
  ip6tables: 'ip6tables.restore',
  ip: 'ip.batch',
  sysctl: 'sysctl.conf',
  modules: 'modules.conf',
}

/** `ipvsc build`: reads, compiles, and writes a bundle or prints one part of it. Gives the exit status. */
export async function build(
  inputs: readonly string[],
  options: BuildOptions,
  console: Console,
): Promise<number> {
  checkUsage(options)
  const input = await readInput(inputs, options, console)
  const nodes = options.allNodes ? nodeNames(input.result.cluster) : [options.node as string]
  const compiled = input.failed
    ? []
    : compileNodes(input.result.cluster, compileOptions(options, input, nodes))
  const diagnostics = await withPositions(
    [...input.diagnostics, ...distinctDiagnostics(compiled)],
    input.result.texts,
  )
  const failed = hasErrors(diagnostics) || compiled.length === 0
  const renderer = failed ? defaultRenderer : await chooseRenderer(options.templates)
  const outputs: Output[] = []
  for (const [index, result] of failed ? [] : compiled.entries())
    outputs.push(await withTemplates(() => output(nodes[index] as string, result, input, options, renderer)))
  const comparison = outputs.length > 0 && options.check ? await compareOutput(outputs, options) : null
  if (options.outDir !== undefined && outputs.length > 0 && comparison === null)
    await writeFolder(options.outDir, outputFiles(outputs, options), options.force ?? false)
  console.report({
    ...input,
    diagnostics,
    templates: renderer.overlaid,
    nodes: outputs.map(({ node, counts, manifest }) => ({
      node,
      counts,
      bundle: manifest === null || comparison ? null : { manifest, folder: folderOf(node, options) },
    })),
    comparison,
  })
  for (const { text } of outputs) if (text !== null) console.print(text)
  if (failed) return EXIT.input
  return comparison === null || comparison.upToDate ? EXIT.done : EXIT.differs
}

/** How the folder differs from what would be written into it. */
async function compareOutput(outputs: readonly Output[], options: BuildOptions): Promise<UpToDateReport> {
  const { outDir = '', force = false } = options
  const [wanted, held] = [outputFiles(outputs, options), heldFiles(outDir)]
  return upToDateReport(outDir.replace(/(?<=.)\/+$/, ''), compareFolder(wanted, held, force), wanted, held)
}

/** A plan that was compiled here, and what it was compiled from. */
export interface CompiledState {
  readonly plan: Plan
  readonly node: string
  readonly counts: CompileCounts
  /** Objects that were left out. */
  readonly quarantined: readonly QuarantinedObject[]
  readonly compiled: CompiledFrom
  readonly binding: NodeBinding | null
}

export interface CompiledFrom {
  readonly cluster: Cluster
  readonly facts: NodeFacts | null
  readonly config: ProxyConfig
  /** Settings that the plan would set. */
  readonly settings: Plan['sysctls']
  readonly laid: LaidInput
  readonly diagnostics: readonly Diagnostic[]
  readonly owners: Owners | null
  /** What was read, by the name of its source. */
  readonly texts: ReadonlyMap<string, string>
}

/** What a command wants of inputs that it compiles beside other things. */
export interface CompileRequest {
  /** The other side of a comparison, over which manifests are laid. */
  readonly from?: Side | null
  /** Whether a bundle is made of them, so that what is assumed has to be accepted. */
  readonly isBundled?: boolean
  /** Problems that were said before, as `problemKey` has them. */
  readonly said?: ReadonlySet<string>
}

export const problemKey = ({ code, subject, path, message }: Diagnostic): string =>
  JSON.stringify([code, subject, path, message])

/** Compiles inputs for one node, as `build` does, and says errors and what is left out. `null`: there are errors. */
export async function compileOne(
  inputs: readonly string[],
  options: BuildOptions,
  console: Console,
  request: CompileRequest = {},
): Promise<CompiledState | null> {
  const { node } = options
  if (node === undefined)
    throw new UsageError(`${inputs.join(' ')} has to be compiled: say for which node: --node NAME`)
  const input = await readInput(inputs, options, console, request)
  const [result] = input.failed
    ? []
    : compileNodes(input.result.cluster, compileOptions(options, input, [node]))
  const diagnostics = await withPositions(
    [...input.diagnostics, ...(result?.diagnostics ?? [])],
    input.result.texts,
  )
  if (hasErrors(diagnostics) || !result?.plan) {
    console.report({ ...input, diagnostics, nodes: [] })
    return null
  }
  const { laid } = input
  const isNews = (problem: Diagnostic): boolean => !request.said?.has(problemKey(problem))
  console.say(
    diagnostics.filter((problem) => (laid.isLaid ? isNews(problem) : SAID_BY_ALL.has(problem.code))),
  )
  const { cluster, texts } = input.result
  const { plan, counts, facts, binding, owners } = result
  const config = input.config ?? DEFAULT_CONFIG
  const left = quarantinedObjects(diagnostics)
  for (const object of left) sayQuarantined(object)
  const compiled = { cluster, facts, config, settings: plan.sysctls, laid, diagnostics, owners, texts }
  return { plan, node, counts, binding, quarantined: left, compiled }
}

/** Said whatever else is not: a node loses what it holds of the object. */
export const sayQuarantined = (object: QuarantinedObject): void =>
  sayWarning(
    `${formatSubject(object)} is in quarantine (${object.codes.join(', ')}): it is left out, and a node loses what it holds of it`,
  )

/** What commands say of their inputs that have something else to show. */
const SAID_BY_ALL: ReadonlySet<string> = new Set(['SNAPSHOT_AGE', 'SNAPSHOT_OLD'])

/** Inputs that were compiled for several nodes. */
export interface CompiledNodes {
  readonly compiled: Omit<CompiledFrom, 'facts' | 'settings' | 'owners' | 'texts'>
  /** By node name, in order. */
  readonly nodes: ReadonlyMap<string, { readonly plan: Plan; readonly facts: NodeFacts }>
}

/** Compiles inputs for the nodes that are chosen among theirs, and reports problems. `null`: there are errors. */
export async function compileMany(
  inputs: readonly string[],
  options: BuildOptions,
  console: Console,
  request: CompileRequest,
  choose: (cluster: Cluster) => readonly string[],
): Promise<CompiledNodes | null> {
  const input = await readInput(inputs, options, console, request)
  const names = input.failed ? [] : choose(input.result.cluster)
  const results = input.failed
    ? []
    : compileNodes(input.result.cluster, compileOptions(options, input, names))
  const diagnostics = await withPositions(
    [...input.diagnostics, ...distinctDiagnostics(results)],
    input.result.texts,
  )
  if (hasErrors(diagnostics)) {
    console.report({ ...input, diagnostics, nodes: [] })
    return null
  }
  const { laid } = input
  console.say(diagnostics.filter((problem) => laid.isLaid && !request.said?.has(problemKey(problem))))
  const nodes = results.flatMap(({ plan, facts }, index) =>
    plan === null || facts === null ? [] : [[names[index] as string, { plan, facts }] as const],
  )
  const config = input.config ?? DEFAULT_CONFIG
  return {
    compiled: { cluster: input.result.cluster, config, laid, diagnostics },
    nodes: new Map(nodes),
  }
}

/** `ipvsc check`: everything that `build` finds, without writing. Without a node, all nodes are compiled. */
export async function check(
  inputs: readonly string[],
  options: BuildOptions,
  console: Console,
): Promise<number> {
  const input = await readInput(inputs, options, console)
  const known = nodeNames(input.result.cluster)
  const nodes = options.node === undefined ? known : [options.node]
  const compiled = compileNodes(
    input.result.cluster,
    compileOptions(options, input, nodes.length === 0 ? [''] : nodes),
  )
  const found = distinctDiagnostics(compiled).filter(
    ({ code }) => nodes.length > 0 || code !== 'NODE_NOT_FOUND',
  )
  const diagnostics = await withPositions([...input.diagnostics, ...found], input.result.texts)
  console.report({ ...input, diagnostics, nodes: [] })
  return hasErrors(diagnostics) ? EXIT.input : EXIT.done
}

function checkUsage(options: BuildOptions): void {
  const { node, allNodes, outDir, emit: part, nodeAddresses, nodeIp, nodeFacts } = options
  const refuse = (message: string): never => {
    throw new UsageError(message)
  }
  if (node === undefined && !allNodes) refuse('say which node: --node NAME, or --all-nodes')
  if (node !== undefined && allNodes) refuse('--node and --all-nodes exclude each other')
  if (outDir === undefined && part === undefined)
    refuse('say where to: --out-dir DIR, or --emit PART for standard output')
  if (outDir !== undefined && part !== undefined) refuse('--out-dir and --emit exclude each other')
  if (options.check && outDir === undefined) refuse('--check compares a folder: give it with --out-dir')
  if (allNodes && part !== undefined) refuse('--emit prints the part of one node: give --node NAME')
  if (allNodes && (nodeAddresses !== undefined || nodeIp !== undefined || nodeFacts !== undefined))
    refuse('--node-addresses, --node-ip and --node-facts speak of one node: give --node NAME')
}

interface Input {
  readonly result: ReadResult
  readonly laid: LaidInput
  readonly config: ProxyConfig | undefined
  readonly facts: ReportedFacts | null
  readonly diagnostics: readonly Diagnostic[]
  readonly otherFiles: number
  /** Whether nothing can be compiled. */
  readonly failed: boolean
}

async function readInput(
  inputs: readonly string[],
  options: BuildOptions,
  console: Console,
  { from = null, isBundled = options.outDir !== undefined }: CompileRequest = {},
): Promise<Input> {
  const configFiles = options.config === undefined ? [] : [options.config]
  const all = [...inputs, ...(options.onto ?? []), ...(options.was ?? []), ...configFiles]
  if (all.filter((file) => file === '-').length > 1)
    throw new UsageError('standard input can be read only once')
  const main = await readFiles(inputs, configFiles, readOptionsOf(options), console)
  const laid = await layInput(main.result, options, from, async (others, readOptions) => {
    const { result, diagnostics } = await readFiles(others, [], readOptions, console)
    return { ...result, diagnostics }
  })
  const { result } = laid
  const ages = snapshotAges(result.cluster.snapshots ?? [], ageLimits(options.maxSnapshotAge))
  const found: Diagnostic[] = [...main.diagnostics, ...laid.diagnostics, ...ages]
  const config = chooseConfig(result, options.config, (problem) => found.push(problem))
  const kept = options.quarantine ? quarantined(found) : found
  const diagnostics = isBundled ? [...kept, ...refusals(laid, options)] : kept
  const facts = options.nodeFacts === undefined ? null : await readFacts(options.nodeFacts)
  return {
    result,
    laid,
    config,
    facts,
    diagnostics,
    otherFiles: main.otherFiles,
    failed: hasErrors(diagnostics),
  }
}

interface ReadFiles {
  readonly result: ReadResult
  readonly diagnostics: readonly Diagnostic[]
  readonly otherFiles: number
}

/** Reads all files that arguments mean, and others by name. */
async function readFiles(
  inputs: readonly string[],
  others: readonly string[],
  options: ReadOptions,
  console: Console,
): Promise<ReadFiles> {
  const { files, passedOver, diagnostics: unread } = inputFiles(inputs)
  if (files.length === 0) throw new UsageError('the inputs hold no JSON or YAML file')
  const all = [...files, ...others.filter((file) => !files.includes(file))]
  const result = await read(
    readSources(all, (name) => console.progress(`reading ${name}`), options.limits?.bytes),
    options,
  )
  console.progress('')
  const pointers = lfsPointers(result.texts)
  const isPointer = (source: string | undefined) => pointers.some(({ origin }) => origin?.source === source)
  const said = result.diagnostics.filter(({ origin }) => !isPointer(origin?.source))
  return { result, diagnostics: [...unread, ...pointers, ...said], otherFiles: passedOver }
}

/** The configuration given by name wins; otherwise the input may hold one. */
function chooseConfig(
  { cluster: { configurations } }: ReadResult,
  file: string | undefined,
  report: (problem: Diagnostic) => void,
): ProxyConfig | undefined {
  const named = configurations.filter(
    ({ origin }) => origin.source === file || origin.source.startsWith(`${file}#`),
  )
  const candidates = file === undefined ? configurations : named
  const distinct = new Map(candidates.map((source) => [JSON.stringify(source.object), source]))
  const [first, second] = [...distinct.values()]
  if (file !== undefined && first === undefined)
    report(
      diagnostic({
        code: 'CONFIG_VALUE',
        severity: 'error',
        message: 'The file holds no usable KubeProxyConfiguration.',
        origin: { source: file, document: 0, path: [] },
        expected:
          'a KubeProxyConfiguration of kubeproxy.config.k8s.io/v1alpha1, or a ConfigMap that holds one',
      }),
    )
  if (first === undefined) return undefined
  if (second !== undefined)
    report(
      diagnostic({
        code: 'CONFIG_AMBIGUOUS',
        severity: 'error',
        message: 'The input holds several proxy configurations that differ; name one with --config.',
        subject: CONFIGURATION_REF,
        origin: second.origin,
        related: [
          {
            message: 'another one',
            subject: CONFIGURATION_REF,
            path: [],
            origin: first.origin,
            position: null,
          },
        ],
      }),
    )
  return resolveConfig(first, report)
}

const nodeNames = ({ nodes }: Cluster): string[] => nodes.map(({ object }) => object.metadata.name).sort()

function compileOptions(
  options: BuildOptions,
  { config, facts, laid }: Input,
  nodes: readonly string[],
): Omit<CompileOptions, 'node'> & { readonly nodes: readonly string[] } {
  return {
    nodes,
    ...(config === undefined ? {} : { config }),
    families: parseFamilies(options.family),
    interfaceAddresses: options.nodeAddresses === undefined ? null : readNodeAddresses(options.nodeAddresses),
    facts,
    nodeIPs: nodeIPsOf(options, laid),
    onConflict: options.onConflict ?? 'error',
    quarantine: options.quarantine ?? false,
    prerequisites: options.setPrerequisites ? 'set' : 'check',
  }
}

function parseFamilies(text: string | undefined): readonly Family[] {
  const wanted = (text ?? '').split(',').filter((word) => word !== '')
  const unknown = wanted.find((word) => !(FAMILIES as readonly string[]).includes(word))
  if (unknown !== undefined)
    throw new UsageError(`--family: ${JSON.stringify(unknown)} is neither ipv4 nor ipv6`)
  return wanted.length === 0 ? FAMILIES : FAMILIES.filter((family) => wanted.includes(family))
}

function readNodeAddresses(path: string): ReturnType<typeof parseIpAddr> {
  const text = readText(path)
  try {
    return parseIpAddr(text)
  } catch (error) {
    if (!(error instanceof PayloadSyntaxError)) throw error
    throw new UsageError(`--node-addresses ${path}: ${error.message}; it must be the output of: ip -j addr`)
  }
}

async function readFacts(path: string): Promise<ReportedFacts> {
  const refuse = (reason: string): never => {
    throw new UsageError(`--node-facts ${path}: ${reason}; it must be the output of: apply.sh facts`)
  }
  let value: Record<string, unknown> = {}
  try {
    value = JSON.parse(readText(path))
  } catch (error) {
    if (error instanceof UsageError) throw error
    refuse((error as Error).message)
  }
  const [problem] = await schemaDiagnostics('Facts', value, null)
  if (problem !== undefined) refuse(`${formatPath(problem.path)}: ${problem.message}`)
  const facts = value as unknown as ReportedFacts
  for (const { address } of facts.interfaces)
    if (canonicalAddress(address.replace(/\/\d+$/, '')) === null)
      refuse(`interfaces: ${JSON.stringify(address)} is not an IP address`)
  return facts
}

/** Manifests without any Node are compiled for one of which nothing is known but its name. */
function nodeIPsOf(
  { nodeIp, nodeAddresses, nodeFacts }: BuildOptions,
  { isLaid, result }: LaidInput,
): string[] | null {
  if (nodeIp !== undefined) return parseNodeIPs(nodeIp)
  const isBare = isLaid && result.cluster.nodes.length === 0
  return isBare && nodeAddresses === undefined && nodeFacts === undefined ? [] : null
}

function parseNodeIPs(text: string): string[] {
  return text.split(',').map((word) => {
    const address = canonicalAddress(word.trim())
    if (address === null) throw new UsageError(`--node-ip: ${JSON.stringify(word)} is not an IP address`)
    return address
  })
}

/** What is the same for all nodes is said once. */
function distinctDiagnostics(compiled: readonly CompileResult[]): Diagnostic[] {
  const seen = new Map<string, Diagnostic>()
  for (const problem of compiled.flatMap(({ diagnostics }) => diagnostics)) {
    const key = compiled.length === 1 ? String(seen.size) : JSON.stringify(problem)
    seen.set(key, problem)
  }
  return [...seen.values()]
}

async function chooseRenderer(folder: string | undefined): Promise<Renderer> {
  if (folder === undefined) return defaultRenderer
  return withTemplates(() => rendererWith(readTemplates(folder)))
}

/** A template of the user's that cannot be used is an error of the input. */
async function withTemplates<T>(run: () => T | Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof TemplateError || error instanceof PayloadMismatch)
      throw new FailedError(error.message)
    throw error
  }
}

interface Output {
  readonly node: string
  readonly counts: Counts
  readonly manifest: Manifest | null
  readonly files: Bundle['files'] | null
  readonly text: string | null
}

function output(
  node: string,
  result: CompileResult,
  { laid: { assumed } }: Input,
  options: BuildOptions,
  renderer: Renderer,
): Output {
  const { plan, provenance, counts, diagnostics, binding } = result
  if (plan === null || provenance === null)
    throw new Error(`internal error: no plan for ${node} and no error`)
  if (options.emit !== undefined)
    return {
      node,
      counts: { ...counts, ...countPlan(plan) },
      manifest: null,
      files: null,
      text: partText(options.emit, plan, result, renderer),
    }
  const { manifest, files } = makeBundle({
    node,
    plan,
    provenance,
    counts,
    quarantined: quarantinedObjects(diagnostics),
    assumed,
    renderer,
    binding,
  })
  return { node, counts: manifest.counts, manifest, files, text: null }
}

function partText(part: EmitName, plan: Plan, { provenance }: CompileResult, renderer: Renderer): string {
  if (part === 'plan') return formatPlan(plan)
  if (part === 'provenance') return provenance === null ? '' : formatProvenance(provenance)
  const name = EMITTED_PAYLOAD[part] as PayloadName
  return emit(plan, { renderer, only: [name] }).get(name) ?? ''
}

const folderOf = (node: string, { outDir = '', allNodes }: BuildOptions): string =>
  allNodes ? join(outDir, node) : outDir

function outputFiles(outputs: readonly Output[], { allNodes }: BuildOptions): Map<string, Uint8Array> {
  return new Map(
    outputs.flatMap(({ node, files }) =>
      [...(files ?? [])].map(([name, bytes]): [string, Uint8Array] => [
        allNodes ? `${node}/${name}` : name,
        bytes,
      ]),
    ),
  )
}
