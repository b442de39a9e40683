import { invariant } from '../invariant.ts'
import {
  compareAddresses,
  compareNetworks,
  formatNetwork,
  halves,
  type Network,
  networkContains,
  parseNetwork,
} from '../net/address.ts'
import type { Endpoint, ServicePort } from '../resolve/types.ts'
import type { NodeFacts } from './nodeFacts.ts'
import type {
  Family,
  IpPortEntry,
  IpPortIpEntry,
  IpPortNetEntry,
  IpSet,
  IpSetType,
  PortEntry,
  Protocol,
  SetEntry,
} from './types.ts'

/** What the sets need to know of one service port on one node. */
export interface SetContext {
  readonly servicePort: ServicePort
  readonly node: NodeFacts
  /** Local endpoints whatever their state. */
  readonly localEndpoints: readonly Endpoint[]
  /** Addresses on which the node port is served: none when it is skipped. */
  readonly nodePortAddresses: readonly string[]
}

interface SetDefinition {
  readonly name: SetName
  readonly type: IpSetType
  /** Carried by the rules that use the set. */
  readonly comment: string
  readonly entriesOf: (context: SetContext) => readonly SetEntry[]
  /** The field of the Service that asks for the entries, for the provenance. */
  readonly field: string
}

export type SetName = (typeof SET_NAMES)[number]

const SET_NAMES = [
  'KUBE-LOOP-BACK',
  'KUBE-CLUSTER-IP',
  'KUBE-EXTERNAL-IP',
  'KUBE-EXTERNAL-IP-LOCAL',
  'KUBE-LOAD-BALANCER',
  'KUBE-LOAD-BALANCER-LOCAL',
  'KUBE-LOAD-BALANCER-FW',
  'KUBE-LOAD-BALANCER-SOURCE-IP',
  'KUBE-LOAD-BALANCER-SOURCE-CIDR',
  'KUBE-NODE-PORT-TCP',
  'KUBE-NODE-PORT-LOCAL-TCP',
  'KUBE-NODE-PORT-UDP',
  'KUBE-NODE-PORT-LOCAL-UDP',
  'KUBE-NODE-PORT-SCTP-HASH',
  'KUBE-NODE-PORT-LOCAL-SCTP-HASH',
  'KUBE-HEALTH-CHECK-NODE-PORT',
  'KUBE-IPVS-IPS',
] as const

const isLocal = ({ externalPolicy }: ServicePort): boolean => externalPolicy === 'Local'

const atAddresses = (
  addresses: readonly { readonly address: string }[],
  { protocol, port }: ServicePort,
): IpPortEntry[] => addresses.map(({ address }) => ({ address, protocol, port }))

const nodePorts =
  (wanted: Protocol, onlyLocal: boolean) =>
  ({ servicePort, nodePortAddresses }: SetContext): PortEntry[] => {
    const { protocol, nodePort } = servicePort
    const applies =
      protocol === wanted && nodePortAddresses.length > 0 && (!onlyLocal || isLocal(servicePort))
    return applies && nodePort !== null ? [{ port: nodePort }] : []
  }

const sctpNodePorts =
  (onlyLocal: boolean) =>
  ({ servicePort, nodePortAddresses }: SetContext): IpPortEntry[] => {
    const { protocol, nodePort } = servicePort
    if (protocol !== 'sctp' || nodePort === null || (onlyLocal && !isLocal(servicePort))) return []
    return nodePortAddresses.map((address) => ({ address, protocol, port: nodePort }))
  }

/** A hash:ip,port,net set cannot hold a network of length 0, so everything is entered as two halves. */
const enterable = (network: Network): Network[] => (network.prefixLength === 0 ? halves(network) : [network])

function sourceIpEntries({ servicePort, node }: SetContext): IpPortIpEntry[] {
  if (!allowsNode(servicePort, node)) return []
  return atAddresses(servicePort.loadBalancerVIPs, servicePort).map((entry) => ({
    ...entry,
    source: entry.address,
  }))
}

/** Whether a source range holds the node's own address. */
export function allowsNode({ family, sourceRanges }: ServicePort, { primary }: NodeFacts): boolean {
  const address = primary[family]
  return address !== null && sourceRanges.some((network) => networkContains(network, address))
}

const sourceRangeEntries = ({ servicePort }: SetContext): IpPortNetEntry[] =>
  atAddresses(servicePort.loadBalancerVIPs, servicePort).flatMap((entry) =>
    servicePort.sourceRanges
      .flatMap(enterable)
      .map((network) => ({ ...entry, sourceRange: formatNetwork(network) })),
  )

