import type { IpSet, Persistence, RealServer, SetEntry, VirtualServer } from './types.ts'

/** When two things of a plan are the same to the kernel. Written field by field: lists have hundreds of thousands of them. */

/** Whether two virtual servers differ in nothing but their real servers and what the kernel knows nothing of. */
export const sameParameters = (a: VirtualServer, b: VirtualServer): boolean =>
  a.scheduler === b.scheduler &&
  samePersistence(a.persistence, b.persistence) &&
  a.flags.length === b.flags.length &&
  a.flags.every((flag) => b.flags.includes(flag))

const samePersistence = (a: Persistence | null, b: Persistence | null): boolean =>
  a === b || (a !== null && b !== null && a.timeout === b.timeout && a.prefixLength === b.prefixLength)

export const sameRealServer = (a: RealServer, b: RealServer): boolean =>
  a.address === b.address && a.port === b.port && a.weight === b.weight && a.forwarding === b.forwarding

/** Whether both lists have the same real servers in the same order. */
export const sameRealServers = (a: readonly RealServer[], b: readonly RealServer[]): boolean =>
  a === b ||
  (a.length === b.length && a.every((server, index) => sameRealServer(server, b[index] as RealServer)))

/** Whether a set need not be created anew to become the other: its hash grows as it fills, so its size does not count. */
export function sameSetParameters(a: IpSet, b: IpSet): boolean {
  if (a.family !== b.family) return false
  if (a.type === 'bitmap:port')
    return b.type === 'bitmap:port' && a.range[0] === b.range[0] && a.range[1] === b.range[1]
  return b.type !== 'bitmap:port' && a.type === b.type && a.maxElements === b.maxElements
}

/** Every field that an entry of any type has. */
interface AnyEntry {
  readonly address?: string
  readonly port?: number
  readonly protocol?: string
  readonly source?: string
  readonly sourceRange?: string
}

export function sameEntry(one: SetEntry, other: SetEntry): boolean {
  const [a, b]: [AnyEntry, AnyEntry] = [one, other]
  return (
    a.address === b.address &&
    a.port === b.port &&
    a.protocol === b.protocol &&
    a.source === b.source &&
    a.sourceRange === b.sourceRange
  )
}
