import type { Conntrack, Plan, Sysctl } from '../plan/types.ts'
import { eachLine, expectNumber, LineError, PayloadSyntaxError } from './syntax.ts'

export interface SysctlRows {
  readonly settings: readonly SysctlRow[]
  readonly maxPerCore: number
  readonly min: number
  /** One row, or none where the node computes it or leaves it. */
  readonly conntrackMax: readonly { readonly value: number }[]
}

export interface SysctlRow {
  /** Nothing, or `# check: ` before a setting that is not set. */
  readonly mark: string
  readonly name: string
  readonly value: number
}

const CHECK_MARK = '# check: '
const CONNTRACK_MAX = 'net.netfilter.nf_conntrack_max'

export function sysctlRows({ sysctls, conntrack: { maxPerCore, min, max } }: Plan): SysctlRows {
  return {
    settings: sysctls.map(({ name, value, action }) => ({
      mark: action === 'check' ? CHECK_MARK : '',
      name,
      value,
    })),
    maxPerCore,
    min,
    conntrackMax: max === null || max === 0 ? [] : [{ value: max }],
  }
}

export interface ParsedSysctls {
  readonly sysctls: readonly Sysctl[]
  readonly conntrack: Conntrack
}

/** Reads the settings back, with the size of the connection tracking table apart. */
export function parseSysctlConf(text: string): ParsedSysctls {
  const sysctls: Sysctl[] = []
  let size: { maxPerCore: number; min: number } | null = null
  let max: number | null = null
  eachLine(text, (line) => {
    const conntrack = /^# conntrack: maxPerCore (\d+) min (\d+)$/.exec(line)
    if (conntrack !== null) {
      if (size !== null) throw new LineError('the size of the connection tracking table is told twice')
      size = { maxPerCore: Number(conntrack[1]), min: Number(conntrack[2]) }
      return
    }
    const action = line.startsWith(CHECK_MARK) ? 'check' : 'set'
    if (action === 'set' && line.startsWith('#')) return
    const setting = parseSetting(action === 'check' ? line.slice(CHECK_MARK.length) : line)
    if (setting.name !== CONNTRACK_MAX) sysctls.push({ ...setting, action })
    else if (max === null && action === 'set') max = setting.value
    else throw new LineError(`${CONNTRACK_MAX} is set once`)
  })
  if (size === null) throw new PayloadSyntaxError(1, '', 'there is no line "# conntrack: maxPerCore N min N"')
  const { maxPerCore, min } = size
  return { sysctls, conntrack: { maxPerCore, min, max: max ?? (maxPerCore === 0 ? 0 : null) } }
}

function parseSetting(line: string): { name: string; value: number } {
  const match = /^([a-z0-9_.-]+) = (\d+)$/.exec(line)
  if (match === null) throw new LineError('not a setting')
  return { name: match[1] as string, value: expectNumber(match[2], 'a value', 2 ** 32 - 1) }
}
