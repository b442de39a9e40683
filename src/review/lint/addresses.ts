import type { JsonPath } from '../../diagnostics/diagnostics.ts'
import type { Sourced } from '../../kube/cluster.ts'
import { fullName } from '../../kube/names.ts'
import type { Service } from '../../kube/types.ts'
import { formatNetwork, type Network, networkContains } from '../../net/address.ts'
import type { ServicePort } from '../../resolve/types.ts'

/** An address of a Service besides its cluster IP, once however many ports it has. */
export interface ExternalAddress {
  readonly service: Sourced<Service>
  readonly name: string
  readonly address: string
  readonly path: JsonPath
  readonly by: 'external IP' | 'load balancer address'
}

export function externalAddresses(ports: readonly ServicePort[]): ExternalAddress[] {
  const found = new Map<string, ExternalAddress>()
  for (const { service, externalIPs, loadBalancerVIPs } of ports) {
    if (externalIPs.length + loadBalancerVIPs.length === 0) continue
    const name = fullName(service.object)
    const add = (by: ExternalAddress['by'], { address, path }: ServicePort['clusterIP']): unknown =>
      found.set(`${name} ${path.join('.')}`, { service, name, address, path, by })
    for (const field of externalIPs) add('external IP', field)
    for (const field of loadBalancerVIPs) add('load balancer address', field)
  }
  return [...found.values()]
}

export interface ClusterAddress {
  readonly service: Sourced<Service>
  readonly name: string
  readonly address: string
  readonly path: JsonPath
}

export function clusterAddresses(ports: readonly ServicePort[]): ClusterAddress[] {
  const found = new Map<string, ClusterAddress>()
  for (const { service, clusterIP } of ports) {
    const name = fullName(service.object)
    found.set(`${name} ${clusterIP.address}`, { service, name, ...clusterIP })
  }
  return [...found.values()]
}

export const isInside = (networks: readonly Network[], address: string): boolean =>
  networks.some((network) => networkContains(network, address))

/** Whether all of a network lies in one of several. */
export const isCovered = (networks: readonly Network[], inner: Network): boolean =>
  networks.some(
    (outer) =>
      outer.family === inner.family &&
      outer.prefixLength <= inner.prefixLength &&
      outer.bits >> BigInt(bitsOf(outer) - outer.prefixLength) ===
        inner.bits >> BigInt(bitsOf(outer) - outer.prefixLength),
  )

const bitsOf = ({ family }: Network): number => (family === 'ipv4' ? 32 : 128)

export const networkList = (networks: readonly Network[]): string =>
  networks.length === 0 ? 'no network' : networks.map(formatNetwork).join(', ')
