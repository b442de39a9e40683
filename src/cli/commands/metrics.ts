import { type Drift, driftOf } from '../../capture/drift.ts'
import { EXIT, UsageError } from '../../host/exit.ts'
import { liveDumps } from '../../host/host.ts'
import { writeText } from '../../host/output.ts'
import { conntrackFill, liveStatistics, readRunRecord } from '../../host/statistics.ts'
import { formatMetrics, type NodeFigures, type SetFill } from '../../observe/metrics.ts'
import { fingerprint } from '../../plan/canonical.ts'
import type { IpSet } from '../../plan/types.ts'
import { VERSION } from '../../version.ts'
import type { Console } from '../console.ts'
import { readCapture, readState } from '../inputs/states.ts'
import type { MetricsOptions } from '../options.ts'
import { print } from '../terminal.ts'
import { readStatistics, servicePortsIn } from './stats.ts'

/** `ipvsc metrics`: figures of this node in Prometheus' text format. */
export async function metrics(
  reference: string | undefined,
  options: MetricsOptions,
  console: Console,
): Promise<number> {
  if (options.textfile !== undefined && !options.textfile.endsWith('.prom'))
    throw new UsageError(`--textfile ${options.textfile}: node_exporter reads files that end with .prom`)
  const state = reference === undefined ? null : await readState(reference, options, console)
  if (reference !== undefined && state === null) return EXIT.input
  const [dumps, listings] = await Promise.all([liveDumps(options.iptables), liveStatistics(false)])
  const captured = readCapture(dumps)
  const drift = state === null ? null : driftOf(captured, state.plan)
  const figures: NodeFigures = {
    toolVersion: VERSION,
    statistics: readStatistics(listings, servicePortsIn(state)),
    sets: captured.plan.sets.map(fillOf),
    conntrack: conntrackFill(),
    bundle: state === null ? null : { fingerprint: fingerprint(state.plan), node: state.node },
    drift: drift === null ? null : driftCounts(drift),
    ...readRunRecord(options.stateDir),
  }
  const text = formatMetrics(figures, { compat: options.compat ?? false, servers: options.servers })
  if (options.textfile === undefined) print(text)
  else await writeText(options.textfile, text)
  return EXIT.done
}

function driftCounts({ changes, foreign, lacksInterface }: Drift): NonNullable<NodeFigures['drift']> {
  const missing = changes.filter(({ after }) => after !== null).length + (lacksInterface ? 1 : 0)
  const surplus = changes.filter(({ before, after }) => before !== null && after === null).length
  return { missing, surplus, foreign: foreign.length }
}

/** A bitmap has room for each port of its range. */
const fillOf = (set: IpSet): SetFill => ({
  set: set.name,
  entries: set.entries.length,
  most: 'maxElements' in set ? set.maxElements : 1 + set.range[1] - set.range[0],
})
