import { placeKey } from '../proof/classes/senses.ts'
import { describeFate } from '../proof/describe.ts'
import { differs, type PacketDifference, reachesFar } from '../proof/differs.ts'
import { clientOf } from '../proof/judge.ts'
import type { NodeSide } from './effects.ts'
import type { OtherPacket, OtherPackets } from './types.ts'

/** Nodes that are followed; of more that differ the first ones are. */
const MOST_NODES = 8
/** A node with more virtual servers is not followed where its rules differ: each of its packets could be another. */
const MOST_SERVERS = 3000

/** A node as both sides have it, where something of it differs. */
export interface DifferingNode {
  readonly node: string
  readonly before: NodeSide
  readonly after: NodeSide
}

/**
 * Packets whose fate changes although they are for no address of a Service that a review tells of. Every class of packets that
 * either side tells apart is followed, so that none means that no other packet changes its fate on these nodes.
 */
export function otherPackets(
  differing: readonly DifferingNode[],
  reported: ReadonlySet<string>,
): OtherPackets | undefined {
  const followed = differing
    .slice(0, MOST_NODES)
    .filter(
      ({ before, after }) =>
        after.state.plan.virtualServers.length <= MOST_SERVERS || !reachesFar(before.state, after.state),
    )
  if (differing.length > 0 && followed.length === 0) return undefined
  const found = new Map<string, OtherPacket>()
  for (const { node, before, after } of followed) {
    const isTold = toldTest([before, after], reported)
    for (const difference of differs(before.state, after.state)) {
      if (isTold(difference)) continue
      const packet = otherPacket(difference, after)
      if (packet === null) continue
      const key = JSON.stringify(packet)
      found.set(key, { ...packet, nodes: [...(found.get(key)?.nodes ?? []), node] })
    }
  }
  return { followed: followed.length, differing: differing.length, changed: [...found.values()] }
}

/** Whether a packet is for an address, or a node port, of a Service that the review tells of. */
function toldTest(
  sides: readonly NodeSide[],
  reported: ReadonlySet<string>,
): (difference: PacketDifference) => boolean {
  const promises = sides.flatMap((side) => side.promises).filter(({ service }) => reported.has(service))
  const addresses = new Set(promises.flatMap(({ by, address }) => (by === 'nodePort' ? [] : [address])))
  const places = new Set(promises.map(({ protocol, address, port }) => placeKey(protocol, address, port)))
  return ({ packet: { protocol, destination, destinationPort } }) =>
    addresses.has(destination) || places.has(placeKey(protocol, destination, destinationPort))
}

/** `null`: nobody sends such packets. */
function otherPacket(
  { packet, before, after }: PacketDifference,
  side: NodeSide,
): Omit<OtherPacket, 'nodes'> | null {
  const client = clientOf(packet, undefined, side.state)
  if (!client.natural) return null
  const { protocol, destination, destinationPort } = packet
  return {
    target: placeKey(protocol, destination, destinationPort),
    client: client.name,
    before: describeFate(before),
    after: describeFate(after),
  }
}
