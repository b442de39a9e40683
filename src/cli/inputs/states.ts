import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { QuarantinedObject } from '../../bundle/bundle.ts'
import { type Captured, capture, type Dumps, foreignTo } from '../../capture/capture.ts'
import type { CompileCounts } from '../../compile/compile.ts'
import { PayloadSyntaxError } from '../../formats/syntax.ts'
import { FailedError } from '../../host/exit.ts'
import { isGitReference } from '../../host/gitReference.ts'
import { areDumps, holdsDumps, liveDumps, savedDumps } from '../../host/host.ts'
import { type ReadBundleFile, readBundleFolder } from '../../host/verified.ts'
import type { NodeBinding } from '../../node/binding.ts'
import type { ForeignItem } from '../../plan/foreign.ts'
import { PlanError, parsePlan } from '../../plan/parse.ts'
import type { Plan } from '../../plan/types.ts'
import type { Console } from '../console.ts'
import type { StateOptions } from '../options.ts'
import { sayWarning } from '../terminal.ts'
import { type CompiledFrom, compileOne, type SideRequest, sayQuarantined } from './compiled.ts'
import { listGit, readText } from './files.ts'

/** A state that a command is told of: a bundle, a plan, a node, or inputs to compile. */
export interface State {
  readonly plan: Plan
  /** Whose it is, where that is known. */
  readonly node: string | null
  /** What it was compiled from, where that is known. */
  readonly counts?: Partial<CompileCounts>
  /** Objects that were left out when it was compiled; absent: none, or not known. */
  readonly quarantined?: readonly QuarantinedObject[]
  /** The machine that it is for, where that is known. */
  readonly binding?: NodeBinding | null
  /** What a node holds besides its plan, where the state is that of a node. */
  readonly captured?: Captured
  /** The files of a bundle, by name. */
  readonly files?: ReadonlyMap<string, Uint8Array>
  /** What it was compiled from, where that was done here. */
  readonly compiled?: CompiledFrom
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
  options: StateOptions,
  console: Console,
  request: SideRequest = {},
): Promise<State | null> {
  return (await readStored(reference, options.iptables)) ?? compileOne([reference], options, console, request)
}

/** A state that needs no compiling; `null`: what is named are inputs. */
export async function readStored(reference: string, iptables: string | undefined): Promise<State | null> {
  if (reference === LIVE) return stateOf(await liveDumps(iptables))
  if (isGitReference(reference)) return readGitState(reference)
  if (isFolder(reference)) {
    if (existsSync(join(reference, 'manifest.json'))) return readBundle(reference)
    return holdsDumps(reference) ? readDumps(reference) : null
  }
  return reference !== '-' && isPlan(reference) ? readLonePlan(reference) : null
}

/** A bundle, plan or listings in git; `null` for inputs to compile. */
async function readGitState(reference: string): Promise<State | null> {
  const { single, files } = listGit(reference)
  if (single) return isPlanText(readText(reference)) ? readLonePlan(reference) : null
  const names = new Map(files.map(({ below, name }) => [below, name]))
  const read = (name: string): string => readText(names.get(name) as string)
  if (names.has('manifest.json'))
    return readBundle(reference, async (name) => (names.has(name) ? Buffer.from(read(name)) : null))
  const here = [...names.keys()].filter((name) => !name.includes('/'))
  return areDumps(here) ? stateOf(savedDumps(reference, { names: here, read })) : null
}

/** Whether a reference to git names the folder of a bundle. */
export const isGitBundle = (reference: string): boolean =>
  listGit(reference).files.some(({ below }) => below === 'manifest.json')

/** What listings say that were carried off a node. */
const readDumps = (folder: string): State => stateOf(savedDumps(folder))

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false

/** A plan begins with its version and families. */
const isPlanText = (text: string): boolean =>
  /^\s*\{\s*"version":\s*1,\s*"families":/.test(text.slice(0, 200))

const isPlan = (path: string): boolean => existsSync(path) && isPlanText(readText(path))

/** The plan of a bundle whose checksums hold. */
async function readBundle(folder: string, readFile?: ReadBundleFile): Promise<State> {
  const { manifest, files } = await readBundleFolder(folder, readFile)
  const { services, servicePorts } = manifest.counts
  for (const object of manifest.quarantined) sayQuarantined(object)
  return {
    plan: await readPlan(join(folder, 'plan.json'), new TextDecoder().decode(files.get('plan.json'))),
    node: manifest.node,
    files,
    quarantined: manifest.quarantined,
    binding: manifest.binding ?? null,
    counts: services === undefined || servicePorts === undefined ? {} : { services, servicePorts },
  }
}

/** A plan without a bundle: no manifest says which it has to be. */
async function readLonePlan(path: string): Promise<State> {
  const plan = await readPlan(path, readText(path))
  sayWarning(`${path} is unverified: a plan without the manifest of its bundle`)
  return { plan, node: null }
}

/** Reads a plan; one that ipvsc would never make is refused with each place. */
export async function readPlan(path: string, text: string): Promise<Plan> {
  try {
    return await parsePlan(text)
  } catch (error) {
    if (!(error instanceof PlanError)) throw error
    throw new FailedError(`${path} is not a plan: ${error.message}`)
  }
}

function stateOf(dumps: Dumps): State {
  const captured = readCapture(dumps)
  return { plan: captured.plan, node: null, captured }
}

/** What listings say; a listing that cannot be read is a FailedError. */
export function readCapture(dumps: Dumps): Captured {
  try {
    return capture(dumps)
  } catch (error) {
    if (!(error instanceof PayloadSyntaxError)) throw error
    throw new FailedError(`the state of the node cannot be read: ${error.message}`)
  }
}
