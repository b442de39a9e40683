import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { canonicalAddress, parseNetwork } from '../../src/net/address.ts'
import { type Client, nodeClient, outsideClient, podClient } from '../../src/proof/clients.ts'
import { type Fate, follow, type Served } from '../../src/proof/follow.ts'
import { networkOf } from '../../src/proof/network.ts'
import { type KernelState, kernelState } from '../../src/proof/state.ts'
import { SEED, THOROUGH } from '../support/sample.ts'
import { randomNumbers } from '../support/shuffle.ts'
import { clusterWith, planFor } from './harness/cluster.ts'
import { kernelTest } from './harness/lab.ts'
import { ADDRESS, type ClusterNetwork } from './harness/network.ts'
import { type FamilyName, NODE1_ADDRESSES, type ServiceOptions } from './harness/objects.ts'
import { oneOf, type Random, randomService, serviceAddresses } from './harness/randomCluster.ts'
import type { Answer, Host, Transport } from './harness/traffic.ts'

/**
 * The model of the kernel and the kernel, asked the same: random clusters, random clients, every kind of address and port. They
 * agree on whether a request is answered, how it is refused, by whom it is answered, and which client the server sees.
 */

const test = suite('modelAgrees')

const CLUSTERS = THOROUGH ? 24 : 6
const REQUESTS = 45
const SERVICES = 4

/** Where a request comes from, as the model and the lab call it. */
interface Asker {
  readonly host: keyof ClusterNetwork
  readonly source: string | undefined
  readonly client: Client
}

interface Request {
  readonly asker: Asker
  readonly transport: Exclude<Transport, 'http'>
  readonly address: string
  readonly port: number
}

function randomAsker(random: Random, family: FamilyName, address: string, isNodes: boolean): Asker {
  const hosts = ['node1', 'podA', 'podB', 'client', 'client2', 'client3'] as const
  // The pod of the other node has no way to a Service but by the addresses of this node.
  const host = oneOf(random, isNodes ? [...hosts, 'podC' as const] : hosts)
  const source = ADDRESS[host][family]
  if (host === 'node1') return { host, source: undefined, client: nodeClient(address) }
  if (host === 'podA' || host === 'podB') return { host, source: undefined, client: podClient(source) }
  if (host === 'podC') return { host, source: undefined, client: outsideClient(source) }
  return { host: 'client', source, client: outsideClient(source) }
}

function randomRequest(random: Random, family: FamilyName, services: readonly ServiceOptions[]): Request {
  const number = Math.floor(random() * services.length)
  const { ports, spec } = services[number] as ServiceOptions
  const { clusterIP, externalIP, vip } = serviceAddresses(family, number)
  const port = oneOf(random, ports)
  const transport = port.protocol.toLowerCase() as Request['transport']
  const isNodes = port.nodePort !== undefined && random() < 0.4
  const bound = [
    clusterIP,
    ...(spec?.externalIPs?.length ? [externalIP] : []),
    ...(spec?.type === 'LoadBalancer' ? [vip] : []),
  ]
  const address = isNodes
    ? oneOf(random, [ADDRESS.node1[family], ADDRESS.bridge1[family]])
    : oneOf(random, bound)
  const wanted = isNodes ? (port.nodePort as number) : port.port
  // A port of the node's own, at the address of a Service and at the node's; and one that nobody has.
  const asked = random() < 0.15 ? oneOf(random, [22, 9]) : wanted
  return { asker: randomAsker(random, family, address, isNodes), transport, address, port: asked }
}

const NAMES: Readonly<Record<string, string>> = { podA: 'pod-a', podB: 'pod-b', podC: 'pod-c' }

/** What a server is called, and whom it sees, as the lab tells it. */
function answerOf({ server, masqueraded, unanswered }: Served, source: string, family: FamilyName): string {
  if (unanswered !== null) return 'silence'
  const pod = Object.keys(NAMES).find((name) => ADDRESS[name as 'podA'][family] === server.address) as string
  const node = pod === 'podC' ? ADDRESS.node1[family] : ADDRESS.bridge1[family]
  return `${NAMES[pod]} sees ${masqueraded ? node : source}`
}

