import { PROTOCOLS, type Protocol } from '../kernel/protocols.ts'
import type { Cluster } from '../kube/cluster.ts'
import { fullName } from '../kube/names.ts'
import { canonicalAddress, familyOf, parseNetwork } from '../net/address.ts'
import { type Client, nodeClient, outsideClient, outsideClients, podClient } from './clients.ts'
import { isPodOf, type NodeNetwork } from './network.ts'
import type { Packet } from './packet.ts'
import type { NodePromises, ServicePromise } from './promises.ts'
import { podAddresses } from './subject.ts'

/** Packets as people ask for them: from whom, to what. */

/** A client or a target that is not understood, or that the inputs do not hold. */
export class AskError extends Error {
  readonly field: 'from' | 'to'
  constructor(field: 'from' | 'to', message: string) {
    super(message)
    this.field = field
  }
}

/** What a client is looked for in. */
export interface AskedOf {
  readonly network: NodeNetwork
  readonly cluster: Cluster
  readonly promises: NodePromises
}

/** The first packet of a client to a target. Throws an AskError. */
export function askedPacket(from: string, target: Target, of: AskedOf): Packet {
  const { source, arrival } = parseClient(from, target.destination, of)
  if (familyOf(source) !== familyOf(target.destination))
    throw new AskError('from', `${source} and ${target.destination} are of different families`)
  return { ...target, source, arrival }
}

export interface Target {
  readonly protocol: Protocol
  readonly destination: string
  readonly destinationPort: number
}

/** `10.0.0.1:80`, `[fd00::1]:53/udp`, or `svc:shop/cart` with a port's name or number behind a colon. */
export function parseTarget(text: string, promises: readonly ServicePromise[]): Target {
  if (text.startsWith('svc:')) return serviceTarget(text, promises)
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})(?:\/(\w+))?$/.exec(text)
  const destination = canonicalAddress(match?.[1] ?? match?.[2] ?? '')
  const protocol = (match?.[4] ?? 'tcp').toLowerCase() as Protocol
  const port = Number(match?.[3])
  if (destination === null || !PROTOCOLS.includes(protocol) || !(port >= 1 && port <= 65535))
    throw new AskError('to', `${text}: it takes ADDRESS:PORT[/tcp|udp|sctp] or svc:NAMESPACE/NAME[:PORT]`)
  return { protocol, destination, destinationPort: port }
}

function serviceTarget(text: string, promises: readonly ServicePromise[]): Target {
  const [, name = '', port] = text.split(':')
  const own = promises.filter(({ service, by }) => by === 'clusterIP' && service === name)
  if (own.length === 0) throw new AskError('to', `${text}: the inputs hold no such Service with a cluster IP`)
  const chosen = own.filter(
    (promise) => port === undefined || promise.portName === port || String(promise.port) === port,
  )
  const [first] = chosen
  const names = [...new Set(own.map((promise) => promise.portName || String(promise.port)))].join(', ')
  if (first === undefined) throw new AskError('to', `${text}: the Service has no such port; it has ${names}`)
  if (port === undefined && names.includes(',')) throw new AskError('to', `${text}: say which port: ${names}`)
  return { protocol: first.protocol, destination: first.address, destinationPort: first.port }
}

/** `node`, `outside`, `pod:shop/web-1`, or an address: the node's own, of a pod on it, or of somebody outside. */
function parseClient(text: string, destination: string, of: AskedOf): Client {
  const { network, cluster } = of
  if (text === 'node') return nodeClient(destination)
  if (text === 'outside') return somebodyOutside(destination, of)
  const source = text.startsWith('pod:') ? podSource(text, destination, cluster) : canonicalAddress(text)
  if (source === null)
    throw new AskError('from', `${text}: it takes node, outside, pod:NAMESPACE/NAME, or an address`)
  if (network.addresses.includes(source)) return { ...nodeClient(source), source }
  return isPodOf(network, source) ? podClient(source) : outsideClient(source)
}

function podSource(text: string, destination: string, { pods }: Cluster): string {
  const name = text.slice('pod:'.length)
  if (pods === undefined) throw new AskError('from', `${text}: the inputs hold no Pods; give its address`)
  const pod = pods.find(({ object }) => fullName(object) === name)
  if (pod === undefined) throw new AskError('from', `${text}: the inputs hold no such Pod`)
  const address = podAddresses(pod.object).find((candidate) => familyOf(candidate) === familyOf(destination))
  if (address === undefined)
    throw new AskError('from', `${text}: the Pod has no ${familyOf(destination)} address`)
  return address
}

/** An address that the node does not know, and that no source range holds where one is left. */
function somebodyOutside(destination: string, { network, promises }: AskedOf): Client {
  const ranges = new Set(promises.services.flatMap(({ sourceRanges }) => sourceRanges ?? []))
  const networks = [...ranges].flatMap((text) => parseNetwork(text) ?? [])
  const family = familyOf(destination)
  const ofFamily = networks.filter((range) => range.family === family)
  const client = outsideClients(family, ofFamily, network).at(-1)
  if (client === undefined) throw new AskError('from', 'outside: no address is left outside of this node')
  return client
}
