import { emit } from '../../formats/emit.ts'
import { EXIT, UsageError } from '../../host/exit.ts'
import { PROTOCOLS, type Protocol } from '../../kernel/protocols.ts'
import type { Cluster } from '../../kube/cluster.ts'
import { fullName } from '../../kube/names.ts'
import { canonicalAddress, familyOf } from '../../net/address.ts'
import { type Client, nodeClient, outsideClient, podClient } from '../../proof/clients.ts'
import { follow } from '../../proof/follow.ts'
import { isPodOf } from '../../proof/network.ts'
import type { ServicePromise } from '../../proof/promises.ts'
import { kernelState } from '../../proof/state.ts'
import { podAddresses } from '../../proof/subject.ts'
import { formatTrace, payloadPlaces, verdict } from '../../proof/traceText.ts'
import type { Console } from '../console.ts'
import { print, printJson } from '../terminal.ts'
import { type NodeSubject, type ProofOptions, readSubject } from './proofSubject.ts'

export interface TraceOptions extends ProofOptions {
  readonly from: string
  readonly to: string
}

/** `ipvsc trace`: what becomes of a packet, hop by hop. */
export async function traceState(
  reference: string,
  options: TraceOptions,
  console: Console,
): Promise<number> {
  const subject = await readSubject(reference, options, console)
  if (subject === null) return EXIT.input
  const target = parseTarget(options.to, subject.promises)
  const client = parseClient(options.from, target.destination, subject)
  const { source, arrival } = client
  if (familyOf(source) !== familyOf(target.destination))
    throw new UsageError(`--from ${source} and --to ${target.destination} are of different families`)
  const { plan } = subject
  const trace = follow(kernelState(plan, subject.network), { ...target, source, arrival })
  const { packet, fate, hops } = trace
  if (options.output === 'json')
    printJson({ version: 1, node: subject.node, packet, verdict: verdict(fate), fate, hops })
  else print(formatTrace(trace, payloadPlaces(emit(plan))))
  return EXIT.done
}

interface Target {
  readonly protocol: Protocol
  readonly destination: string
  readonly destinationPort: number
}

/** `10.0.0.1:80`, `[fd00::1]:53/udp`, or `svc:shop/cart` with a port's name or number behind a colon. */
function parseTarget(text: string, promises: readonly ServicePromise[]): Target {
  if (text.startsWith('svc:')) return serviceTarget(text, promises)
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})(?:\/(\w+))?$/.exec(text)
  const destination = canonicalAddress(match?.[1] ?? match?.[2] ?? '')
  const protocol = (match?.[4] ?? 'tcp').toLowerCase() as Protocol
  const port = Number(match?.[3])
  if (destination === null || !PROTOCOLS.includes(protocol) || !(port >= 1 && port <= 65535))
    throw new UsageError(`--to ${text}: it takes ADDRESS:PORT[/tcp|udp|sctp] or svc:NAMESPACE/NAME[:PORT]`)
  return { protocol, destination, destinationPort: port }
}

function serviceTarget(text: string, promises: readonly ServicePromise[]): Target {
  const [, name = '', port] = text.split(':')
  const own = promises.filter(({ service, by }) => by === 'clusterIP' && service === name)
  if (own.length === 0)
    throw new UsageError(`--to ${text}: the inputs hold no such Service with a cluster IP`)
  const chosen = own.filter(
    (promise) => port === undefined || promise.portName === port || String(promise.port) === port,
  )
  const [first] = chosen
  const names = [...new Set(own.map((promise) => promise.portName || String(promise.port)))].join(', ')
  if (first === undefined) throw new UsageError(`--to ${text}: the Service has no such port; it has ${names}`)
  if (port === undefined && names.includes(','))
    throw new UsageError(`--to ${text}: say which port: ${names}`)
  return { protocol: first.protocol, destination: first.address, destinationPort: first.port }
}

/** `node`, `pod:shop/web-1`, or an address: the node's own, of a pod on it, or of somebody outside. */
function parseClient(text: string, destination: string, { network, cluster }: NodeSubject): Client {
  if (text === 'node') return nodeClient(destination)
  const source = text.startsWith('pod:') ? podSource(text, destination, cluster) : canonicalAddress(text)
  if (source === null)
    throw new UsageError(`--from ${text}: it takes node, pod:NAMESPACE/NAME, or an address`)
  if (network.addresses.includes(source)) return { ...nodeClient(source), source }
  return isPodOf(network, source) ? podClient(source) : outsideClient(source)
}

function podSource(text: string, destination: string, { pods }: Cluster): string {
  const name = text.slice('pod:'.length)
  if (pods === undefined) throw new UsageError(`--from ${text}: the inputs hold no Pods; give its address`)
  const pod = pods.find(({ object }) => fullName(object) === name)
  if (pod === undefined) throw new UsageError(`--from ${text}: the inputs hold no such Pod`)
  const address = podAddresses(pod.object).find((candidate) => familyOf(candidate) === familyOf(destination))
  if (address === undefined)
    throw new UsageError(`--from ${text}: the Pod has no ${familyOf(destination)} address`)
  return address
}
