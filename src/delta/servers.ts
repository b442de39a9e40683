import { familyOf } from '../net/address.ts'
import { compareVirtualServers } from '../plan/canonical.ts'
import { isExcluded } from '../plan/scope.ts'
import type { Plan, RealServer, VirtualServer } from '../plan/types.ts'
import type { Halves, Operation, VirtualServerKey } from './operations.ts'

export function serverOperations(from: Plan, to: Plan): Halves {
  const excluded = isExcluded(to)
  const isOurs = (server: VirtualServer): boolean =>
    to.families.includes(familyOf(server.address)) && !excluded(server)
  const make: Operation[] = []
  const drop: Operation[] = []
  const lose: Operation[] = []
  const [olds, news] = [from.virtualServers, to.virtualServers]
  let [i, j] = [0, 0]
  while (i < olds.length || j < news.length) {
    const [old, wanted] = [olds[i], news[j]]
    const order = old === undefined ? 1 : wanted === undefined ? -1 : compareKeys(old, wanted)
    if (order === 0 && old !== undefined && wanted !== undefined) {
      compareServers(old, wanted, make, drop)
      i++
      j++
    } else if (order > 0 && wanted !== undefined) {
      make.push({ kind: 'addVirtualServer', virtualServer: wanted })
      for (const realServer of wanted.realServers)
        make.push({ kind: 'addRealServer', virtualServer: keyOf(wanted), realServer })
      j++
    } else if (old !== undefined) {
      if (isOurs(old)) lose.push({ kind: 'removeVirtualServer', virtualServer: old })
      i++
    }
  }
  return { make, break: [...drop, ...lose] }
}

/** Equal keys are the common case, and comparing addresses by value is slow. */
const compareKeys = (a: VirtualServer, b: VirtualServer): number =>
  a.address === b.address && a.port === b.port && a.protocol === b.protocol ? 0 : compareVirtualServers(a, b)

const keyOf = ({ address, port, protocol }: VirtualServer): VirtualServerKey => ({
  address,
  port,
  protocol,
})

function compareServers(
  old: VirtualServer,
  wanted: VirtualServer,
  make: Operation[],
  drop: Operation[],
): void {
  if (
    old.scheduler !== wanted.scheduler ||
    old.persistence?.timeout !== wanted.persistence?.timeout ||
    old.persistence?.prefixLength !== wanted.persistence?.prefixLength ||
    old.flags.join() !== wanted.flags.join()
  )
    make.push({ kind: 'editVirtualServer', virtualServer: wanted })
  if (sameRealServers(old.realServers, wanted.realServers)) return
  const virtualServer = keyOf(wanted)
  const key = ({ address, port }: RealServer): string => `${address} ${port}`
  const before = new Map(old.realServers.map((realServer) => [key(realServer), realServer]))
  for (const realServer of wanted.realServers) {
    const known = before.get(key(realServer))
    if (known === undefined) make.push({ kind: 'addRealServer', virtualServer, realServer })
    else if (!sameRealServer(known, realServer))
      make.push({ kind: 'editRealServer', virtualServer, realServer })
    before.delete(key(realServer))
  }
  for (const realServer of before.values()) drop.push({ kind: 'removeRealServer', virtualServer, realServer })
}

const sameRealServers = (a: readonly RealServer[], b: readonly RealServer[]): boolean =>
  a.length === b.length && a.every((server, index) => sameRealServer(server, b[index] as RealServer))

const sameRealServer = (a: RealServer, b: RealServer): boolean =>
  a.address === b.address && a.port === b.port && a.weight === b.weight && a.forwarding === b.forwarding
