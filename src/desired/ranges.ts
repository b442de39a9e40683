import type { Cluster } from '../kube/cluster.ts'
import { clusterIPsOf } from '../kube/defaults.ts'
import type { Container, Pod } from '../kube/types.ts'
import {
  addressBits,
  canonicalAddress,
  familyOf,
  hostLength,
  type Network,
  networkContains,
  parseNetwork,
} from '../net/address.ts'
import type { DesiredOptions, Ranges } from './types.ts'

/** What kubeadm and kind choose where nobody says anything else. */
const USUAL_NETWORKS = ['10.96.0.0/12', 'fd00:10:96::/112'] as const
const USUAL_NODE_PORTS = '30000-32767'
/** The least that an inferred network holds: prefix lengths. */
const LEAST = { ipv4: 16, ipv6: 112 } as const

/**
 * Where cluster IPs and node ports come from: what was asked for, what the snapshot says (ServiceCIDR objects, kubeadm's
 * configuration, flags of an API server that runs as a Pod), or what the addresses in use look like.
 */
export function rangesOf(cluster: Cluster, manifests: Cluster, options: DesiredOptions): Ranges {
  const stated = networks(options.serviceCIDRs ?? [])
  const known = [
    stated,
    networks(serviceCIDRs(cluster)),
    networks((cluster.apiServers ?? []).flatMap(({ object }) => list(object.serviceSubnet))),
    networks(flags(cluster, 'service-cluster-ip-range').flatMap(list)),
  ].find((candidate) => candidate.length > 0)
  const range =
    options.nodePortRange ??
    (cluster.apiServers ?? []).map(({ object }) => object.nodePortRange).find(Boolean) ??
    flags(cluster, 'service-node-port-range')[0] ??
    USUAL_NODE_PORTS
  return {
    networks: known ?? inferred(cluster, manifests),
    nodePorts: parseRange(range) ?? (parseRange(USUAL_NODE_PORTS) as Ranges['nodePorts']),
    inferred: known === undefined,
  }
}

/** `30000-32767`, or `30000+2767` as the API server also reads it; `null` for anything else. */
export function parseRange(text: string): Ranges['nodePorts'] | null {
  const match = /^(\d{1,5})([-+])(\d{1,5})$/.exec(text.trim())
  if (match === null) return null
  const first = Number(match[1])
  const last = match[2] === '+' ? first + Number(match[3]) : Number(match[3])
  return first >= 1 && last <= 65535 && first <= last ? { first, last } : null
}

const list = (text: string | null): string[] => (text ?? '').split(',').map((part) => part.trim())

const networks = (texts: readonly string[]): Network[] => texts.flatMap((text) => parseNetwork(text) ?? [])

/** The ServiceCIDR named `kubernetes` is the one that the API server was started with: its first family is the primary one. */
function serviceCIDRs({ serviceCIDRs = [] }: Cluster): string[] {
  const ordered = [...serviceCIDRs].sort(
    (a, b) => rank(a.object.metadata.name) - rank(b.object.metadata.name),
  )
  return ordered.flatMap(({ object }) => object.spec?.cidrs ?? [])
}

const rank = (name: string): number => (name === 'kubernetes' ? 0 : 1)

/** Values of a flag of Pods that run an API server. */
function flags({ pods = [] }: Cluster, name: string): string[] {
  const prefix = `--${name}=`
  return pods
    .filter(({ object }) => isApiServer(object))
    .flatMap(({ object }) => object.spec?.containers ?? [])
    .flatMap(({ command, args }: Container) => [...(command ?? []), ...(args ?? [])])
    .flatMap((word) => (word.startsWith(prefix) ? [word.slice(prefix.length)] : []))
}

const isApiServer = ({ metadata }: Pod): boolean =>
  metadata.namespace === 'kube-system' && metadata.name.startsWith('kube-apiserver')

/** The usual network where it holds every address in use; else the least that does. */
function inferred({ services: live, nodes }: Cluster, manifests: Cluster): Network[] {
  const isStated = ({ assumed = [] }: Cluster['services'][number]): boolean =>
    !assumed.some(([, field]) => field === 'clusterIPs')
  const services = [...live, ...manifests.services].filter(isStated)
  const inUse = services
    .flatMap(({ object }) => clusterIPsOf(object.spec ?? {}))
    .flatMap((text) => canonicalAddress(text) ?? [])
  const primary = primaryFamily(services)
  const podNetworks = nodes.flatMap(({ object }) => object.spec?.podCIDRs ?? [])
  const isDual = inUse.length === 0 || podNetworks.some((text) => text.includes(':') !== (primary === 'ipv6'))
  return ([primary, primary === 'ipv4' ? 'ipv6' : 'ipv4'] as const).flatMap((family, index) => {
    const addresses = inUse.filter((address) => familyOf(address) === family)
    if (addresses.length === 0 && index > 0 && !isDual) return []
    const usual = USUAL_NETWORKS.map((text) => parseNetwork(text) as Network).find(
      (network) => network.family === family,
    ) as Network
    if (addresses.every((address) => networkContains(usual, address))) return [usual]
    return [leastNetwork(addresses)]
  })
}

function primaryFamily(services: Cluster['services']): 'ipv4' | 'ipv6' {
  const families = services
    .map(({ object }) => clusterIPsOf(object.spec ?? {})[0])
    .filter(Boolean) as string[]
  const ipv6 = families.filter((address) => address.includes(':')).length
  return ipv6 > families.length - ipv6 ? 'ipv6' : 'ipv4'
}

function leastNetwork(addresses: readonly string[]): Network {
  const family = familyOf(addresses[0] as string)
  const bits = addresses.map(addressBits)
  let prefixLength: number = LEAST[family]
  const shift = (length: number): bigint => BigInt(hostLength(family) - length)
  while (
    prefixLength > 0 &&
    bits.some((other) => other >> shift(prefixLength) !== (bits[0] as bigint) >> shift(prefixLength))
  )
    prefixLength--
  return { family, prefixLength, bits: ((bits[0] as bigint) >> shift(prefixLength)) << shift(prefixLength) }
}
