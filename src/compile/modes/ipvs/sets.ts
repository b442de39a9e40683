import type { Protocol } from '../../../kernel/protocols.ts'
import { SET_DEFINITIONS, type SetDefinition, type SetName } from '../../../kernel/sets.ts'
import { formatNetwork, halves, type Network, networkContains } from '../../../net/address.ts'
import type { NodeFacts } from '../../../node/facts.ts'
import type { IpPortEntry, IpPortIpEntry, IpPortNetEntry, PortEntry, SetEntry } from '../../../plan/types.ts'
import type { Endpoint, ServicePort } from '../../../resolve/types.ts'
import type { PortCondition } from './claims.ts'

/** What the sets need to know of one service port on one node. */
export interface SetContext {
  readonly servicePort: ServicePort
  readonly node: NodeFacts
  /** Local endpoints whatever their state. */
  readonly localEndpoints: readonly Endpoint[]
  /** Addresses on which the node port is served: none when it is skipped. */
  readonly nodePortAddresses: readonly string[]
}

/** What fills a set. */
export interface SetFilling {
  readonly entriesOf: (context: SetContext) => readonly SetEntry[]
  /** What the entries depend on beside the Services: nothing, whether node ports are served at all, or the node. */
  readonly varies: 'never' | 'whetherServed' | 'byNode'
  /** Ports that can have entries. Default: all. */
  readonly concerns?: PortCondition
  /** The field of the Service that asks for the entries, for the provenance. */
  readonly field: string
}

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

const isSctpNodePort = ({ protocol, nodePort }: ServicePort): boolean =>
  protocol === 'sctp' && nodePort !== null

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

/** KUBE-IPVS-IPS is filled from the bound addresses. */
const FILLINGS: Readonly<Record<SetName, SetFilling>> = {
  'KUBE-LOOP-BACK': {
    entriesOf: ({ servicePort: { protocol }, localEndpoints }) =>
      localEndpoints.map(({ address, port }) => ({ address, protocol, port, source: address })),
    field: 'endpoints',
    varies: 'byNode',
  },
  'KUBE-CLUSTER-IP': {
    entriesOf: ({ servicePort }) => atAddresses([servicePort.clusterIP], servicePort),
    field: 'spec.clusterIP',
    varies: 'never',
  },
  'KUBE-EXTERNAL-IP': {
    entriesOf: ({ servicePort }) =>
      isLocal(servicePort) ? [] : atAddresses(servicePort.externalIPs, servicePort),
    field: 'spec.externalIPs',
    varies: 'never',
  },
  'KUBE-EXTERNAL-IP-LOCAL': {
    entriesOf: ({ servicePort }) =>
      isLocal(servicePort) ? atAddresses(servicePort.externalIPs, servicePort) : [],
    field: 'spec.externalIPs',
    varies: 'never',
  },
  'KUBE-LOAD-BALANCER': {
    entriesOf: ({ servicePort }) => atAddresses(servicePort.loadBalancerVIPs, servicePort),
    field: 'status.loadBalancer.ingress',
    varies: 'never',
  },
  'KUBE-LOAD-BALANCER-LOCAL': {
    entriesOf: ({ servicePort }) =>
      isLocal(servicePort) ? atAddresses(servicePort.loadBalancerVIPs, servicePort) : [],
    field: 'spec.externalTrafficPolicy',
    varies: 'never',
  },
  'KUBE-LOAD-BALANCER-FW': {
    entriesOf: ({ servicePort }) =>
      servicePort.sourceRanges.length > 0 ? atAddresses(servicePort.loadBalancerVIPs, servicePort) : [],
    field: 'spec.loadBalancerSourceRanges',
    varies: 'never',
  },
  'KUBE-LOAD-BALANCER-SOURCE-IP': {
    entriesOf: sourceIpEntries,
    field: 'spec.loadBalancerSourceRanges',
    varies: 'byNode',
    concerns: ({ sourceRanges }) => sourceRanges.length > 0,
  },
  'KUBE-LOAD-BALANCER-SOURCE-CIDR': {
    entriesOf: sourceRangeEntries,
    field: 'spec.loadBalancerSourceRanges',
    varies: 'never',
  },
  'KUBE-NODE-PORT-TCP': {
    entriesOf: nodePorts('tcp', false),
    field: 'spec.ports.nodePort',
    varies: 'whetherServed',
  },
  'KUBE-NODE-PORT-LOCAL-TCP': {
    entriesOf: nodePorts('tcp', true),
    field: 'spec.externalTrafficPolicy',
    varies: 'whetherServed',
  },
  'KUBE-NODE-PORT-UDP': {
    entriesOf: nodePorts('udp', false),
    field: 'spec.ports.nodePort',
    varies: 'whetherServed',
  },
  'KUBE-NODE-PORT-LOCAL-UDP': {
    entriesOf: nodePorts('udp', true),
    field: 'spec.externalTrafficPolicy',
    varies: 'whetherServed',
  },
  'KUBE-NODE-PORT-SCTP-HASH': {
    entriesOf: sctpNodePorts(false),
    field: 'spec.ports.nodePort',
    varies: 'byNode',
    concerns: isSctpNodePort,
  },
  'KUBE-NODE-PORT-LOCAL-SCTP-HASH': {
    entriesOf: sctpNodePorts(true),
    field: 'spec.externalTrafficPolicy',
    varies: 'byNode',
    concerns: isSctpNodePort,
  },
  'KUBE-HEALTH-CHECK-NODE-PORT': {
    entriesOf: healthCheckEntries,
    field: 'spec.healthCheckNodePort',
    varies: 'whetherServed',
  },
  'KUBE-IPVS-IPS': {
    entriesOf: () => [],
    field: 'bound addresses',
    varies: 'byNode',
  },
}

export type FilledSet = SetDefinition & SetFilling

/** Section 4 of the semantics: each set with what fills it. */
export const FILLED_SETS: readonly FilledSet[] = SET_DEFINITIONS.map((definition) => ({
  ...definition,
  ...FILLINGS[definition.name],
}))
