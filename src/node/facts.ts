import type { DetectLocal } from '../config/types.ts'
import { DUMMY_INTERFACE } from '../kernel/interfaces.ts'
import type { Sourced } from '../kube/cluster.ts'
import type { Node } from '../kube/types.ts'
import {
  canonicalAddress,
  familyOf,
  isLinkLocal,
  isLoopback,
  type Network,
  parseNetwork,
} from '../net/address.ts'
import type { Family } from '../net/family.ts'
import type { ReportedFacts } from './reportedFacts.ts'

const ZONE_LABEL = 'topology.kubernetes.io/zone'

/** What the compiler knows of the node that it compiles for. */
export interface NodeFacts {
  readonly name: string
  readonly zone: string | null
  /** The node's own address of each family. */
  readonly primary: Readonly<Record<Family, string | null>>
  /** Addresses on interfaces other than the dummy one, without loopback and IPv6 link-local ones. */
  readonly addresses: readonly string[]
  readonly podCIDRs: readonly Network[]
  /** Major and minor version of the kernel. */
  readonly kernel: readonly [major: number, minor: number] | null
  readonly cores: number | null
}

/** An address on an interface of the node, as `ip -j addr` lists it. */
export interface InterfaceAddress {
  readonly interface: string
  readonly address: string
}

export interface NodeFactsOptions {
  /** What is on the node's interfaces; `null`: the addresses in the Node's status. */
  readonly interfaceAddresses: readonly InterfaceAddress[] | null
  /** Replaces all that is known of the node's addresses; the first of a family is the primary one. */
  readonly nodeIPs: readonly string[] | null
  /** What the node itself says wins over the status of its Node. */
  readonly reported: Pick<ReportedFacts, 'kernel' | 'cores'> | null
  /** The address kube-proxy was told to bind to: it counts as the primary one of its family. */
  readonly bindAddress: string | null
}

export function nodeFacts({ object }: Sourced<Node>, options: NodeFactsOptions): NodeFacts {
  const { interfaceAddresses, nodeIPs, bindAddress, reported } = options
  const status = nodeIPs ?? statusAddresses(object)
  const primary = bindAddress === null ? status : [bindAddress, ...status]
  const onInterfaces = interfaceAddresses
    ?.filter((entry) => entry.interface !== DUMMY_INTERFACE)
    .map(({ address }) => address)
  return {
    name: object.metadata.name,
    zone: object.metadata.labels?.[ZONE_LABEL] || null,
    primary: {
      ipv4: primary.find((address) => familyOf(address) === 'ipv4') ?? null,
      ipv6: primary.find((address) => familyOf(address) === 'ipv6') ?? null,
    },
    addresses: [...new Set(nodeIPs ?? onInterfaces ?? status)].filter(isNodeAddress),
    podCIDRs: podCIDRs(object),
    kernel: kernelVersion(reported?.kernel ?? object.status?.nodeInfo?.kernelVersion),
    cores: plausible(reported?.cores ?? cores(object)),
  }
}

const isNodeAddress = (address: string): boolean =>
  !isLoopback(address) && !(familyOf(address) === 'ipv6' && isLinkLocal(address))

/** The Node's addresses that are IP addresses: InternalIPs first, then ExternalIPs, each in its order. */
function statusAddresses({ status }: Node): string[] {
  const ofType = (wanted: string): string[] =>
    (status?.addresses ?? []).flatMap(({ type, address }) =>
      type === wanted ? (canonicalAddress(address) ?? []) : [],
    )
  return [...ofType('InternalIP'), ...ofType('ExternalIP')]
}

function podCIDRs({ spec }: Node): Network[] {
  const texts = spec?.podCIDRs?.length ? spec.podCIDRs : spec?.podCIDR ? [spec.podCIDR] : []
  return texts.flatMap((text) => parseNetwork(text) ?? [])
}

function kernelVersion(release: string | null | undefined): NodeFacts['kernel'] {
  const match = /^(\d+)\.(\d+)/.exec(release ?? '')
  return match === null ? null : [Number(match[1]), Number(match[2])]
}

/** More than any kernel can be built for; a larger number is a mistake, and no setting follows from it. */
const MOST_CORES = 65_536

const plausible = (count: number | null): number | null =>
  count !== null && count >= 1 && count <= MOST_CORES ? count : null

/** CPU capacity is a quantity: whole cores, or thousandths with an `m`. */
function cores({ status }: Node): number | null {
  const match = /^(\d+)(m?)$/.exec(String(status?.capacity?.cpu ?? ''))
  if (match === null) return null
  const count = match[2] === 'm' ? Math.ceil(Number(match[1]) / 1000) : Number(match[1])
  return count
}

/** The match of "traffic that is not local", or `null` where the detector lacks what it needs. */
export type LocalDetector =
  | { readonly kind: 'network'; readonly network: Network }
  | { readonly kind: 'interface'; readonly name: string }

/** Section 7 of the semantics. */
export function localDetector(
  family: Family,
  { detectLocal, clusterCIDRs }: { detectLocal: DetectLocal; clusterCIDRs: readonly Network[] },
  node: NodeFacts,
): LocalDetector | null {
  const network = (networks: readonly Network[]): LocalDetector | null => {
    const found = networks.find((candidate) => candidate.family === family)
    return found === undefined ? null : { kind: 'network', network: found }
  }
  const byInterface = (name: string): LocalDetector | null =>
    name === '' ? null : { kind: 'interface', name }
  switch (detectLocal.mode) {
    case 'ClusterCIDR':
      return network(clusterCIDRs)
    case 'NodeCIDR':
      return network(node.podCIDRs)
    case 'BridgeInterface':
      return byInterface(detectLocal.interface)
    case 'InterfaceNamePrefix':
      return byInterface(detectLocal.prefix === '' ? '' : `${detectLocal.prefix}+`)
  }
}
