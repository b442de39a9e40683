import {
  formatNetwork,
  hostLength,
  type Network,
  networkContains,
  parseIPv4,
  parseNetwork,
} from '../net/address.ts'
import type { NodeFacts } from '../node/facts.ts'

/** What the model has to know of a node besides its plan: which addresses are its own, and where pods are. */
export interface NodeNetwork {
  readonly name: string
  /** On any interface but the dummy one, loopback left out. */
  readonly addresses: readonly string[]
  /** Networks of the pods of this node. */
  readonly podNetworks: readonly Network[]
  /** Pods outside of those networks, such as those in the network of the node. */
  readonly pods: ReadonlySet<string>
}

/** The network of a node from what the compiler knows of it; `pods` are addresses of endpoints that are on it. */
export const networkOf = (
  { name, addresses, podCIDRs }: Pick<NodeFacts, 'name' | 'addresses' | 'podCIDRs'>,
  pods: Iterable<string> = [],
): NodeNetwork => ({ name, addresses, podNetworks: podCIDRs, pods: new Set(pods) })

export const isLoopbackAddress = (address: string): boolean =>
  address.includes(':') ? address === '::1' : address.startsWith('127.')

/** Whether what is sent to the address stays on this node: one of its own, or of a pod of it. */
export const isOnNode = (node: NodeNetwork, address: string): boolean =>
  node.addresses.includes(address) || isPodOf(node, address)

export const isPodOf = ({ podNetworks, pods }: NodeNetwork, address: string): boolean =>
  pods.has(address) || podNetworks.some((network) => holds(network, address))

/** The network of one host. */
export const hostNetwork = (address: string): string =>
  formatNetwork(parseNetwork(`${address}/${hostLength(address.includes(':') ? 'ipv6' : 'ipv4')}`) as Network)

/** Whether a network holds an address, without big numbers where it is of IPv4: this is asked for every packet. */
export function holds(network: Network, address: string): boolean {
  if (network.family === 'ipv6') return networkContains(network, address)
  if (address.includes(':')) return false
  const shift = 32 - network.prefixLength
  return shift === 32 || parseIPv4(address) >>> shift === Number(network.bits) >>> shift
}
