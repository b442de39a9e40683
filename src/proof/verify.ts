import { PROTOCOLS, type Protocol } from '../kernel/protocols.ts'
import { familyOf, parseNetwork } from '../net/address.ts'
import { hostPort } from '../plan/keys.ts'
import type { Plan } from '../plan/types.ts'
import { type Client, nodeClient, outsideClients, podClient } from './clients.ts'
import { type Fate, follow, type Served, type Trace } from './follow.ts'
import { isPodOf, type NodeNetwork } from './network.ts'
import type { ServicePromise } from './promises.ts'
import { type KernelState, kernelState } from './state.ts'

/** A packet whose fate is not the one that the API promises. */
export interface Difference {
  /** `namespace/name:port`, or `null` where no Service asks for what the rules do. */
  readonly service: string | null
  readonly client: string
  /** `tcp 10.96.0.1:443`. */
  readonly target: string
  /** What was promised, and what the rules do, each in a phrase. */
  readonly promised: string
  readonly found: string
  readonly trace: Trace
  /** A deviation that IPVS mode has by nature; `null`: it is a fault. */
  readonly known: KnownDeviation | null
}

export interface Verification {
  readonly differences: readonly Difference[]
  /** Classes of packets that were followed. */
  readonly classes: number
  readonly promises: number
}

/** Where kube-proxy's IPVS mode is not what the API says, and why. */
export const KNOWN_DEVIATIONS = {
  LOCAL_STAND_IN:
    'Under a Local policy without an endpoint of its own, a node in IPVS mode hands over to those of other nodes.',
} as const
export type KnownDeviation = keyof typeof KNOWN_DEVIATIONS

/** Follows one packet of each class, and holds its fate against what the API promises. */
export function verify(plan: Plan, promises: readonly ServicePromise[], node: NodeNetwork): Verification {
  const state = kernelState(plan, node)
  const differences: Difference[] = []
  let classes = 0
  const judge = (client: Client, target: Target, judged: (trace: Trace) => Judgement | null): void => {
    classes++
    const trace = follow(state, { ...target, source: client.source, arrival: client.arrival })
    const judgement = judged(trace)
    if (judgement === null) return
    const { protocol, destination, destinationPort } = target
    differences.push({
      ...judgement,
      client: client.name,
      target: `${protocol} ${hostPort(destination, destinationPort)}`,
      trace,
    })
  }
  for (const promise of promises)
    for (const client of clientsOf(promise, state))
      judge(client, targetOf(promise), (trace) => judgePromise(promise, client, trace, state))
  for (const { client, target } of unpromised(state, promises))
    judge(client, target, (trace) => judgeUnpromised(trace))
  return { differences, classes, promises: promises.length }
}

interface Target {
  readonly protocol: Protocol
  readonly destination: string
  readonly destinationPort: number
}

interface Judgement {
  readonly service: string | null
  readonly promised: string
  readonly found: string
  readonly known: KnownDeviation | null
}

const targetOf = ({ protocol, address, port }: ServicePromise): Target => ({
  protocol,
  destination: address,
  destinationPort: port,
})

/** Whom a promise concerns: the node, a pod of it that is no server, one that is, and who is outside. */
export function clientsOf(promise: ServicePromise, { node }: KernelState): Client[] {
  const family = familyOf(promise.address)
  const own = promise.endpoints.map(addressOf).find((address) => isPodOf(node, address))
  const network = node.podNetworks.find((candidate) => candidate.family === family)
  const other = network === undefined ? null : anotherPod(network, new Set(promise.endpoints.map(addressOf)))
  const ranges = (promise.sourceRanges ?? []).flatMap((text) => parseNetwork(text) ?? [])
  return [
    nodeClient(promise.address),
    ...(other === null ? [] : [podClient(other, 'a pod of the node')]),
    ...(own === undefined ? [] : [podClient(own, 'a pod that is a server itself')]),
    // A cluster IP is promised to the cluster alone.
    ...(promise.by === 'clusterIP' ? [] : outsideClients(family, ranges, node)),
  ]
}

/** `10.0.0.1` of `10.0.0.1:80`, `fd00::1` of `[fd00::1]:80`. */
const addressOf = (endpoint: string): string =>
  endpoint.startsWith('[')
    ? endpoint.slice(1, endpoint.indexOf(']'))
    : endpoint.slice(0, endpoint.lastIndexOf(':'))

function anotherPod(network: NodeNetwork['podNetworks'][number], taken: ReadonlySet<string>): string | null {
  const candidates = outsideClients(network.family, [network], {
    name: '',
    addresses: [],
    podNetworks: [],
    pods: taken,
  })
  const source = candidates[0]?.source
  return source === undefined ||
    !isPodOf({ name: '', addresses: [], podNetworks: [network], pods: new Set() }, source)
    ? null
    : source
}

