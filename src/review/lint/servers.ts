import type { Sourced } from '../../kube/cluster.ts'
import { fullName } from '../../kube/names.ts'
import type { Service } from '../../kube/types.ts'
import { hostPort, virtualServerKey } from '../../plan/keys.ts'
import { targetName } from '../effects.ts'
import type { ClusterSubject } from './subject.ts'
import type { GuardedChange, GuardSide } from './types.ts'

/** The real servers of one port of a Service on both sides. */
export interface PortServers {
  /** `namespace/name`. */
  readonly service: string
  /** `port 80/TCP`, or a virtual server where nothing is known of Services. */
  readonly port: string
  readonly before: ReadonlySet<string>
  readonly after: ReadonlySet<string>
}

/** By `service`, then by port: ready real servers. */
type Servers = ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>

/** Ports that both sides have, of Services that change. */
export function changedServers({ review, before, after }: GuardedChange): PortServers[] {
  const names = new Set(review.services.map(({ service }) => service))
  const known = before.cluster !== null && after.cluster !== null
  const [old, now] = [before, after].map((side) =>
    known ? ofCluster(side.cluster as ClusterSubject, names) : ofPlans(side, [before, after], names),
  ) as [Servers, Servers]
  return [...names].flatMap((service) =>
    [...(old.get(service) ?? [])].flatMap(([port, servers]) => {
      const later = now.get(service)?.get(port)
      return later === undefined ? [] : [{ service, port, before: servers, after: later }]
    }),
  )
}

function ofCluster({ ports }: ClusterSubject, names: ReadonlySet<string>): Servers {
  const found = new Map<string, Map<string, Set<string>>>()
  for (const { service, family, protocol, port, endpoints } of ports) {
    const name = fullName(service.object)
    if (!names.has(name)) continue
    const servers = endpoints.filter(({ ready }) => ready).map((one) => hostPort(one.address, one.port))
    add(found, name, `port ${port}/${protocol.toUpperCase()} (${family})`, servers)
  }
  return found
}

/** A plan knows virtual servers; whose they are is what either side promises. A port is what any node holds of it. */
function ofPlans(side: GuardSide, sides: readonly GuardSide[], names: ReadonlySet<string>): Servers {
  const owners = new Map<string, { service: string; name: string }>()
  for (const { nodes } of sides)
    for (const { promises } of nodes.values())
      for (const promise of promises)
        if (names.has(promise.service))
          owners.set(virtualServerKey(promise), { service: promise.service, name: targetName(promise) })
  const found = new Map<string, Map<string, Set<string>>>()
  for (const { state } of side.nodes.values())
    for (const server of state.plan.virtualServers) {
      const owner = owners.get(virtualServerKey(server))
      if (owner === undefined) continue
      const servers = server.realServers
        .filter(({ weight }) => weight > 0)
        .map(({ address, port }) => hostPort(address, port))
      add(found, owner.service, owner.name, servers)
    }
  return found
}

function add(
  found: Map<string, Map<string, Set<string>>>,
  service: string,
  port: string,
  servers: readonly string[],
): void {
  const ports = found.get(service) ?? new Map<string, Set<string>>()
  found.set(service, ports)
  const known = ports.get(port) ?? new Set<string>()
  for (const server of servers) known.add(server)
  ports.set(port, known)
}

/** A Service by its name, as it is stated after, else before. */
export function statedService({ before, after }: GuardedChange, name: string): Sourced<Service> | null {
  for (const { cluster } of [after, before]) {
    const found = cluster === null ? undefined : servicesByName(cluster).get(name)
    if (found !== undefined) return found
  }
  return null
}

const indices = new WeakMap<ClusterSubject, ReadonlyMap<string, Sourced<Service>>>()

export function servicesByName(subject: ClusterSubject): ReadonlyMap<string, Sourced<Service>> {
  const known = indices.get(subject)
  if (known !== undefined) return known
  const made = new Map(subject.cluster.services.map((service) => [fullName(service.object), service]))
  indices.set(subject, made)
  return made
}
