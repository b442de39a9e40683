import { compareAddresses } from '../../net/address.ts'
import { compareText } from '../../order.ts'
import type { IpvsTimeouts, Plan, Sysctl } from '../types.ts'
import { serverChanges } from './servers.ts'
import { setChanges } from './sets.ts'
import { tableChanges } from './tables.ts'
import type { Change } from './types.ts'

/**
 * How two plans differ: nothing for plans that say the same, in whatever order their lists are. Applied to the first plan, the
 * changes give the second.
 */
export function changes(before: Plan, after: Plan): Change[] {
  if (before === after) return []
  return [
    ...listChanges('family', before.families, after.families),
    ...listChanges('excludeCIDR', before.excludeCIDRs, after.excludeCIDRs),
    ...listChanges('module', before.modules, after.modules),
    ...settingChanges(before, after),
    ...setChanges(before, after),
    ...tableChanges(before, after),
    ...serverChanges(before, after),
    ...listChanges(
      'address',
      before.dummyInterface.addresses,
      after.dummyInterface.addresses,
      compareAddresses,
    ),
  ]
}

type ListKind = 'family' | 'excludeCIDR' | 'module' | 'address'

/** What goes, then what comes, of a list in which each text stands once. */
function listChanges(
  kind: ListKind,
  before: readonly string[],
  after: readonly string[],
  compare: (a: string, b: string) => number = compareText,
): Change[] {
  if (before === after) return []
  const only = (list: readonly string[], other: readonly string[]): string[] => {
    const held = new Set(other)
    return list.filter((item) => !held.has(item)).sort(compare)
  }
  return [
    ...only(before, after).map((item) => ({ kind, before: item, after: null }) as Change),
    ...only(after, before).map((item) => ({ kind, before: null, after: item }) as Change),
  ]
}

function settingChanges(before: Plan, after: Plan): Change[] {
  const known = new Map(before.sysctls.map((sysctl) => [sysctl.name, sysctl]))
  const settings: Change[] = []
  for (const sysctl of after.sysctls) {
    const old = known.get(sysctl.name) ?? null
    known.delete(sysctl.name)
    if (!sameSysctl(old, sysctl)) settings.push({ kind: 'setting', before: old, after: sysctl })
  }
  for (const sysctl of known.values()) settings.push({ kind: 'setting', before: sysctl, after: null })
  const [was, is] = [before.conntrack, after.conntrack]
  if (was.maxPerCore !== is.maxPerCore || was.min !== is.min || was.max !== is.max)
    settings.push({ kind: 'conntrack', before: was, after: is })
  if (!sameTimeouts(before.ipvsTimeouts, after.ipvsTimeouts))
    settings.push({ kind: 'timeouts', before: before.ipvsTimeouts, after: after.ipvsTimeouts })
  return settings
}

const sameSysctl = (a: Sysctl | null, b: Sysctl): boolean => a?.value === b.value && a.action === b.action

const sameTimeouts = (a: IpvsTimeouts | null, b: IpvsTimeouts | null): boolean =>
  a === b || (a?.tcp === b?.tcp && a?.tcpFin === b?.tcpFin && a?.udp === b?.udp)
