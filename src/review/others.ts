import { changedLines } from '../formats/state.ts'
import type { Change } from '../plan/changes/types.ts'
import type { Conntrack, IpvsTimeouts, Sysctl } from '../plan/types.ts'
import type { OtherChange } from './types.ts'

type Lines = Pick<OtherChange, 'before' | 'after'>

/** What no Service owns, each change once with the nodes on which it is so. */
export function otherChanges(
  nodes: readonly string[],
  changesOn: (node: string) => readonly Change[],
): OtherChange[] {
  const groups = new Map<string, { kind: Change['kind']; nodes: string[] } & Lines>()
  for (const node of nodes)
    for (const change of changesOn(node)) {
      const { before, after } = linesOf(change)
      const key = JSON.stringify([change.kind, before, after])
      const known = groups.get(key)
      if (known === undefined) groups.set(key, { kind: change.kind, nodes: [node], before, after })
      else if (known.nodes.at(-1) !== node) known.nodes.push(node)
    }
  return [...groups.values()]
}

/** Lines of state; what is no state of the tables in words of the same form. */
function linesOf(change: Change): Lines {
  switch (change.kind) {
    case 'module':
    case 'family':
      return sides(change, (name) => `${change.kind} ${name}`)
    case 'excludeCIDR':
      return sides(change, (network) => `exclude ${network}`)
    case 'setting':
      return sides(change, sysctlLine)
    case 'conntrack':
      return sides(change, conntrackLine)
    case 'timeouts':
      return sides(change, timeoutsLine)
    default:
      return changedLines(change)
  }
}

const sides = <T>(
  { before, after }: { readonly before: T | null; readonly after: T | null },
  line: (side: T) => string,
): Lines => ({
  before: before === null ? [] : [line(before)],
  after: after === null ? [] : [line(after)],
})

const sysctlLine = ({ name, value, action }: Sysctl): string =>
  `sysctl ${name} = ${value}${action === 'check' ? ' (checked, not set)' : ''}`

const conntrackLine = ({ max, maxPerCore, min }: Conntrack): string =>
  `conntrack size ${max ?? `${maxPerCore} per core, at least ${min}`}`

const timeoutsLine = ({ tcp, tcpFin, udp }: IpvsTimeouts): string =>
  `IPVS timeouts tcp ${tcp} s, tcpfin ${tcpFin} s, udp ${udp} s`