/** What may come of a request by the model, in the words of the lab. */
function expected(fate: Fate, { asker, transport, port }: Request, family: FamilyName): string[] {
  switch (fate.kind) {
    case 'served':
      return [...new Set(fate.servers.map((served) => answerOf(served, asker.client.source, family)))].sort()
    case 'node':
      return transport === 'tcp' && port === 22 ? [`node-1 sees ${asker.client.source}`] : ['refused']
    case 'dropped':
      return ['silence']
    default:
      return ['refused']
  }
}

/** Over SCTP the client's tool does not say why there is no answer. */
const NO_ANSWER = 'no answer'

function told(answer: Answer, { transport }: Request): string {
  if (answer.kind === 'answered')
    return `${answer.server} sees ${canonicalAddress(answer.client) ?? answer.client}`
  if (transport === 'sctp') return NO_ANSWER
  return answer.kind === 'failed' ? answer.code : answer.kind
}

const asTold = (outcome: string, { transport }: Request): string =>
  transport === 'sctp' && !outcome.includes(' sees ') ? NO_ANSWER : outcome

/** Twice as many requests as there are servers: taking turns, each gets two. */
const countFor = (fate: Fate): number => (fate.kind === 'served' ? 2 * fate.servers.length : 1)

async function disagreement(
  state: KernelState,
  hosts: ClusterNetwork,
  request: Request,
  family: FamilyName,
): Promise<string | null> {
  const { asker, transport, address, port } = request
  const { source, arrival } = asker.client
  const { fate } = follow(state, {
    protocol: transport,
    source,
    arrival,
    destination: address,
    destinationPort: port,
  })
  const options = { count: countFor(fate), ...(asker.source === undefined ? {} : { source: asker.source }) }
  const host: Host = hosts[asker.host]
  const answers = await host.ask({ transport, address, port }, options)
  const distinct = (outcomes: readonly string[]): string[] => [...new Set(outcomes)].sort()
  const kernel = distinct(answers.map((answer) => told(answer, request)))
  const model = distinct(expected(fate, request, family).map((outcome) => asTold(outcome, request)))
  if (kernel.join() === model.join()) return null
  return `${asker.host} ${source} → ${transport} ${address}:${port}: kernel ${kernel.join(', ')}; model ${model.join(', ')}`
}

/** Requests to one virtual server take turns; others run beside them. */
async function askAll(
  state: KernelState,
  hosts: ClusterNetwork,
  requests: readonly Request[],
  family: FamilyName,
): Promise<string[]> {
  const groups = new Map<string, Request[]>()
  for (const request of requests) {
    const key = `${request.transport} ${request.address} ${request.port}`
    groups.set(key, [...(groups.get(key) ?? []), request])
  }
  const found = await Promise.all(
    [...groups.values()].map(async (group) => {
      const problems: string[] = []
      for (const request of group)
        problems.push(...[await disagreement(state, hosts, request, family)].filter((text) => text !== null))
      return problems
    }),
  )
  return found.flat()
}

const CONFIGS = [
  {},
  {},
  { iptables: { masqueradeAll: true } },
  { clusterCIDR: '10.0.0.0/16,fd00:10::/32' },
] as const

for (let number = 0; number < CLUSTERS; number++) {
  const seed = SEED + number
  const family = number % 2 === 0 ? 'ipv4' : 'ipv6'
  kernelTest(
    test,
    `model and kernel agree on a random cluster (${family}, number ${number})`,
    async (lab) => {
      const random = randomNumbers(seed * 7919)
      const services = Array.from({ length: SERVICES }, (_, index) => randomService(random, family, index))
      const config = oneOf(random, CONFIGS)
      const hosts = await clusterWith(lab, { services, config })
      await hosts.node1.serve('tcp', family === 'ipv4' ? '0.0.0.0' : '::', 22)
      const plan = await planFor({ services, config })
      const podNetworks = ['10.0.0.0/24', 'fd00:10:0:1::/64'].flatMap((text) => parseNetwork(text) ?? [])
      const addresses = NODE1_ADDRESSES.map(({ address }) => address)
      const state = kernelState(plan, networkOf({ name: 'node-1', addresses, podCIDRs: podNetworks }))
      const requests = Array.from({ length: REQUESTS }, () => randomRequest(random, family, services))
      const problems = await askAll(state, hosts, requests, family)
      assert.is(
        problems.length,
        0,
        `${problems.join('\n')}\nIPVSC_SEED=${SEED} repeats it: ${JSON.stringify({ config, services })}`,
      )
    },
  )
}

test.run()
