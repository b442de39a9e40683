import { type Drift, driftOf } from '../../capture/drift.ts'
import { type ChangedLines, changedLines, foreignLine } from '../../formats/state.ts'
import { EXIT } from '../../host/exit.ts'
import { liveDumps, savedDumps } from '../../host/host.ts'
import { DUMMY_INTERFACE } from '../../kernel/interfaces.ts'
import type { ChangeKind } from '../../plan/changes/types.ts'
import type { Console } from '../console.ts'
import { sayUntold } from '../foreign.ts'
import { readCapture, readState } from '../inputs/states.ts'
import type { StateOptions } from '../options.ts'

import { coloursOf, printJson, printLine, say } from '../terminal.ts'

/** `ipvsc drift`: what differs between a bundle and a node, change by change. */
export async function drift(reference: string, options: StateOptions, console: Console): Promise<number> {
  const wanted = await readState(reference, options, console)
  if (wanted === null) return EXIT.input
  const dumps =
    options.fromDumps === undefined ? await liveDumps(options.iptables) : savedDumps(options.fromDumps)
  const captured = readCapture(dumps)
  const report = driftReport(driftOf(captured, wanted.plan))
  if (options.output === 'json') printJson({ ...report, quarantined: wanted.quarantined ?? [] })
  else {
    const { yellow, red, green } = coloursOf('stdout')
    for (const line of report.foreign) printLine(`! ${line}`, yellow)
    for (const { before, after } of report.changes) {
      for (const line of before) printLine(`- ${line}`, red)
      for (const line of after) printLine(`+ ${line}`, green)
    }
    if (!options.quiet) {
      say(verdict(report))
      sayUntold(captured)
    }
  }
  return verdict(report) === NO_DRIFT ? EXIT.done : EXIT.differs
}

/** What differs, in lines of state. */
interface DriftReport {
  readonly version: 1
  readonly changes: readonly (ChangedLines & { readonly kind: ChangeKind | 'link' })[]
  /** Of all changes: what the node lacks, and what it has too much. */
  readonly missing: readonly string[]
  readonly surplus: readonly string[]
  readonly foreign: readonly string[]
}

function driftReport({ changes, foreign, lacksInterface }: Drift): DriftReport {
  const lines = changes.map((change) => ({ kind: change.kind, ...changedLines(change) }))
  const all: DriftReport['changes'] = lacksInterface
    ? [...lines, { kind: 'link', before: [], after: [`link ${DUMMY_INTERFACE}`] }]
    : lines
  return {
    version: 1,
    changes: all,
    missing: all.flatMap(({ after }) => after),
    surplus: all.flatMap(({ before }) => before),
    foreign: foreign.map(foreignLine),
  }
}

const NO_DRIFT = 'the node holds what the bundle wants'

function verdict({ missing, surplus, foreign }: DriftReport): string {
  const parts = [
    ...(missing.length > 0 ? [`${missing.length} missing on the node (+)`] : []),
    ...(surplus.length > 0 ? [`${surplus.length} that nobody wants (-)`] : []),
    ...(foreign.length > 0 ? [`${foreign.length} that no plan can say (!)`] : []),
  ]
  return parts.length === 0 ? NO_DRIFT : parts.join(', ')
}
