import type { ProxyConfig } from '../config/types.ts'
import { networkContains } from '../net/address.ts'
import type { Family } from '../net/family.ts'
import type { NodeFacts } from './facts.ts'

/** The addresses of the node that node ports are served on, in one family. */
export function nodePortAddressesOf(
  family: Family,
  { nodePortAddresses }: ProxyConfig,
  node: NodeFacts,
): string[] {
  if (nodePortAddresses === 'primary') {
    const primary = node.primary[family]
    return primary === null ? [] : [primary]
  }
  const ofFamily = node.addresses.filter((address) => (address.includes(':') ? 'ipv6' : 'ipv4') === family)
  const networks = nodePortAddresses.filter((network) => network.family === family)
  if (networks.length === 0) return ofFamily
  return ofFamily.filter((address) => networks.some((network) => networkContains(network, address)))
}