function healthCheckEntries({ servicePort, nodePortAddresses }: SetContext): PortEntry[] {
  const { healthCheckNodePort, nodePort } = servicePort
  const skipped = nodePort !== null && nodePortAddresses.length === 0
  return healthCheckNodePort === null || skipped ? [] : [{ port: healthCheckNodePort }]
}

/** Section 4 of the semantics. KUBE-IPVS-IPS is filled from the bound addresses. */
export const SET_DEFINITIONS: readonly SetDefinition[] = [
  {
    name: 'KUBE-LOOP-BACK',
    type: 'hash:ip,port,ip',
    comment: 'Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose',
    entriesOf: ({ servicePort: { protocol }, localEndpoints }) =>
      localEndpoints.map(({ address, port }) => ({ address, protocol, port, source: address })),
    field: 'endpoints',
  },
  {
    name: 'KUBE-CLUSTER-IP',
    type: 'hash:ip,port',
    comment: 'Kubernetes service cluster ip + port for masquerade purpose',
    entriesOf: ({ servicePort }) => atAddresses([servicePort.clusterIP], servicePort),
    field: 'spec.clusterIP',
  },
  {
    name: 'KUBE-EXTERNAL-IP',
    type: 'hash:ip,port',
    comment: 'Kubernetes service external ip + port for masquerade and filter purpose',
    entriesOf: ({ servicePort }) =>
      isLocal(servicePort) ? [] : atAddresses(servicePort.externalIPs, servicePort),
    field: 'spec.externalIPs',
  },
  {
    name: 'KUBE-EXTERNAL-IP-LOCAL',
    type: 'hash:ip,port',
    comment: 'Kubernetes service external ip + port with externalTrafficPolicy=local',
    entriesOf: ({ servicePort }) =>
      isLocal(servicePort) ? atAddresses(servicePort.externalIPs, servicePort) : [],
    field: 'spec.externalIPs',
  },
  {
    name: 'KUBE-LOAD-BALANCER',
    type: 'hash:ip,port',
    comment: 'Kubernetes service lb portal',
    entriesOf: ({ servicePort }) => atAddresses(servicePort.loadBalancerVIPs, servicePort),
    field: 'status.loadBalancer.ingress',
  },
  {
    name: 'KUBE-LOAD-BALANCER-LOCAL',
    type: 'hash:ip,port',
    comment: 'Kubernetes service load balancer ip + port with externalTrafficPolicy=local',
    entriesOf: ({ servicePort }) =>
      isLocal(servicePort) ? atAddresses(servicePort.loadBalancerVIPs, servicePort) : [],
    field: 'spec.externalTrafficPolicy',
  },
  {
    name: 'KUBE-LOAD-BALANCER-FW',
    type: 'hash:ip,port',
    comment: 'Kubernetes service load balancer ip + port for load balancer with sourceRange',
    entriesOf: ({ servicePort }) =>
      servicePort.sourceRanges.length > 0 ? atAddresses(servicePort.loadBalancerVIPs, servicePort) : [],
    field: 'spec.loadBalancerSourceRanges',
  },
  {
    name: 'KUBE-LOAD-BALANCER-SOURCE-IP',
    type: 'hash:ip,port,ip',
    comment: 'Kubernetes service load balancer ip + port + source IP for packet filter purpose',
    entriesOf: sourceIpEntries,
    field: 'spec.loadBalancerSourceRanges',
  },
  {
    name: 'KUBE-LOAD-BALANCER-SOURCE-CIDR',
    type: 'hash:ip,port,net',
    comment: 'Kubernetes service load balancer ip + port + source cidr for packet filter purpose',
    entriesOf: sourceRangeEntries,
    field: 'spec.loadBalancerSourceRanges',
  },
  {
    name: 'KUBE-NODE-PORT-TCP',
    type: 'bitmap:port',
    comment: 'Kubernetes nodeport TCP port for masquerade purpose',
    entriesOf: nodePorts('tcp', false),
    field: 'spec.ports.nodePort',
  },
  {
    name: 'KUBE-NODE-PORT-LOCAL-TCP',
    type: 'bitmap:port',
    comment: 'Kubernetes nodeport TCP port with externalTrafficPolicy=local',
    entriesOf: nodePorts('tcp', true),
    field: 'spec.externalTrafficPolicy',
  },
  {
    name: 'KUBE-NODE-PORT-UDP',
    type: 'bitmap:port',
    comment: 'Kubernetes nodeport UDP port for masquerade purpose',
    entriesOf: nodePorts('udp', false),
    field: 'spec.ports.nodePort',
  },
  {
    name: 'KUBE-NODE-PORT-LOCAL-UDP',
    type: 'bitmap:port',
    comment: 'Kubernetes nodeport UDP port with externalTrafficPolicy=local',
    entriesOf: nodePorts('udp', true),
    field: 'spec.externalTrafficPolicy',
  },
  {
    name: 'KUBE-NODE-PORT-SCTP-HASH',
    type: 'hash:ip,port',
    comment: "Kubernetes nodeport SCTP port for masquerade purpose with type 'hash ip:port'",
    entriesOf: sctpNodePorts(false),
    field: 'spec.ports.nodePort',
  },
  {
    name: 'KUBE-NODE-PORT-LOCAL-SCTP-HASH',
    type: 'hash:ip,port',
    comment: "Kubernetes nodeport SCTP port with externalTrafficPolicy=local with type 'hash ip:port'",
    entriesOf: sctpNodePorts(true),
    field: 'spec.externalTrafficPolicy',
  },
  {
    name: 'KUBE-HEALTH-CHECK-NODE-PORT',
    type: 'bitmap:port',
    comment: 'Kubernetes health check node port',
    entriesOf: healthCheckEntries,
    field: 'spec.healthCheckNodePort',
  },
  {
    name: 'KUBE-IPVS-IPS',
    type: 'hash:ip',
    comment: 'Addresses on the ipvs interface',
    entriesOf: () => [],
    field: 'bound addresses',
  },
]

