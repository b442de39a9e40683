import { type QuarantinedObject, quarantinedObjects } from '../../bundle/bundle.ts'
import type { CompileCounts } from '../../compile/compile.ts'
import { DEFAULT_CONFIG, type ProxyConfig } from '../../config/types.ts'
import { type Diagnostic, formatSubject } from '../../diagnostics/diagnostics.ts'
import { UsageError } from '../../host/exit.ts'
import type { Cluster } from '../../kube/cluster.ts'
import type { NodeBinding } from '../../node/binding.ts'
import type { NodeFacts } from '../../node/facts.ts'
import type { Owners } from '../../plan/owners.ts'
import type { Plan } from '../../plan/types.ts'
import type { Console } from '../console.ts'
import type { CompilationOptions } from '../options.ts'
import { sayWarning } from '../terminal.ts'
import { type CompileRequest, compileInputs } from './compile.ts'
import type { LaidInput } from './onto.ts'
import type { Input, InputRequest } from './read.ts'

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
  readonly settings: Pick<Plan, 'sysctls' | 'conntrack' | 'ipvsTimeouts'>
  readonly laid: LaidInput
  readonly diagnostics: readonly Diagnostic[]
  readonly owners: Owners | null
  /** What was read, by the name of its source. */
  readonly texts: ReadonlyMap<string, string>
}

/** What a command wants of inputs that it compiles beside other things. */
export interface SideRequest extends InputRequest {
  /** Problems that were said before, as `problemKey` has them. */
  readonly said?: ReadonlySet<string>
}

export const problemKey = ({ code, subject, path, message }: Diagnostic): string =>
  JSON.stringify([code, subject, path, message])

/** Compiles inputs for one node, as `build` does, and says errors and what is left out. `null`: there are errors. */
export async function compileOne(
  inputs: readonly string[],
  options: CompilationOptions,
  console: Console,
  request: SideRequest = {},
): Promise<CompiledState | null> {
  const { node } = options
  if (node === undefined)
    throw new UsageError(`${inputs.join(' ')} has to be compiled: say for which node: --node NAME`)
  const { input, diagnostics, plans } = await compileInputs(inputs, options, console, {
    ...request,
    nodes: () => [node],
  })
  const [compiled] = plans ?? []
  if (compiled === undefined) {
    console.report({ ...input, diagnostics, nodes: [] })
    return null
  }
  const { laid } = input
  console.say(
    laid.isLaid ? news(diagnostics, request) : diagnostics.filter(({ code }) => SAID_BY_ALL.has(code)),
  )
  const { plan, result } = compiled
  const { counts, facts, binding, owners } = result
  const left = quarantinedObjects(diagnostics)
  for (const object of left) sayQuarantined(object)
  const from = {
    ...compiledFrom(input, diagnostics),
    facts,
    owners,
    settings: plan,
  }
  return { plan, node, counts, binding, quarantined: left, compiled: from }
}

/** Problems that were not said before. */
const news = (diagnostics: readonly Diagnostic[], { said }: SideRequest): Diagnostic[] =>
  diagnostics.filter((problem) => !said?.has(problemKey(problem)))

const compiledFrom = (
  { result, config = DEFAULT_CONFIG, laid }: Input,
  diagnostics: readonly Diagnostic[],
): CompiledNodes['compiled'] => ({
  cluster: result.cluster,
  config,
  laid,
  diagnostics,
  texts: result.texts,
})

/** Said whatever else is not: a node loses what it holds of the object. */
export const sayQuarantined = (object: QuarantinedObject): void =>
  sayWarning(
    `${formatSubject(object)} is in quarantine (${object.codes.join(', ')}): it is left out, and a node loses what it holds of it`,
  )

/** What commands say of their inputs that have something else to show. */
const SAID_BY_ALL: ReadonlySet<string> = new Set(['SNAPSHOT_AGE', 'SNAPSHOT_OLD'])

/** Inputs that were compiled for several nodes. */
export interface CompiledNodes {
  readonly compiled: Omit<CompiledFrom, 'facts' | 'settings' | 'owners'>
  /** By node name, in order. */
  readonly nodes: ReadonlyMap<string, { readonly plan: Plan; readonly facts: NodeFacts }>
}

/** Compiles inputs for the nodes that are chosen among theirs, and reports problems. `null`: there are errors. */
export async function compileMany(
  inputs: readonly string[],
  options: CompilationOptions,
  console: Console,
  request: SideRequest & Pick<CompileRequest, 'nodes'>,
): Promise<CompiledNodes | null> {
  const { input, diagnostics, plans } = await compileInputs(inputs, options, console, request)
  if (plans === null) {
    console.report({ ...input, diagnostics, nodes: [] })
    return null
  }
  if (input.laid.isLaid) console.say(news(diagnostics, request))
  const nodes = plans.flatMap(({ node, plan, result: { facts } }) =>
    facts === null ? [] : [[node, { plan, facts }] as const],
  )
  return { compiled: compiledFrom(input, diagnostics), nodes: new Map(nodes) }
}
