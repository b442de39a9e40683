import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Counts, Manifest } from '../bundle/bundle.ts'
import { type Captured, capture, type Dumps, foreignTo } from '../capture/capture.ts'
import type { CompileCounts } from '../compile/compile.ts'
import { formatPath } from '../diagnostics/diagnostics.ts'
import { PayloadSyntaxError } from '../formats/syntax.ts'
import { UsageError } from '../host/exit.ts'
import { holdsDumps, liveDumps, savedDumps } from '../host/host.ts'
import type { ForeignItem } from '../plan/foreign.ts'
import type { Plan } from '../plan/types.ts'
import { schemaDiagnostics } from '../read/validate.ts'
import { type BuildOptions, compileOne } from './commands/build.ts'
import type { Console } from './console.ts'
import { readText } from './inputs.ts'

/** A state that a command is told of: a bundle, a plan, a node, or inputs to compile. */
export interface State {
  readonly plan: Plan
  /** Whose it is, where that is known. */
  readonly node: string | null
  /** What it was compiled from, where that is known. */
  readonly counts?: Partial<CompileCounts>
  /** What a node holds besides its plan, where the state is that of a node. */
  readonly captured?: Captured
}

/** What stands on a node and no plan can say, of what a plan speaks of. */
export const foreignOf = ({ captured }: State, plan: Plan): ForeignItem[] =>
  captured === undefined ? [] : foreignTo(captured, plan)

/** The word for the node that this runs on. */
const LIVE = 'live'

/**
 * Reads a state: `live`, the folder of a bundle, a folder of saved listings, a plan as JSON, or anything that `build`
 * takes. Inputs with errors give `null`, after saying so.
 */
export async function readState(
  reference: string,
  options: BuildOptions & { readonly iptables?: string },
  console: Console,
): Promise<State | null> {
  if (reference === LIVE) return stateOf(await liveDumps(options.iptables))
  if (isFolder(reference)) {
    const manifest = join(reference, 'manifest.json')
    if (existsSync(manifest)) {
      const { node, counts = {} } = parse(manifest) as Partial<Manifest>
      const { services, servicePorts } = counts as Partial<Counts>
      return {
        plan: await readPlan(join(reference, 'plan.json')),
        node: node ?? null,
        counts: services === undefined || servicePorts === undefined ? {} : { services, servicePorts },
      }
    }
    if (holdsDumps(reference)) return readDumps(reference)
  } else if (reference !== '-' && isPlan(reference)) return { plan: await readPlan(reference), node: null }
  return compileOne([reference], options, console)
}

/** What listings say that were carried off a node. */
const readDumps = (folder: string): State => stateOf(savedDumps(folder))

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false

/** A plan begins with its version and families. */
const isPlan = (path: string): boolean =>
  existsSync(path) && /^\s*\{\s*"version":\s*1,\s*"families":/.test(readText(path).slice(0, 200))

function parse(path: string): unknown {
  try {
    return JSON.parse(readText(path))
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`${path}: ${(error as Error).message}`)
  }
}

/** Reads a plan and holds it against its schema. */
export async function readPlan(path: string): Promise<Plan> {
  const value = parse(path) as Record<string, unknown>
  const problems = await schemaDiagnostics('Plan', value, null)
  if (problems.length > 0) {
    const texts = problems.slice(0, 3).map((problem) => `${formatPath(problem.path)}: ${problem.message}`)
    throw new UsageError(`${path} is not a plan: ${texts.join('; ')}`)
  }
  return value as unknown as Plan
}

function stateOf(dumps: Dumps): State {
  const captured = readCapture(dumps)
  return { plan: captured.plan, node: null, captured }
}

/** What listings say; a listing that cannot be read is a UsageError. */
export function readCapture(dumps: Dumps): Captured {
  try {
    return capture(dumps)
  } catch (error) {
    if (!(error instanceof PayloadSyntaxError)) throw error
    throw new UsageError(`the state of the node cannot be read: ${error.message}`)
  }
}
