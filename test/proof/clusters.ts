import { DEFAULT_CONFIG, type ProxyConfig } from '../../src/config/types.ts'
import type { Cluster, CompileOptions } from '../../src/index.ts'
import type { Sourced } from '../../src/kube/cluster.ts'
import type { EndpointSlice, Node, Service, SliceEndpoint } from '../../src/kube/types.ts'
import { type Network, parseNetwork } from '../../src/net/address.ts'
import { FAMILIES, type Family } from '../../src/net/family.ts'

/** Clusters drawn at random, with all that the compiler makes rules of. */

export type Random = () => number

const oneOf = <T>(random: Random, values: readonly T[]): T =>
  values[Math.floor(random() * values.length)] as T
const network = (text: string): Network => parseNetwork(text) as Network

export const NODES = ['node-1', 'node-2', 'node-3'] as const
type NodeName = (typeof NODES)[number]

/** Addresses of node `n`, counted from 1: itself, its bridge, its pods. */
const nodeAddress = (family: Family, n: number): string =>
  family === 'ipv4' ? `192.168.0.${n}` : `fd00:192::${n}`
const secondAddress = (family: Family, n: number): string =>
  family === 'ipv4' ? `172.16.5.${n}` : `fd00:172:16::${n}`
const podNetwork = (family: Family, n: number): string =>
  family === 'ipv4' ? `10.0.${n}.0/24` : `fd00:10:0:${n}::/64`
const podAddress = (family: Family, n: number, pod: number): string =>
  family === 'ipv4' ? `10.0.${n}.${10 + pod}` : `fd00:10:0:${n}::${10 + pod}`

const sourced = <T>(object: T): Sourced<T> => ({
  object,
  origin: { source: 'random', document: 0, path: [] },
})

function node(n: number): Node {
  return {
    kind: 'Node',
    metadata: { name: `node-${n}`, labels: { 'topology.kubernetes.io/zone': n === 3 ? 'zone-b' : 'zone-a' } },
    spec: { podCIDRs: FAMILIES.map((family) => podNetwork(family, n)) },
    status: {
      addresses: FAMILIES.flatMap((family) => [
        { type: 'InternalIP', address: nodeAddress(family, n) },
        { type: 'ExternalIP', address: secondAddress(family, n) },
      ]),
      capacity: { cpu: '4' },
      nodeInfo: { kernelVersion: '6.1.0' },
    },
  }
}

interface Addresses {
  readonly clusterIP: string
  readonly externalIP: string
  readonly vip: string
}

const addressesOf = (family: Family, number: number): Addresses =>
  family === 'ipv4'
    ? {
        clusterIP: `172.30.0.${40 + number}`,
        externalIP: `192.168.99.${10 + number}`,
        vip: `5.5.5.${5 + number}`,
      }
    : {
        clusterIP: `fd00:30::${40 + number}`,
        externalIP: `fd00:99::${10 + number}`,
        vip: `fd00:5::${5 + number}`,
      }