function judgePromise(
  promise: ServicePromise,
  client: Client,
  { fate }: Trace,
  state: KernelState,
): Judgement | null {
  const { service, portName, endpoints } = promise
  const fault = (promised: string, known: KnownDeviation | null = null): Judgement => ({
    service: `${service}:${portName}`,
    promised,
    found: describeFate(fate),
    known,
  })
  if (!mayAsk(promise, client, state)) return isDropped(fate) ? null : fault('dropped: not in a source range')
  if (endpoints.length === 0) return judgeNobody(promise, fate, fault)
  if (fate.kind !== 'served') return fault(`answered by ${list(endpoints)}`)
  const reached = fate.servers.map(({ server }) => hostPort(server.address, server.port)).sort()
  if (reached.join() !== [...endpoints].sort().join()) return fault(`answered by ${list(endpoints)}`)
  const silent = fate.servers.find(({ unanswered }) => unanswered !== null)
  if (silent !== undefined) return fault(`answered by ${list(endpoints)}`)
  if ((fate.virtualServer.persistence?.timeout ?? null) !== promise.affinity)
    return fault(promise.affinity === null ? 'no affinity' : `affinity for ${promise.affinity} s`)
  return keepsSource(promise, client) && fate.servers.some(({ masqueraded }) => masqueraded)
    ? fault('servers see the client')
    : null
}

/** Nobody gets it, or nobody past a rule on the way out. */
const isDropped = (fate: Fate): boolean =>
  fate.kind === 'dropped' ||
  (fate.kind === 'served' && fate.servers.every(({ unanswered }) => unanswered === 'dropped on the way out'))

/** Without a usable endpoint nobody answers; how the client is told is left open. */
function judgeNobody(
  { policy, withoutLocal, by }: ServicePromise,
  fate: Fate,
  fault: (promised: string, known?: KnownDeviation | null) => Judgement,
): Judgement | null {
  if (fate.kind === 'refused' || fate.kind === 'dropped') return null
  const standsIn = policy === 'Local' && withoutLocal && fate.kind === 'served'
  return fault(
    `nobody answers${by === 'clusterIP' ? '' : ' on this node'}`,
    standsIn ? 'LOCAL_STAND_IN' : null,
  )
}

/** Source ranges hold for everybody who comes by a load balancer's address; the node counts by its own. */
function mayAsk({ sourceRanges }: ServicePromise, { kind, source }: Client, { node }: KernelState): boolean {
  if (sourceRanges === null) return true
  const asked = kind === 'node' ? node.addresses.filter((a) => familyOf(a) === familyOf(source)) : [source]
  const networks = sourceRanges.flatMap((text) => parseNetwork(text) ?? [])
  return asked.some((address) => networks.some((network) => contains(network, address)))
}

const contains = (network: NodeNetwork['podNetworks'][number], address: string): boolean =>
  isPodOf({ name: '', addresses: [], podNetworks: [network], pods: new Set() }, address)

/** A Local policy promises that servers see who asks from outside. */
const keepsSource = ({ by, policy }: ServicePromise, { kind }: Client): boolean =>
  kind === 'outside' && by !== 'clusterIP' && policy === 'Local'

/** Ports of Services' addresses that no Service has, and virtual servers that no Service asks for. */
function unpromised(
  state: KernelState,
  promises: readonly ServicePromise[],
): { readonly client: Client; readonly target: Target }[] {
  const { plan, node } = state
  const key = ({ protocol, destination, destinationPort }: Target) =>
    `${protocol} ${destination} ${destinationPort}`
  const promised = new Set(promises.map((promise) => key(targetOf(promise))))
  const taken = new Set(plan.virtualServers.map(({ port }) => port))
  const free =
    [7, 9, 22, 65001, 65002, 65003].find((port) => !taken.has(port) && !healthCheckPorts(plan).has(port)) ??
    65004
  const others = plan.dummyInterface.addresses.flatMap((destination) =>
    PROTOCOLS.map((protocol) => ({ protocol, destination, destinationPort: free })),
  )
  const surplus = plan.virtualServers
    .map(({ protocol, address, port }) => ({ protocol, destination: address, destinationPort: port }))
    .filter((target) => !promised.has(key(target)))
  return [...others, ...surplus].flatMap((target) =>
    [nodeClient(target.destination), ...outsideClients(familyOf(target.destination), [], node)].map(
      (client) => ({
        client,
        target,
      }),
    ),
  )
}

const healthCheckPorts = ({ sets }: Plan): ReadonlySet<number> =>
  new Set(
    sets.flatMap((set) =>
      set.type === 'bitmap:port' && set.name.includes('HEALTH-CHECK')
        ? set.entries.map(({ port }) => port)
        : [],
    ),
  )

const judgeUnpromised = ({ fate }: Trace): Judgement | null =>
  fate.kind === 'refused' || fate.kind === 'dropped'
    ? null
    : { service: null, promised: 'nobody answers', found: describeFate(fate), known: null }

const list = (endpoints: readonly string[]): string =>
  endpoints.length <= 3
    ? endpoints.join(', ')
    : `${endpoints.slice(0, 3).join(', ')} and ${endpoints.length - 3} more`

/** What becomes of a packet, in a phrase. */
export function describeFate(fate: Fate): string {
  switch (fate.kind) {
    case 'served': {
      const silent = fate.servers.filter(({ unanswered }) => unanswered !== null)
      const names = list(fate.servers.map(({ server }) => hostPort(server.address, server.port)))
      if (silent.length > 0) return `handed to ${names}; ${list(silent.map(silence))}`
      const seen = fate.servers.every(({ masqueraded }) => masqueraded) ? ', which see the node' : ''
      return `answered by ${names}${seen}`
    }
    case 'refused':
      return fate.reason === 'rule' ? 'refused by a rule' : 'refused: no real server'
    case 'dropped':
      return 'dropped'
    case 'node':
      return "handed to the node's own programs"
    case 'forwarded':
      return 'forwarded: the address is not local'
  }
}

const silence = ({ server, unanswered }: Served): string =>
  `no answer from ${hostPort(server.address, server.port)} (${unanswered})`
