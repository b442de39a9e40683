import { bundleOf } from '../../bundle/bundle.ts'
import { delta } from '../../delta/delta.ts'
import type { Operation } from '../../delta/operations.ts'
import { emitDelta } from '../../delta/payloads.ts'
import type { ServiceChange } from '../../desired/changes.ts'
import { foreignLine } from '../../formats/state.ts'
import { EXIT, RefusedError } from '../../host/exit.ts'
import { writeFolder } from '../../host/folder.ts'
import type { Console } from '../console.ts'
import { sayForeign } from '../foreign.ts'
import { type CompiledFrom, problemKey } from '../inputs/compiled.ts'
import { absentSide } from '../inputs/files.ts'
import { changeLines, changesBetween, type Side } from '../inputs/onto.ts'
import { foreignOf, readState, type State } from '../inputs/states.ts'
import type { DeltaOptions } from '../options.ts'
import { diagnosticData } from '../report.ts'
import { print, printJson, say } from '../terminal.ts'

/** `ipvsc delta FROM TO`: the way from one state to another, listed or as a bundle. */
export async function deltaBundle(
  from: string,
  to: string,
  options: DeltaOptions,
  console: Console,
): Promise<number> {
  const isBundled = options.outDir !== undefined
  absentSide([from, to])
  const before = await readState(
    from,
    isSnapshot(from, options) ? withoutLaying(options) : options,
    console,
    { isBundled: false, mayBeEmpty: true },
  )
  if (before === null) return EXIT.input
  const side = before.compiled === undefined ? null : sideOf(before.compiled, isSnapshot(from, options))
  const said = new Set(before.compiled?.diagnostics.map(problemKey))
  const after = await readState(to, options, console, { from: side, isBundled, said, mayBeEmpty: true })
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
const isSnapshot = (reference: string, { onto }: DeltaOptions): boolean => onto?.[0] === reference

const withoutLaying = ({ onto: _onto, was: _was, ...options }: DeltaOptions): DeltaOptions => options

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
