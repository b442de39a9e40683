import { changes } from '../plan/changes/changes.ts'
import type { Change } from '../plan/changes/types.ts'
import { hostPort } from '../plan/keys.ts'
import type { IpEntry, IpPortEntry } from '../plan/types.ts'
import { ClassSpace, type Target } from './classes/classes.ts'
import { placeKey } from './classes/senses.ts'
import { type Fate, follow } from './follow.ts'
import type { Packet } from './packet.ts'
import type { KernelState } from './state.ts'

/** A packet that meets something else after than before; it stands for all of its class. */
export interface PacketDifference {
  readonly packet: Packet
  readonly before: Fate
  readonly after: Fate
}

/**
 * Every class of packets whose fate is another after than before. Classes are cut by what either state tells apart, so that
 * none means that no packet changes its fate. Where rules and settings are the same, only what entries, addresses and virtual
 * servers that differ can touch is followed.
 */
export function differs(before: KernelState, after: KernelState): PacketDifference[] {
  const reach = reachOf(before, after)
  if (reach === 'nothing') return []
  const space = new ClassSpace([before, after])
  const found: PacketDifference[] = []
  const compare = (packet: Packet): void => {
    const [old, now] = [follow(before, packet).fate, follow(after, packet).fate]
    if (detailsOf(old) !== detailsOf(now)) found.push({ packet, before: old, after: now })
  }
  const targets = reach === 'all' || reach.places === null ? space.targets() : targetsAt(reach.places)
  for (const target of targets) {
    const sources = reach === 'all' ? 'all' : reach.sources(target)
    if (sources === 'none') continue
    for (const packet of space.packetsTo(target))
      if (sources === 'all' || sources.has(packet.source)) compare(packet)
  }
  return found
}

/** Whether what differs may reach packets anywhere, so that all of them are followed. */
export const reachesFar = (before: KernelState, after: KernelState): boolean =>
  reachOf(before, after) === 'all'

/** Which sources at a destination a change can touch. */
interface Reach {
  /** The only destinations that a change can touch, by address and port; `null`: there are others. */
  readonly places: ReadonlySet<string> | null
  readonly sources: (target: Target) => 'all' | 'none' | ReadonlySet<string>
}

/** Kinds of changes that may reach any packet. */
const ANYWHERE: ReadonlySet<Change['kind']> = new Set(['rule', 'chain', 'jump', 'set', 'setting', 'family'])
/** Kinds of changes that reach no first packet of a connection. */
const NOWHERE: ReadonlySet<Change['kind']> = new Set(['module', 'conntrack', 'timeouts', 'excludeCIDR'])

function reachOf(before: KernelState, after: KernelState): Reach | 'all' | 'nothing' {
  if (JSON.stringify(networkText(before)) !== JSON.stringify(networkText(after))) return 'all'
  const found = changes(before.plan, after.plan).filter(({ kind }) => !NOWHERE.has(kind))
  if (found.length === 0) return 'nothing'
  if (found.some(({ kind }) => ANYWHERE.has(kind))) return 'all'
  const places = new Set<string>()
  const addresses = new Set<string>()
  const endpoints = new Set<string>()
  const bySource = new Map<string, Set<string>>()
  let ports = false
  for (const change of found) {
    if (change.kind === 'virtualServer') {
      const server = change.after ?? change.before
      if (server !== null) places.add(placeKey(server.protocol, server.address, server.port))
    } else if (change.kind === 'realServer')
      places.add(
        placeKey(change.virtualServer.protocol, change.virtualServer.address, change.virtualServer.port),
      )
    else if (change.kind === 'address') addresses.add((change.after ?? change.before) as string)
    else if (change.kind === 'entry') {
      const entry = change.after ?? change.before
      if (entry === null) continue
      if (!('address' in entry)) ports = true
      else if (!isPlaced(entry)) addresses.add(entry.address)
      else {
        places.add(placeKey(entry.protocol, entry.address, entry.port))
        endpoints.add(`${entry.protocol} ${hostPort(entry.address, entry.port)}`)
        const key = `${entry.protocol} ${entry.port}`
        bySource.set(key, (bySource.get(key) ?? new Set()).add(entry.address))
      }
    }
  }
  const named = (place: string): boolean => places.has(place)
  const servesTouched = serverTest([before, after], endpoints)
  const onlyServers = !ports && addresses.size === 0 && bySource.size === 0
  return {
    places: onlyServers ? places : null,
    sources: ({ protocol, destination, destinationPort }) => {
      const place = placeKey(protocol, destination, destinationPort)
      if (ports || named(place) || addresses.has(destination) || servesTouched(place)) return 'all'
      const flagged = bySource.get(`${protocol} ${destinationPort}`)
      if (flagged === undefined && addresses.size === 0) return 'none'
      return new Set([...(flagged ?? []), ...addresses])
    },
  }
}

const isPlaced = (entry: IpEntry): entry is IpPortEntry => 'protocol' in entry

function* targetsAt(places: Iterable<string>): Generator<Target> {
  for (const place of places) {
    const [protocol, destination = '', port] = place.split(' ')
    yield { protocol: protocol as Target['protocol'], destination, destinationPort: Number(port) }
  }
}

const networkText = ({ node }: KernelState) => [node.addresses, node.podNetworks.map(String), [...node.pods]]

/** Whether a virtual server hands over to one of some endpoints. */
function serverTest(
  states: readonly KernelState[],
  endpoints: ReadonlySet<string>,
): (place: string) => boolean {
  const touched = new Set<string>()
  if (endpoints.size > 0)
    for (const { plan } of states)
      for (const { protocol, address, port, realServers } of plan.virtualServers)
        if (realServers.some((real) => endpoints.has(`${protocol} ${hostPort(real.address, real.port)}`)))
          touched.add(placeKey(protocol, address, port))
  return (place) => touched.has(place)
}

/** A fate to the last detail. */
function detailsOf(fate: Fate): string {
  if (fate.kind !== 'served') return JSON.stringify(fate)
  const { virtualServer, servers } = fate
  return JSON.stringify([
    virtualServer.scheduler,
    virtualServer.flags,
    virtualServer.persistence,
    servers
      .map(({ server, share, masqueraded, unanswered }) => [
        hostPort(server.address, server.port),
        share,
        masqueraded,
        unanswered,
      ])
      .sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1)),
  ])
}
