import { compareRealServers, sortVirtualServers } from '../canonical.ts'
import { sameParameters, sameRealServer, sameRealServers } from '../equality.ts'
import { hostPort, keyOf, virtualServerKey } from '../keys.ts'
import type { Plan, RealServer, VirtualServer } from '../types.ts'
import { between } from './lists.ts'
import type { Change, ChangeOf } from './types.ts'

/** In canonical order, whatever that of the plans: each virtual server followed by its real servers. */
export function serverChanges(before: Plan, after: Plan): Change[] {
  const [olds, news] = [before.virtualServers, after.virtualServers]
  const isSame = (a: VirtualServer, b: VirtualServer): boolean =>
    a === b || (sameKey(a, b) && sameServer(a, b))
  const middle = between(olds, news, isSame)
  const known = new Map(middle.before.map((server) => [virtualServerKey(server), server]))
  const groups: { readonly server: VirtualServer; readonly changes: Change[] }[] = []
  for (const server of middle.after) {
    const key = virtualServerKey(server)
    const old = known.get(key)
    known.delete(key)
    const changes: Change[] =
      old === undefined
        ? [{ kind: 'virtualServer', before: null, after: server }]
        : changesOfServer(old, server)
    if (changes.length > 0) groups.push({ server, changes })
  }
  for (const server of known.values())
    groups.push({ server, changes: [{ kind: 'virtualServer', before: server, after: null }] })
  return sortVirtualServers(groups, ({ server }) => server).flatMap(({ changes }) => changes)
}

const sameKey = (a: VirtualServer, b: VirtualServer): boolean =>
  a.address === b.address && a.port === b.port && a.protocol === b.protocol

const sameServer = (a: VirtualServer, b: VirtualServer): boolean =>
  sameParameters(a, b) && a.drainTimeout === b.drainTimeout && sameRealServers(a.realServers, b.realServers)

function changesOfServer(before: VirtualServer, after: VirtualServer): Change[] {
  const own: Change[] =
    sameParameters(before, after) && before.drainTimeout === after.drainTimeout
      ? []
      : [{ kind: 'virtualServer', before, after }]
  return [...own, ...realServerChanges(before, after)]
}

function realServerChanges(before: VirtualServer, after: VirtualServer): ChangeOf<'realServer'>[] {
  const middle = between(before.realServers, after.realServers, sameRealServer)
  if (middle.before.length + middle.after.length === 0) return []
  const virtualServer = keyOf(after)
  const key = ({ address, port }: RealServer): string => hostPort(address, port)
  const known = new Map(middle.before.map((server) => [key(server), server]))
  const changes: ChangeOf<'realServer'>[] = []
  for (const server of middle.after) {
    const old = known.get(key(server)) ?? null
    known.delete(key(server))
    if (old === null || !sameRealServer(old, server))
      changes.push({ kind: 'realServer', virtualServer, before: old, after: server })
  }
  for (const server of known.values())
    changes.push({ kind: 'realServer', virtualServer, before: server, after: null })
  const serverOf = (change: ChangeOf<'realServer'>) => (change.after ?? change.before) as RealServer
  return changes.sort((a, b) => compareRealServers(serverOf(a), serverOf(b)))
}
