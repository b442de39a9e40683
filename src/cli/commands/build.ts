import { join } from 'node:path'
import {
  type Bundle,
  type Counts,
  countPlan,
  type Manifest,
  makeBundle,
  quarantinedObjects,
} from '../../bundle/bundle.ts'
import { compareFolder } from '../../bundle/comparison.ts'
import type { CompileResult } from '../../compile/compile.ts'
import { formatProvenance, type Provenance } from '../../compile/provenance.ts'
import { emit } from '../../formats/emit.ts'
import type { Renderer } from '../../formats/render.ts'
import { EXIT, UsageError } from '../../host/exit.ts'
import { writeFolder } from '../../host/folder.ts'
import { heldFiles } from '../../host/heldFiles.ts'
import { formatPlan } from '../../plan/canonical.ts'
import type { Plan } from '../../plan/types.ts'
import { SharedBytes } from '../../text.ts'
import type { CompiledNode, Console } from '../console.ts'
import { compileInputs, type NodePlan, nodeNames } from '../inputs/compile.ts'
import type { Input } from '../inputs/read.ts'
import { type BuildOptions, EMITTED, type EmitName } from '../options.ts'
import { chooseRenderer, layingOut } from '../renderer.ts'
import { type UpToDateReport, upToDateReport } from '../upToDate.ts'
import { arePromisesKept } from './verifyPlans.ts'

/** `ipvsc build`: reads, compiles, and writes a bundle or prints one part of it. Gives the exit status. */
export async function build(
  inputs: readonly string[],
  options: BuildOptions,
  console: Console,
): Promise<number> {
  checkUsage(options)
  const { input, diagnostics, plans } = await compileInputs(inputs, options, console, {
    nodes: (cluster) => (options.node === undefined ? nodeNames(cluster) : [options.node]),
    isBundled: options.outDir !== undefined,
  })
  if (plans === null || plans.length === 0) {
    console.report({ ...input, diagnostics, nodes: [] })
    return EXIT.input
  }
  if (options.verify && !arePromisesKept(plans, input, console)) return EXIT.differs
  const renderer = await chooseRenderer(options.templates)
  const shared = plans.length > 1 ? new SharedBytes() : null
  const outputs: Output[] = []
  /** One after the other, so that only one bundle need be held. */
  function* files(): Generator<[string, Uint8Array]> {
    for (const compiled of plans ?? []) {
      const { files: made, ...said } = layingOut(() => output(compiled, input, options, renderer, shared))
      outputs.push(said)
      for (const [name, bytes] of made ?? []) yield [join(options.allNodes ? said.node : '', name), bytes]
    }
  }
  const comparison = options.check ? await compareOutput(new Map(files()), options) : null
  if (options.outDir === undefined) [...files()]
  else if (comparison === null) await writeFolder(options.outDir, files(), options.force ?? false)
  console.report({
    ...input,
    diagnostics,
    templates: renderer.overlaid,
    nodes: outputs.map((one) => nodeReport(one, options, comparison !== null)),
    comparison,
  })
  for (const { text } of outputs) if (text !== null) console.print(text)
  return comparison === null || comparison.upToDate ? EXIT.done : EXIT.differs
}

const nodeReport = (
  { node, counts, manifest }: Output,
  options: BuildOptions,
  isCompared: boolean,
): CompiledNode => ({
  node,
  counts,
  bundle: manifest === null || isCompared ? null : { manifest, folder: folderOf(node, options) },
})

/** How the folder differs from what would be written into it. */
async function compareOutput(wanted: Bundle['files'], options: BuildOptions): Promise<UpToDateReport> {
  const { outDir = '', force = false } = options
  const held = heldFiles(outDir)
  return upToDateReport(outDir.replace(/(?<=.)\/+$/, ''), compareFolder(wanted, held, force), wanted, held)
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

interface Output {
  readonly node: string
  readonly counts: Counts
  readonly manifest: Manifest | null
  readonly text: string | null
}

function output(
  { node, plan, result }: NodePlan,
  { laid: { assumed } }: Input,
  options: BuildOptions,
  renderer: Renderer,
  shared: SharedBytes | null,
): Output & { readonly files: Bundle['files'] | null } {
  const { counts, diagnostics, binding } = result
  if (options.emit !== undefined) {
    const text = partText(options.emit, plan, result, renderer)
    return { node, counts: { ...counts, ...countPlan(plan) }, manifest: null, files: null, text }
  }
  const { manifest, files } = makeBundle({
    node,
    plan,
    provenance: provenanceOf(result),
    counts,
    quarantined: quarantinedObjects(diagnostics),
    assumed,
    renderer,
    binding,
    shared,
  })
  return { node, counts: manifest.counts, manifest, files, text: null }
}

/** Of a plan without errors there is always one. */
function provenanceOf({ provenance }: CompileResult): Provenance {
  if (provenance === null) throw new Error('internal error: a plan without provenance')
  return provenance
}

function partText(part: EmitName, plan: Plan, result: CompileResult, renderer: Renderer): string {
  if (part === 'plan') return formatPlan(plan)
  if (part === 'provenance') return formatProvenance(provenanceOf(result))
  const name = EMITTED[part]
  return emit(plan, { renderer, only: [name] }).get(name) ?? ''
}

const folderOf = (node: string, { outDir = '', allNodes }: BuildOptions): string =>
  allNodes ? join(outDir, node) : outDir
