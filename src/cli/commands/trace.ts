import { EXIT, UsageError } from '../../host/exit.ts'
import { PROTOCOLS, type Protocol } from '../../kernel/protocols.ts'
import type { Cluster } from '../../kube/cluster.ts'
import { fullName } from '../../kube/names.ts'
import { canonicalAddress, familyOf } from '../../net/address.ts'
import { type Client, nodeClient, outsideClient, podClient } from '../../proof/clients.ts'
import { follow } from '../../proof/follow.ts'
import { isPodOf } from '../../proof/network.ts'
import { notesOn } from '../../proof/notes.ts'
import { packetFamily } from '../../proof/packet.ts'
import type { ServicePromise } from '../../proof/promises.ts'
import { kernelState } from '../../proof/state.ts'
import { podAddresses } from '../../proof/subject.ts'
import { formatTrace, formatTraces, type NotedTrace, verdict } from '../../proof/traceText.ts'
import type { Hop } from '../../proof/walk.ts'
import type { Console } from '../console.ts'
import type { TraceOptions } from '../options.ts'
import { print, printJson } from '../terminal.ts'
import { type NodeSubject, ownersOf, payloadsOf, readSubject, readSubjects } from './proofSubject.ts'

/** `ipvsc trace`: what becomes of a packet, hop by hop; with two states before and after. */
export async function traceState(
  reference: string,
  second: string | undefined,
  options: TraceOptions,
  console: Console,
): Promise<number> {
  if (second !== undefined) return traceBoth([reference, second], options, console)
  const subject = await readSubject(reference, options, console)
  if (subject === null) return EXIT.input
  const traced = traceOn(subject, targetOn(subject, options.to), options)
  if (options.output === 'json') printJson({ version: 1, node: subject.node, ...traceData(traced) })
  else print(formatTrace(traced.trace, traced.notes))
  return EXIT.done
}

async function traceBoth(
  references: readonly [string, string],
  options: TraceOptions,
  console: Console,
): Promise<number> {
  const subjects = await readSubjects(references, options, console)
  if (subjects === null) return EXIT.input
  const targets = targetsOn(subjects, options.to)
  const [before, after] = subjects.map((subject, index) =>
    traceOn(subject, targets[index] as Target, options),
  ) as [NotedTrace, NotedTrace]
  if (options.output === 'json')
    printJson({
      version: 1,
      node: subjects[0].node,
      before: traceData(before),
      after: traceData(after),
    })
  else print(formatTraces(before, after))
  return EXIT.done
}

/** A Service that only one of two states has is looked for at the address that it has there. */
function targetsOn([before, after]: readonly [NodeSubject, NodeSubject], to: string): [Target, Target] {
  const found = [before, after].map((subject) => {
    try {
      return targetOn(subject, to)
    } catch (error) {
      if (error instanceof UsageError) return error
      throw error
    }
  })
  const [first] = found.filter((one): one is Target => !(one instanceof UsageError))
  if (first === undefined) throw found[0]
  return found.map((one) => (one instanceof UsageError ? first : one)) as [Target, Target]
}

const targetOn = ({ promises }: NodeSubject, to: string): Target => parseTarget(to, promises.services)

function traceOn(subject: NodeSubject, target: Target, { from }: TraceOptions): NotedTrace {
  const { source, arrival } = parseClient(from, target.destination, subject)
  if (familyOf(source) !== familyOf(target.destination))
    throw new UsageError(`--from ${source} and ${target.destination} are of different families`)
  const { plan, network, state } = subject
  return {
    trace: follow(kernelState(plan, network), { ...target, source, arrival }),
    notes: notesOn(plan, payloadsOf(state), ownersOf(state, subject.from)),
  }
}

/** A trace for programs, each hop with where it stands and who asked for it. */
function traceData({ trace: { packet, fate, hops }, notes }: NotedTrace): object {
  const noted = (hop: Hop) => ({
    ...hop,
    place: notes.ruleAt(packetFamily(packet), hop.table, hop.chain, hop.number),
    owners: hop.entries.map(notes.ownerOfEntry),
  })
  const told =
    fate.kind !== 'served'
      ? fate
      : { ...fate, servers: fate.servers.map((one) => ({ ...one, hops: one.hops.map(noted) })) }
  return { packet, verdict: verdict(fate), fate: told, hops: hops.map(noted) }
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
