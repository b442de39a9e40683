import { quarantined } from '../../compile/compile.ts'
import type { ProxyConfig } from '../../config/types.ts'
import { type Diagnostic, diagnostic, hasErrors } from '../../diagnostics/diagnostics.ts'
import { UsageError } from '../../host/exit.ts'
import type { ReportedFacts } from '../../node/reportedFacts.ts'
import { read } from '../../read/read.ts'
import { snapshotAges } from '../../read/snapshotRecord.ts'
import type { ReadOptions, ReadResult } from '../../read/types.ts'
import type { Console } from '../console.ts'
import type { CompilationOptions } from '../options.ts'
import { configOf } from './configuration.ts'
import { inputFiles, lfsPointers, readSources } from './files.ts'
import { readFacts } from './nodeOptions.ts'
import { kept, type LaidInput, layInput, readOptionsOf, refusals, type Side } from './onto.ts'
import { ageLimits } from './snapshotAge.ts'

/** What inputs are read for. */
export interface InputRequest {
  /** The other side of a comparison, over which manifests are laid. */
  readonly from?: Side | null
  /** Whether a bundle is made of them, so that what is assumed has to be accepted. Default: no. */
  readonly isBundled?: boolean
  /** Whether inputs without any file are a state, too: that of nothing. Default: no. */
  readonly mayBeEmpty?: boolean
}

/** Inputs that were read, laid where they are manifests, and what a compilation wants beside them. */
export interface Input {
  readonly result: ReadResult
  readonly laid: LaidInput
  readonly config: ProxyConfig | undefined
  readonly facts: ReportedFacts | null
  readonly diagnostics: readonly Diagnostic[]
  readonly otherFiles: number
  /** Whether nothing can be compiled. */
  readonly failed: boolean
}

/** Reads all that a compilation wants; problems are collected. */
export async function readInput(
  inputs: readonly string[],
  options: CompilationOptions,
  console: Console,
  { from = null, isBundled = false, mayBeEmpty = false }: InputRequest = {},
): Promise<Input> {
  const configFiles = options.config === undefined ? [] : [options.config]
  const all = [...inputs, ...(options.onto ?? []), ...(options.was ?? []), ...configFiles]
  if (all.filter((file) => file === '-').length > 1)
    throw new UsageError('standard input can be read only once')
  const main = await readFiles(inputs, configFiles, readOptionsOf(options), console, mayBeEmpty)
  const laid = await layInput(main.result, options, from, async (others, readOptions) => {
    const { result, diagnostics } = await readFiles(others, [], readOptions, console)
    return { ...result, diagnostics }
  })
  const { result } = laid
  const ages = snapshotAges(result.cluster.snapshots ?? [], ageLimits(options.maxSnapshotAge))
  const found: Diagnostic[] = [...main.diagnostics, ...laid.diagnostics, ...ages]
  const config = configOf(result, options.config, (problem) => found.push(problem))
  const softer = options.quarantine ? quarantined(kept(found, laid)) : found
  const diagnostics = isBundled ? [...softer, ...refusals(laid, options)] : softer
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
  mayBeEmpty = false,
): Promise<ReadFiles> {
  const { files, passedOver, diagnostics: unread } = inputFiles(inputs)
  if (files.length === 0 && !mayBeEmpty) throw new UsageError('the inputs hold no JSON or YAML file')
  const all = [...files, ...others.filter((file) => !files.includes(file))]
  const result = await read(
    readSources(all, (name) => console.progress(`reading ${name}`), options.limits?.bytes),
    options,
  )
  console.progress('')
  const pointers = lfsPointers(result.texts)
  const isPointer = (source: string | undefined) => pointers.some(({ origin }) => origin?.source === source)
  const said = result.diagnostics.filter(({ origin }) => !isPointer(origin?.source))
  const empty = files.length === 0 ? [emptyState(inputs)] : []
  return { result, diagnostics: [...empty, ...unread, ...pointers, ...said], otherFiles: passedOver }
}

const emptyState = (inputs: readonly string[]): Diagnostic =>
  diagnostic({
    code: 'NO_SERVICES',
    severity: 'warning',
    message: `${inputs.join(' ')} holds no JSON or YAML file, so this side is empty.`,
  })
