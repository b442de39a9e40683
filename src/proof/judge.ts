import { familyOf, networkContains, parseNetwork } from '../net/address.ts'
import { hostPort } from '../plan/keys.ts'
import type { ClientKind } from './clients.ts'
import { describeFate, listed } from './describe.ts'
import type { Fate, Trace } from './follow.ts'
import { isLoopbackAddress, isPodOf } from './network.ts'
import { cameBy, type Packet } from './packet.ts'
import type { Detection, NodePromises, ServicePromise } from './promises.ts'
import type { KernelState } from './state.ts'

/** What is promised of a packet beside what the rules do, where these differ. */
export interface Judgement {
  /** `namespace/name:port`, or `null` where no Service asks for what the rules do. */
  readonly service: string | null
  /** What was promised, and what the rules do, each in a phrase. */
  readonly promised: string
  readonly found: string
  /** A deviation that IPVS mode has by nature; `null`: it is a fault. */
  readonly known: KnownDeviation | null
}

/** Where kube-proxy's IPVS mode is not what the API says, and why. */
export const KNOWN_DEVIATIONS = {
  LOCAL_STAND_IN:
    'Under a Local policy without an endpoint of its own, a node in IPVS mode hands over to those of other nodes.',
  HEALTH_CHECK_ANYWHERE:
    'The node port of health checks is open at every address of a Service, over UDP, too: its set knows no address and no protocol.',
} as const
export type KnownDeviation = keyof typeof KNOWN_DEVIATIONS

/** Who sends a packet, in the words of promises. */
interface Sender {
  readonly kind: ClientKind
  readonly name: string
  /** Whether a packet like this comes about: what the node sends to an address has the source that the kernel chooses. */
  readonly natural: boolean
}

export function clientOf(
  { source, destination, arrival }: Packet,
  promise: ServicePromise | undefined,
  { node }: KernelState,
): Sender {
  if (arrival.kind === 'local')
    return {
      kind: 'node',
      name: 'the node itself',
      natural: source === destination && !isLoopbackAddress(source),
    }
  if (isPodOf(node, source)) {
    const isServer = promise?.endpoints.some((endpoint) => endpoint.startsWith(hostStart(source))) ?? false
    const name = isServer ? 'a pod that is a server itself' : 'a pod of the node'
    // What a pod sends to its own address never leaves it.
    return { kind: 'pod', name, natural: source !== destination }
  }
  const range = promise?.sourceRanges
    ?.filter((text) => isIn(text, source))
    .sort((a, b) => lengthOf(b) - lengthOf(a))[0]
  const name =
    promise?.sourceRanges == null
      ? 'outside'
      : range === undefined
        ? 'outside, in no source range'
        : `outside, from ${range}`
  return { kind: 'outside', name, natural: true }
}

const hostStart = (address: string): string => (address.includes(':') ? `[${address}]:` : `${address}:`)

const isIn = (text: string, address: string): boolean => {
  const network = parseNetwork(text)
  return network !== null && networkContains(network, address)
}
const lengthOf = (network: string): number => Number(network.split('/')[1])

/** Whether a promise is kept for a packet; `null`: it is, or it does not speak of such packets. */
export function judgePromise(
  promise: ServicePromise,
  { fate, packet }: Trace,
  state: KernelState,
  { settings }: NodePromises,
): Judgement | null {
  const client = clientOf(packet, promise, state)
  if (!client.natural) return null
  const fault = (promised: string, known: KnownDeviation | null = null): Judgement => ({
    service: `${promise.service}:${promise.portName}`,
    promised,
    found: describeFate(fate),
    known,
  })
  const { endpoints, standIns } = promise
  if (!mayAsk(promise, client, packet, state)) {
    // What the node sends itself meets IPVS before the rules that drop: where nobody answers, it is refused there.
    const isRefused =
      packet.arrival.kind === 'local' && fate.kind === 'refused' && endpoints.length + standIns.length === 0
    return isDropped(fate) || isRefused ? null : fault('dropped: not in a source range')
  }
  const isStoodIn = endpoints.length === 0 && standIns.length > 0 && fate.kind === 'served'
  const wanted = isStoodIn ? standIns : endpoints
  if (wanted.length === 0)
    return fate.kind === 'refused' ? null : fault('nobody answers, and the client is told so')
  const answered = isStoodIn ? 'nobody answers' : `answered by ${listed(wanted)}`
  if (fate.kind !== 'served')
    return endpoints.length === 0 && fate.kind === 'refused' ? null : fault(answered)
  const reached = fate.servers.map(({ server }) => hostPort(server.address, server.port)).sort()
  if (reached.join() !== [...wanted].sort().join()) return fault(answered)
  const mayBeSilent = isStoodIn || (promise.by === 'clusterIP' && client.kind === 'outside')
  if (
    fate.servers.some(({ unanswered }) => unanswered !== null && !(mayBeSilent && BY_NATURE.has(unanswered)))
  )
    return fault(answered)
  const manner = judgeManner(promise, packet, fate, settings, fault)
  if (manner !== null || !isStoodIn) return manner
  return fault(`nobody answers${promise.by === 'clusterIP' ? '' : ' on this node'}`, 'LOCAL_STAND_IN')
}

