import { type CompileOptions, type CompileResult, compileNodes } from '../../compile/compile.ts'
import { type Diagnostic, hasErrors } from '../../diagnostics/diagnostics.ts'
import type { Cluster } from '../../kube/cluster.ts'
import type { Plan } from '../../plan/types.ts'
import { withPositions } from '../../read/locate.ts'
import type { Console } from '../console.ts'
import type { CompilationOptions } from '../options.ts'
import { nodeIPsOf, parseFamilies, readNodeAddresses } from './nodeOptions.ts'
import { type Input, type InputRequest, readInput } from './read.ts'

/** Inputs that were read and compiled. */
export interface CompiledInputs {
  readonly input: Input
  /** All that was found, with positions. */
  readonly diagnostics: readonly Diagnostic[]
  /** In the order of the nodes that were asked for; `null`: there are errors. */
  readonly plans: readonly NodePlan[] | null
}

/** What was compiled for a node, without errors. */
export interface NodePlan {
  readonly node: string
  /** Made when it is first read. */
  readonly plan: Plan
  readonly result: CompileResult
}

export interface CompileRequest extends InputRequest {
  /** Nodes to compile for, chosen when the cluster is known. */
  readonly nodes: (cluster: Cluster) => readonly string[]
  /** Whether to compile what could be read, too, so that all problems are found. */
  readonly isThorough?: boolean
}

/** Reads inputs and compiles them for the nodes that are chosen. Says nothing yet. */
export async function compileInputs(
  inputs: readonly string[],
  options: CompilationOptions,
  console: Console,
  { nodes, isThorough = false, ...request }: CompileRequest,
): Promise<CompiledInputs> {
  const input = await readInput(inputs, options, console, request)
  const names = input.failed && !isThorough ? [] : nodes(input.result.cluster)
  const results =
    names.length === 0 ? [] : compileNodes(input.result.cluster, compileOptions(options, input, names))
  const diagnostics = await withPositions(
    [...input.diagnostics, ...distinctDiagnostics(results)],
    input.result.texts,
  )
  if (hasErrors(diagnostics)) return { input, diagnostics, plans: null }
  const plans = results.map((result, index) => nodePlan(names[index] ?? '', result))
  return { input, diagnostics, plans }
}

/** Without errors there is a plan. */
const nodePlan = (node: string, result: CompileResult): NodePlan => ({
  node,
  result,
  get plan() {
    if (result.plan === null) throw new Error('internal error: no plan and no error')
    return result.plan
  },
})

function compileOptions(
  options: CompilationOptions,
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

/** What is the same for all nodes is said once; most of it is one object, too. */
function distinctDiagnostics(compiled: readonly CompileResult[]): readonly Diagnostic[] {
  const [only, ...others] = compiled
  if (only === undefined || others.length === 0) return only?.diagnostics ?? []
  const objects = new Set(compiled.flatMap(({ diagnostics }) => diagnostics))
  return [...new Map([...objects].map((problem) => [JSON.stringify(problem), problem])).values()]
}

/** Names of all Nodes, in order. */
export const nodeNames = ({ nodes }: Cluster): string[] =>
  nodes.map(({ object }) => object.metadata.name).sort()