function randomService(random: Random, number: number, families: readonly Family[]): Service {
  const type = oneOf(random, ['ClusterIP', 'NodePort', 'LoadBalancer', 'LoadBalancer'] as const)
  const protocols = (['TCP', 'UDP', 'SCTP'] as const).filter((one) => one === 'TCP' || random() < 0.5)
  const external = random() < 0.5
  const isOutside = type !== 'ClusterIP' || external
  const policy = isOutside ? oneOf(random, ['Cluster', 'Local'] as const) : 'Cluster'
  const own = families.map((family) => addressesOf(family, number))
  const sticky = random() < 0.25
  return {
    kind: 'Service',
    metadata: { name: `web-${number}`, namespace: 'default', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: {
      type,
      clusterIP: own[0]?.clusterIP as string,
      clusterIPs: own.map(({ clusterIP }) => clusterIP),
      ports: protocols.map((protocol, index) => ({
        name: protocol.toLowerCase(),
        protocol,
        port: 80 + index,
        ...(type === 'ClusterIP' ? {} : { nodePort: 30000 + 10 * number + index }),
      })),
      externalIPs: external ? own.map(({ externalIP }) => externalIP) : [],
      internalTrafficPolicy: oneOf(random, ['Cluster', 'Cluster', 'Local'] as const),
      ...(isOutside ? { externalTrafficPolicy: policy } : {}),
      ...(sticky
        ? {
            sessionAffinity: 'ClientIP' as const,
            sessionAffinityConfig: { clientIP: { timeoutSeconds: 600 + number } },
          }
        : {}),
      ...(type === 'LoadBalancer' && policy === 'Local' ? { healthCheckNodePort: 32000 + number } : {}),
      ...(type === 'LoadBalancer' && random() < 0.6
        ? { loadBalancerSourceRanges: families.flatMap((family) => sourceRanges(random, family)) }
        : {}),
    },
    status: type === 'LoadBalancer' ? { loadBalancer: { ingress: own.map(({ vip }) => ({ ip: vip })) } } : {},
  }
}

function sourceRanges(random: Random, family: Family): string[] {
  const all =
    family === 'ipv4'
      ? ['203.0.113.0/24', '203.0.113.64/26', '10.0.0.0/16', '192.168.0.1/32', '0.0.0.0/0']
      : ['2001:db8:1::/48', '2001:db8:1:2::/64', 'fd00:10::/32', 'fd00:192::1/128', '::/0']
  return all.filter((_, index) => index === 0 || random() < (index === 4 ? 0.1 : 0.35))
}

/** Slices of a Service: pods of all nodes, one in the network of a node at times, ready or not. */
function randomSlices(
  random: Random,
  { metadata, spec }: Service,
  families: readonly Family[],
  number: number,
): EndpointSlice[] {
  const hinted = random() < 0.2
  const pods = NODES.flatMap((nodeName, index) =>
    [0, 1].filter(() => random() < 0.55).map((pod) => ({ nodeName, n: index + 1, pod: 4 * number + pod })),
  )
  const onHost = random() < 0.3
  return families.map((family) => ({
    kind: 'EndpointSlice',
    metadata: {
      name: `${metadata.name}-${family}`,
      namespace: 'default',
      labels: { 'kubernetes.io/service-name': metadata.name },
    },
    addressType: family === 'ipv4' ? 'IPv4' : 'IPv6',
    endpoints: [
      ...pods.map(({ nodeName, n, pod }): SliceEndpoint => {
        const state = random()
        return {
          addresses: [podAddress(family, n, pod)],
          nodeName,
          conditions:
            state < 0.75
              ? { ready: true }
              : state < 0.9
                ? { ready: false, serving: true, terminating: true }
                : { ready: false },
          ...(hinted ? { hints: { forZones: [{ name: n === 3 ? 'zone-b' : 'zone-a' }] } } : {}),
        }
      }),
      ...(onHost && !hinted
        ? [
            {
              addresses: [nodeAddress(family, 1)],
              nodeName: 'node-1' as NodeName,
              conditions: { ready: true },
            },
          ]
        : []),
    ],
    ports: (spec?.ports ?? []).map(({ name, protocol }) => ({
      name: name ?? '',
      protocol: protocol ?? 'TCP',
      port: 8080,
    })),
  }))
}

/** What kube-proxy may be told: how pods are known, who is masqueraded, where node ports are. */
export function randomConfig(random: Random): ProxyConfig {
  const detectLocal = oneOf(random, [
    { mode: 'ClusterCIDR' },
    { mode: 'ClusterCIDR' },
    { mode: 'NodeCIDR' },
    { mode: 'BridgeInterface', interface: 'cni0' },
    { mode: 'InterfaceNamePrefix', prefix: 'veth' },
  ] as const)
  return {
    ...DEFAULT_CONFIG,
    detectLocal,
    clusterCIDRs: random() < 0.5 ? [network('10.0.0.0/16'), network('fd00:10::/32')] : [],
    masqueradeAll: random() < 0.2,
    masqueradeBit: oneOf(random, [14, 14, 3]),
    strictARP: random() < 0.5,
    nodePortAddresses: oneOf(random, [
      [],
      [network('192.168.0.0/16'), network('fd00:192::/64')],
      'primary',
    ] as const),
    scheduler: oneOf(random, ['rr', 'wrr', 'sh', 'lc'] as const),
  }
}

export interface RandomCase {
  readonly cluster: Cluster
  readonly options: CompileOptions
}

/** A cluster of some Services in one family or both, its configuration, and one of its nodes. */
export function randomCase(random: Random, services = 4): RandomCase {
  const objects = Array.from({ length: services }, (_, number) => {
    const families = oneOf(random, [FAMILIES, FAMILIES, ['ipv4'], ['ipv6']] as const)
    const service = randomService(random, number, families)
    return { service, slices: randomSlices(random, service, families, number) }
  })
  return {
    cluster: {
      services: objects.map(({ service }) => sourced(service)),
      endpointSlices: objects.flatMap(({ slices }) => slices.map(sourced)),
      endpoints: [],
      nodes: NODES.map((_, index) => sourced(node(index + 1))),
      configurations: [],
    },
    options: { node: oneOf(random, ['node-1', 'node-1', 'node-2']), config: randomConfig(random) },
  }
}