const LONGEST_SET_NAME = 31

/** The name that a set has in the kernel: IPv6 sets have a prefix of their own, and names have a limit. */
export const kernelSetName = (name: string, family: Family): string =>
  (family === 'ipv4' ? name : name.replace(/^KUBE-/, 'KUBE-6-')).slice(0, LONGEST_SET_NAME)

const SMALLEST_MAX_ELEMENTS = 65536
const SMALLEST_HASH_SIZE = 1024
/** Kernels differ by a few in when a set is full. */
const HEADROOM = 17 / 16
/** The kernel doubles a hash whose buckets overflow; beginning with room for eight a bucket avoids it. */
const ENTRIES_PER_BUCKET = 8

/** A set in canonical form: entries ordered, each once, sizes that hold them. */
export function buildSet(name: string, family: Family, type: IpSetType, entries: readonly SetEntry[]): IpSet {
  const distinct = distinctEntries(entries)
  if (type === 'bitmap:port')
    return { name, type, family, range: [0, 65535], entries: distinct as PortEntry[] }
  return {
    name,
    type,
    family,
    hashSize: Math.max(SMALLEST_HASH_SIZE, powerOfTwo(distinct.length / ENTRIES_PER_BUCKET)),
    maxElements: Math.max(SMALLEST_MAX_ELEMENTS, powerOfTwo(distinct.length * HEADROOM)),
    entries: distinct,
  } as IpSet
}

/** Whether a set could be full with so many more entries, which it is to hold for a while. */
export const isCrowded = (set: IpSet, more: number): boolean =>
  set.type !== 'bitmap:port' && more > 0 && (set.entries.length + more) * HEADROOM > set.maxElements

/** The smallest power of two that is not less. */
const powerOfTwo = (least: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, least)))

function distinctEntries(entries: readonly SetEntry[]): SetEntry[] {
  return [...entries]
    .sort(compareEntries)
    .filter(
      (entry, index, sorted) => index === 0 || compareEntries(sorted[index - 1] as SetEntry, entry) !== 0,
    )
}

/** Orders the entries of one set: by address, protocol, port, then source. */
export function compareEntries(a: SetEntry, b: SetEntry): number {
  return (
    compareAddresses(field(a, 'address'), field(b, 'address')) ||
    PROTOCOL_ORDER.indexOf(field(a, 'protocol')) - PROTOCOL_ORDER.indexOf(field(b, 'protocol')) ||
    ('port' in a && 'port' in b ? a.port - b.port : 0) ||
    compareAddresses(field(a, 'source'), field(b, 'source')) ||
    compareRanges(field(a, 'sourceRange'), field(b, 'sourceRange'))
  )
}

const PROTOCOL_ORDER: readonly string[] = ['', 'tcp', 'udp', 'sctp']

const field = (entry: SetEntry, name: string): string =>
  ((entry as unknown as Record<string, unknown>)[name] as string) ?? ''

function compareRanges(a: string, b: string): number {
  if (a === b) return 0
  const [first, second] = [parseNetwork(a), parseNetwork(b)]
  invariant(first !== null && second !== null, `source ranges ${a} and ${b} are networks`)
  return compareNetworks(first, second)
}
