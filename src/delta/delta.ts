import { changes } from '../plan/changes/changes.ts'
import type { Change } from '../plan/changes/types.ts'
import { inScope } from '../plan/scope.ts'
import type { Plan, Sysctl } from '../plan/types.ts'
import type { Operation } from './operations.ts'
import { serverOperations } from './servers.ts'
import { setOperations } from './sets.ts'
import { tableOperations } from './tables.ts'

/**
 * The way from one plan to another, in the order that makes before it breaks: sets gain, rules are written, virtual
 * and real servers are added, addresses are bound; then addresses, servers, chains and entries go. Families that the
 * second plan does not speak of stay as they are, as do virtual servers inside its `excludeCIDRs`, and settings that
 * it does not name.
 */
export function delta(from: Plan, to: Plan): Operation[] {
  const held = inScope(from, to)
  return schedule(changes(held, to), held, to)
}

/** The order in which changes are carried out. `from` is what the second plan speaks of in the first. */
function schedule(found: readonly Change[], from: Plan, to: Plan): Operation[] {
  if (found.length === 0) return []
  const sets = setOperations(found, from, to)
  const tables = tableOperations(found, from, to)
  const servers = serverOperations(found)
  const addresses = found.filter((change) => change.kind === 'address')
  return [
    ...settingOperations(found, from, to),
    ...sets.make,
    ...tables.make,
    ...timeoutOperations(found),
    ...servers.make,
    ...addresses.flatMap(({ after }): Operation[] =>
      after === null ? [] : [{ kind: 'bindAddress', address: after }],
    ),
    ...addresses.flatMap(({ before }): Operation[] =>
      before === null ? [] : [{ kind: 'unbindAddress', address: before }],
    ),
    ...servers.break,
    ...tables.break,
    ...sets.break,
  ]
}

/** Modules and settings that the second plan does not name stay as they are. */
function settingOperations(found: readonly Change[], from: Plan, to: Plan): Operation[] {
  const modules = found.flatMap((change): Operation[] =>
    change.kind === 'module' && change.after !== null ? [{ kind: 'loadModule', module: change.after }] : [],
  )
  const before = new Map(settings(from).map(({ name, value }) => [name, value]))
  const sysctls = settings(to)
    .filter(({ name, value }) => before.get(name) !== value)
    .map(
      ({ name, value }): Operation => ({ kind: 'setSysctl', name, value, before: before.get(name) ?? null }),
    )
  return [...modules, ...sysctls]
}

/** What is set, with the size of the connection tracking table where it is known. */
function settings({ sysctls, conntrack: { max } }: Plan): Sysctl[] {
  const set = sysctls.filter(({ action }) => action === 'set')
  return max ? [...set, { name: 'net.netfilter.nf_conntrack_max', value: max, action: 'set' }] : set
}

function timeoutOperations(found: readonly Change[]): Operation[] {
  return found.flatMap((change): Operation[] => {
    if (change.kind !== 'timeouts' || change.after === null) return []
    const { before, after } = change
    // 0 leaves a timeout as it is.
    const changed = (['tcp', 'tcpFin', 'udp'] as const).filter(
      (key) => after[key] > 0 && after[key] !== (before?.[key] ?? 0),
    )
    return changed.length === 0 ? [] : [{ kind: 'setTimeouts', timeouts: after }]
  })
}
