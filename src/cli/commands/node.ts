import { bundleOf, type QuarantinedObject } from '../../bundle/bundle.ts'
import { delta } from '../../delta/delta.ts'
import type { Operation } from '../../delta/operations.ts'
import { emitDelta } from '../../delta/payloads.ts'
import type { ServiceChange } from '../../desired/changes.ts'
import { foreignLine } from '../../formats/state.ts'
import { EXIT, FailedError, RefusedError, UsageError } from '../../host/exit.ts'
import { writeFolder } from '../../host/folder.ts'
import { isGitReference } from '../../host/gitReference.ts'
import { liveDumps, looksLikeBundle, runScript, savedDumps, withFolder } from '../../host/host.ts'
import { writeText } from '../../host/output.ts'
import { formatPlan } from '../../plan/canonical.ts'
import type { ForeignItem } from '../../plan/foreign.ts'
import type { Console } from '../console.ts'
import { changeLines, changesBetween, type Side } from '../onto.ts'
import { diagnosticData } from '../report.ts'
import { foreignOf, isGitBundle, readCapture, readState, type State } from '../states.ts'
import { isTerminal, print, printJson, printLine, say, sayError, sayLines, sayWarning } from '../terminal.ts'
import { type BuildOptions, type CompiledFrom, compileOne, problemKey } from './build.ts'
import { sayUntold } from './drift.ts'

/** Commands about what a node holds: capture, drift, delta, and those that run the script of a bundle. */

export interface NodeOptions extends BuildOptions {
  readonly output: 'text' | 'json'
  readonly quiet?: boolean
  readonly fromDumps?: string
  readonly iptables?: string
  readonly out?: string
}

/** `ipvsc capture`: what is loaded, as a plan. What no plan can say is told beside it, with status 3. */
export async function captureNode({ fromDumps, iptables, out = '-', quiet }: NodeOptions): Promise<number> {
  const dumps = fromDumps === undefined ? await liveDumps(iptables) : savedDumps(fromDumps)
  const captured = readCapture(dumps)
  const text = formatPlan(captured.plan)
  if (out === '-') print(text)
  else await writeText(out, text)
  sayForeign(captured.foreign)
  if (!quiet) sayUntold(captured)
  return captured.foreign.length === 0 ? EXIT.done : EXIT.differs
}

/** Foreign items are never passed over, not even by `--quiet`. */
function sayForeign(foreign: readonly ForeignItem[]): void {
  for (const item of foreign) sayWarning(`no plan can say this of the node: ${foreignLine(item)}`)
}

/** `ipvsc delta FROM TO`: the way from one state to another, listed or as a bundle. */
export async function deltaBundle(
  from: string,
  to: string,
  options: NodeOptions,
  console: Console,
): Promise<number> {
  const isBundled = options.outDir !== undefined
  const before = await readState(
    from,
    isSnapshot(from, options) ? withoutLaying(options) : options,
    console,
    { isBundled: false },
  )
  if (before === null) return EXIT.input
  const side = before.compiled === undefined ? null : sideOf(before.compiled, isSnapshot(from, options))
  const said = new Set(before.compiled?.diagnostics.map(problemKey))
  const after = await readState(to, options, console, { from: side, isBundled, said })
  if (after === null) return EXIT.input
  const changes = changesOf(side, after)
  const foreign = [before, after].flatMap((state) => foreignOf(state, after.plan))
  sayForeign(foreign)
  if (foreign.length > 0 && options.outDir !== undefined)
    throw new RefusedError(
      `a delta cannot remove what no plan can say: nothing was written to ${options.outDir}; a bundle without --from converges from any state`,
    )
  const operations = delta(before.plan, after.plan)
  if (options.outDir !== undefined) {
    const node = options.node ?? after.node ?? before.node ?? 'node'
    const { plan, counts = {}, quarantined = [] } = after
    const assumed = after.compiled?.laid.assumed ?? []
    const bundle = bundleOf(node, plan, {
      from: before.plan,
      counts,
      quarantined,
      assumed,
      binding: after.binding ?? null,
    })
    await writeFolder(options.outDir, bundle.files, options.force ?? false)
  }
  if (options.output === 'json')
    printJson({
      version: 1,
      operations,
      foreign: foreign.map(foreignLine),
      quarantined: after.quarantined ?? [],
      ...laidData(before, after, changes),
    })
  else if (options.outDir === undefined)
    for (const [name, text] of emitDelta(operations)) print(`# ${name}\n${text}`)
  if (!options.quiet && options.output === 'text') {
    for (const line of changeLines(changes ?? [])) say(line)
    say(summary(operations, foreign.length))
  }
  return foreign.length === 0 ? EXIT.done : EXIT.differs
}

/** Whether a state is the snapshot itself, as it is. */
const isSnapshot = (reference: string, { onto }: NodeOptions): boolean => onto?.[0] === reference

const withoutLaying = ({ onto: _onto, was: _was, ...options }: NodeOptions): NodeOptions => options

const sideOf = ({ laid: { side } }: CompiledFrom, isSnapshotItself: boolean): Side =>
  isSnapshotItself ? { ...side, manifests: null } : side

/** What becomes of Services; `null` where no manifests were laid. */
function changesOf(from: Side | null, { compiled }: State): ServiceChange[] | null {
  if (from === null || !compiled?.laid.isLaid) return null
  return changesBetween(from, compiled.laid.side, compiled.diagnostics)
}

function laidData(before: State, after: State, services: readonly ServiceChange[] | null): object {
  if (services === null) return {}
  const problems = [before, after].flatMap(({ compiled }) => compiled?.diagnostics ?? [])
  const distinct = new Map(problems.map((problem) => [problemKey(problem), problem]))
  const assumed = after.compiled?.laid.assumed ?? []
  return { services, assumed, diagnostics: [...distinct.values()].map(diagnosticData) }
}