/** Why an answer may not arrive where nothing is promised. */
const BY_NATURE: ReadonlySet<string> = new Set(['answer passes the node', 'server is the client'])

/** Affinity, scheduler, and whom servers see. */
function judgeManner(
  promise: ServicePromise,
  packet: Packet,
  { virtualServer, servers }: Extract<Fate, { kind: 'served' }>,
  settings: NodePromises['settings'],
  fault: (promised: string) => Judgement,
): Judgement | null {
  const { affinity, scheduler } = promise
  const wholeHost = virtualServer.address.includes(':') ? 128 : 32
  const { persistence } = virtualServer
  if ((persistence?.timeout ?? null) !== affinity || (persistence?.prefixLength ?? wholeHost) !== wholeHost)
    return fault(affinity === null ? 'no affinity' : `affinity for ${affinity} s, of each client on its own`)
  if (scheduler !== null && virtualServer.scheduler !== scheduler) return fault(`the scheduler ${scheduler}`)
  if (settings === null) return null
  const sees = seesNode(promise, packet, settings.detection)
  // A pod that is its own server sees the node in any case.
  const others = servers.filter(({ server }) => server.address !== packet.source)
  if (others.every(({ masqueraded }) => masqueraded === sees)) return null
  return fault(sees ? 'servers see the node' : 'servers see the client')
}

/** Whether servers see the node: outside addresses under Cluster, and cluster IPs as the configuration has it. */
function seesNode(
  { by, policy, address }: ServicePromise,
  packet: Packet,
  detection: readonly Detection[],
): boolean {
  if (by !== 'clusterIP') return policy === 'Cluster'
  const family = familyOf(address)
  for (const one of detection) {
    if (one.kind === 'all') return true
    if (one.kind === 'network') {
      const own = one.networks.filter((text) => text.includes(':') === (family === 'ipv6'))
      if (own.length > 0) return !own.some((text) => isIn(text, packet.source))
    } else {
      return !cameBy(packet.arrival, one.name)
    }
  }
  return packet.arrival.kind === 'local'
}

/** Nobody gets it, or nobody past a rule on the way out. */
const isDropped = (fate: Fate): boolean =>
  fate.kind === 'dropped' ||
  (fate.kind === 'served' && fate.servers.every(({ unanswered }) => unanswered === 'dropped on the way out'))

/** Source ranges hold for everybody who comes by a load balancer's address; the node counts by its own. */
function mayAsk(
  { sourceRanges }: ServicePromise,
  { kind }: Sender,
  { source }: Packet,
  { node }: KernelState,
): boolean {
  if (sourceRanges === null) return true
  const asked = kind === 'node' ? node.addresses.filter((a) => familyOf(a) === familyOf(source)) : [source]
  return asked.some((address) => sourceRanges.some((text) => isIn(text, address)))
}

/** Where nothing is promised: a bound address answers nobody, the node's own are its own, and what is for others is sent on. */
export function judgeUnpromised(
  { fate, packet }: Trace,
  state: KernelState,
  { healthCheckPorts }: NodePromises,
): Judgement | null {
  const { destination, destinationPort, protocol, source } = packet
  if (isLoopbackAddress(destination) || !clientOf(packet, undefined, state).natural) {
    if (packet.arrival.kind !== 'local' || state.isLocal(destination)) return null
  }
  const fault = (promised: string): Judgement => ({
    service: null,
    promised,
    found: describeFate(fate),
    known: null,
  })
  const isHealthCheck = protocol !== 'sctp' && healthCheckPorts.includes(destinationPort)
  if (state.node.addresses.includes(destination)) {
    if (isHealthCheck && protocol === 'tcp')
      return fate.kind === 'node' && fate.accepted ? null : fault('health checks are let in')
    if (fate.kind === 'node' && !fate.accepted) return null
    const known = isHealthCheck && fate.kind === 'node' ? 'HEALTH_CHECK_ANYWHERE' : null
    return { ...fault("the node's own programs get it, past rules of others"), known }
  }
  if (state.isLocal(destination)) {
    if (fate.kind === 'refused') return null
    const known = isHealthCheck && fate.kind === 'node' ? 'HEALTH_CHECK_ANYWHERE' : null
    return { ...fault('nobody answers, and the client is told so'), known }
  }
  if (source === destination || state.isLocal(source)) return null
  return fate.kind === 'forwarded' && !fate.masqueraded ? null : fault('sent on as it is')
}
