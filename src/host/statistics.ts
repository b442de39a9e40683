import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { LastRun } from '../observe/metrics.ts'
import type { StatisticsListings } from '../observe/types.ts'
import { FailedError, UsageError } from './exit.ts'
import { readTextFile } from './files.ts'
import { guarded, runTool } from './host.ts'

/** What IPVS does on this node, or did where `apply.sh collect` made its lists. */

type Listing = keyof StatisticsListings

/** Where each list comes from, and what `collect` calls it. */
const SOURCES: Readonly<
  Record<Exclude<Listing, 'overall'>, { readonly file: string; readonly words: readonly string[] }>
> = {
  totals: { file: 'ipvsadm-stats', words: ['-L', '-n', '--stats', '--exact'] },
  rates: { file: 'ipvsadm-rate', words: ['-L', '-n', '--rate', '--exact'] },
  load: { file: 'ipvsadm-persistent-conn', words: ['-L', '-n', '--persistent-conn'] },
  connections: { file: 'ipvsadm-connections', words: ['-L', '-n', '-c'] },
}
const OVERALL = { file: 'ip_vs_stats', path: '/proc/net/ip_vs_stats' }

/** Lists of this node; needs root. Connections only where they are asked for: there may be millions. */
export async function liveStatistics(withConnections: boolean): Promise<StatisticsListings> {
  const list = async (name: keyof typeof SOURCES): Promise<string> => {
    const { status, stdout, stderr } = await runTool(['ipvsadm', ...SOURCES[name].words])
    if (status !== 0)
      throw new FailedError(`ipvsadm failed with ${status}: ${stderr.trim() || 'it needs root'}`)
    return stdout
  }
  const [totals, rates, load] = await Promise.all([list('totals'), list('rates'), list('load')])
  const connections = withConnections ? await list('connections') : null
  return { totals, rates, load, connections, overall: readOrNull(OVERALL.path) }
}

/** Lists that were carried off a node. */
export function savedStatistics(folder: string): StatisticsListings {
  const names = new Set(guarded(folder, () => readdirSync(folder)))
  const find = (file: string): string | null => {
    const name = [file, `${file}.txt`].find((candidate) => names.has(candidate))
    return name === undefined ? null : readTextFile(join(folder, name))
  }
  const need = (name: 'totals' | 'rates' | 'load'): string => {
    const { file, words } = SOURCES[name]
    const text = find(file)
    if (text === null)
      throw new UsageError(
        `${folder} holds no ${file}: the output of "ipvsadm ${words.join(' ')}"; "apply.sh collect" makes it`,
      )
    return text
  }
  const [totals, rates, load] = [need('totals'), need('rates'), need('load')]
  return { totals, rates, load, connections: find(SOURCES.connections.file), overall: find(OVERALL.file) }
}

function readOrNull(path: string): string | null {
  try {
    return readTextFile(path)
  } catch {
    return null
  }
}

/** Entries of the connection tracking table; `null` where the kernel has none. */
export function conntrackFill(): { readonly entries: number; readonly most: number } | null {
  const [entries, most] = ['count', 'max'].map((name) =>
    readOrNull(`/proc/sys/net/netfilter/nf_conntrack_${name}`),
  )
  return entries === null || most === null || entries === undefined || most === undefined
    ? null
    : { entries: Number(entries), most: Number(most) }
}

/** What the script recorded of its runs. */
export interface RunRecord {
  readonly lastRun: LastRun | null
  readonly draining: number | null
}

/** Reads the state directory of the script; a line that the script would not write is passed over. */
export function readRunRecord(stateDir: string): RunRecord {
  const lines = (readOrNull(join(stateDir, 'log')) ?? '').trimEnd().split('\n')
  const draining = readOrNull(join(stateDir, 'draining'))
  return {
    lastRun: lines.reduceRight<LastRun | null>((found, line) => found ?? parseRun(line), null),
    draining: draining === null ? null : draining.split('\n').filter((line) => line !== '').length,
  }
}

/** `2026-11-24T10:00:00+0000 user 0: apply: applied, node n1, bundle 0123…` */
export function parseRun(line: string): LastRun | null {
  const match = /^(\S+T\S+)([+-]\d\d)(\d\d) [^:]+: ([a-z]+): ([a-z ]+), node /.exec(line)
  const [, date, hours, minutes, command, result] = match ?? []
  const time = Date.parse(`${date}${hours}:${minutes}`)
  return command === undefined || result === undefined || Number.isNaN(time)
    ? null
    : { time: time / 1000, command, result }
}