function summary(operations: readonly Operation[], foreign: number): string {
  if (operations.length === 0)
    return foreign === 0 ? 'the two states are equal' : 'nothing differs but what no plan can say'
  const counts = new Map<string, number>()
  for (const { kind } of operations) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  const words = [...counts].map(([kind, count]) => `${count} × ${kind}`)
  return `${operations.length} operations: ${words.join(', ')}`
}

/** Options that the script of a bundle knows, too. */
export interface ScriptOptions extends NodeOptions {
  readonly dryRun?: boolean
  readonly confirm?: string
  readonly drain?: boolean
  readonly drainTimeout?: string
  readonly wait?: string
  readonly stateDir?: string
  readonly takeOver?: boolean
  readonly removeLeftovers?: boolean
  readonly converge?: boolean
  readonly otherNode?: boolean
  readonly discardJournal?: boolean
  readonly verbose?: boolean
}

function scriptWords(command: string, options: ScriptOptions): string[] {
  const value = (name: string, text: string | undefined): string[] => (text === undefined ? [] : [name, text])
  const flag = (name: string, on: boolean | undefined): string[] => (on ? [name] : [])
  return [
    command,
    '--json',
    ...flag('--dry-run', options.dryRun),
    ...flag('--take-over', options.takeOver),
    ...flag('--remove-leftovers', options.removeLeftovers),
    ...flag('--converge', options.converge),
    ...flag('--other-node', options.otherNode),
    ...flag('--discard-journal', options.discardJournal),
    ...flag('--verbose', options.verbose || (isTerminal() && !options.quiet)),
    ...flag('--no-drain', options.drain === false),
    ...value('--confirm', options.confirm),
    ...value('--drain-timeout', options.drainTimeout),
    ...value('--wait', options.wait),
    ...value('--state-dir', options.stateDir),
    ...value('--iptables', options.iptables),
  ]
}

/** `ipvsc apply BUNDLE|INPUT...`: makes the bundle when given inputs, and runs its script. */
export async function apply(
  inputs: readonly string[],
  options: ScriptOptions,
  console: Console,
): Promise<number> {
  const [first = ''] = inputs
  if (inputs.length === 1 && looksLikeBundle(first)) return runCommand('apply', first, options)
  refuseGitBundle(inputs)
  const compiled = await compileOne(inputs, options, console, { isBundled: true })
  if (compiled === null) return EXIT.input
  const { node, plan, counts, quarantined, binding } = compiled
  const { assumed } = compiled.compiled.laid
  return withFolder(bundleOf(node, plan, { counts, quarantined, assumed, binding }), (path) =>
    runCommand('apply', path, options, quarantined),
  )
}

/** A script is run from a folder that its user can look at, and not from a revision. */
function refuseGitBundle(inputs: readonly string[]): void {
  const bundle = inputs.filter(isGitReference).find((input) => isGitBundle(input))
  if (bundle !== undefined)
    throw new UsageError(`${bundle} is a bundle in a revision: check it out, and apply its folder`)
}

interface ScriptEvent {
  readonly event: string
  readonly text?: string
  readonly result?: string
  readonly changes?: Readonly<Record<string, number>>
  readonly undone?: Readonly<Record<string, number>>
}

/** Runs a command of the script; its exit status is ours. */
export async function runCommand(
  command: string,
  folder: string | null,
  options: ScriptOptions,
  quarantined: readonly QuarantinedObject[] = [],
): Promise<number> {
  const events: ScriptEvent[] = []
  const { status, stderr, stdout } = await runScript(folder, scriptWords(command, options), (line) => {
    if (!line.startsWith('{"event"')) return
    const event = JSON.parse(line) as ScriptEvent
    events.push(event)
    if (options.output === 'text') sayEvent(event, options.quiet ?? false)
  })
  if (stderr !== '') sayLines(stderr)
  if (options.output === 'json') {
    const report = events.findLast(({ event }) => event === 'report') ?? { event: 'report', result: 'failed' }
    const messages = events.filter(({ event }) => ['note', 'warning', 'error'].includes(event))
    printJson({ version: 1, status, ...report, messages, quarantined })
  } else if (command === 'facts') print(stdout)
  return status
}

/** Counts by kind, in words. */
const countsInWords = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, count]) => `${count} ${name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}`)
    .join(', ')

function sayEvent(
  { event, text = '', result, changes = {}, undone = {} }: ScriptEvent,
  quiet: boolean,
): void {
  if (event === 'report') {
    const [done, back] = [countsInWords(changes), countsInWords(undone)]
    const words = [done, back === '' ? '' : `on the way back ${back}`].filter((part) => part !== '')
    if (!quiet) printLine(`${result}: ${words.join('; ') || 'nothing'}`)
  } else if (event === 'payload') print(text.endsWith('\n') ? text : `${text}\n`)
  else if (event === 'error') sayError(text)
  else if (event === 'warning') sayWarning(text)
  else if (!quiet) say(`${event === 'step' ? '  ' : ''}${text}`)
}

/** `ipvsc facts`: what only this node knows. */
export async function facts(options: NodeOptions): Promise<number> {
  const { status, stdout, stderr } = await runScript(null, ['facts'], () => {})
  if (status !== 0) throw new FailedError(`the facts of this node cannot be had: ${stderr.trim()}`)
  if (options.out === undefined || options.out === '-') print(stdout)
  else await writeText(options.out, stdout)
  return EXIT.done
}
