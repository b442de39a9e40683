import { familyOf } from '../net/address.ts'
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
  const sets = setOperations(from, to)
  const tables = tableOperations(from, to)
  const servers = serverOperations(from, to)
  const { bind, unbind } = addressOperations(from, to)
  return [
    ...settingOperations(from, to),
    ...sets.make,
    ...tables.make,
    ...timeoutOperations(from, to),
    ...servers.make,
    ...bind,
    ...unbind,
    ...servers.break,
    ...tables.break,
    ...sets.break,
  ]
}

function settingOperations(from: Plan, to: Plan): Operation[] {
  const modules = to.modules
    .filter((module) => !from.modules.includes(module))
    .map((module): Operation => ({ kind: 'loadModule', module }))
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

function timeoutOperations(from: Plan, to: Plan): Operation[] {
  const [was, is] = [from.ipvsTimeouts, to.ipvsTimeouts]
  if (is === null) return []
  // 0 leaves a timeout as it is.
  const changed = (['tcp', 'tcpFin', 'udp'] as const).filter(
    (key) => is[key] > 0 && is[key] !== (was?.[key] ?? 0),
  )
  return changed.length === 0 ? [] : [{ kind: 'setTimeouts', timeouts: is }]
}

function addressOperations(from: Plan, to: Plan): Record<'bind' | 'unbind', Operation[]> {
  const before = new Set(from.dummyInterface.addresses)
  const after = new Set(to.dummyInterface.addresses)
  return {
    bind: to.dummyInterface.addresses
      .filter((address) => !before.has(address))
      .map((address) => ({ kind: 'bindAddress', address })),
    unbind: from.dummyInterface.addresses
      .filter((address) => !after.has(address) && to.families.includes(familyOf(address)))
      .map((address) => ({ kind: 'unbindAddress', address })),
  }
}
