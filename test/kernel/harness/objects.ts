import type { EndpointSlice, KubeProxyConfiguration, Node, Service } from '../../../src/index.ts'
import { ADDRESS, type ClusterNetwork } from './network.ts'

/** Objects of the small cluster that network.ts builds. */

export type Pod = keyof Pick<ClusterNetwork, 'podA' | 'podB' | 'podC'>
export type FamilyName = 'ipv4' | 'ipv6'

const NODE_OF: Readonly<Record<Pod, string>> = { podA: 'node-1', podB: 'node-1', podC: 'node-2' }

export interface ServiceOptions {
  readonly name?: string
  readonly family: FamilyName
  readonly clusterIP: string
  readonly ports: readonly Port[]
  readonly pods: readonly Pod[]
  /** More of the Service's spec. */
  readonly spec?: Service['spec']
  readonly annotations?: Readonly<Record<string, string>>
  /** Addresses of its load balancer. */
  readonly loadBalancer?: readonly string[]
}

export interface Port {
  readonly protocol: 'TCP' | 'UDP' | 'SCTP'
  readonly port: number
  readonly nodePort?: number
}

/** Every pod serves at the same ports. */
export const TARGET_PORT = { TCP: 8080, UDP: 5353, SCTP: 9999 } as const

/** A Service and its EndpointSlice. */
export function serviceObjects(options: ServiceOptions): [Service, EndpointSlice] {
  const { name = 'web', family, clusterIP, ports, pods, spec, annotations, loadBalancer } = options
  const namespace = 'default'
  const portName = ({ protocol, port }: Port): string => `${protocol.toLowerCase()}-${port}`
  return [
    {
      kind: 'Service',
      ...{ apiVersion: 'v1' },
      metadata: {
        ...{ name, namespace, creationTimestamp: '2026-01-01T00:00:00Z' },
        ...(annotations === undefined ? {} : { annotations }),
      },
      spec: { clusterIP, ports: ports.map((port) => ({ ...port, name: portName(port) })), ...spec },
      status: { loadBalancer: { ingress: (loadBalancer ?? []).map((ip) => ({ ip })) } },
    },
    {
      kind: 'EndpointSlice',
      ...{ apiVersion: 'discovery.k8s.io/v1' },
      metadata: { name: `${name}-abcde`, namespace, labels: { 'kubernetes.io/service-name': name } },
      addressType: family === 'ipv4' ? 'IPv4' : 'IPv6',
      endpoints: pods.map((pod) => ({
        addresses: [ADDRESS[pod][family]],
        nodeName: NODE_OF[pod],
        conditions: { ready: true },
      })),
      ports: ports.map((port) => ({
        name: portName(port),
        protocol: port.protocol,
        port: TARGET_PORT[port.protocol],
      })),
    },
  ]
}

const node = (name: string, key: 'node1' | 'node2', podCIDRs: readonly string[]): Node => ({
  kind: 'Node',
  ...{ apiVersion: 'v1' },
  metadata: { name },
  spec: { podCIDRs },
  status: {
    addresses: [ADDRESS[key].ipv4, ADDRESS[key].ipv6].map((address) => ({ type: 'InternalIP', address })),
    capacity: { cpu: '2' },
  },
})

export const NODES: readonly Node[] = [
  node('node-1', 'node1', ['10.0.0.0/24', 'fd00:10:0:1::/64']),
  node('node-2', 'node2', ['10.0.1.0/24', 'fd00:10:0:2::/64']),
]

export const proxyConfiguration = (fields: Partial<KubeProxyConfiguration>): KubeProxyConfiguration => ({
  apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
  kind: 'KubeProxyConfiguration',
  ...fields,
})

/** What `ip -j addr` lists on the first node. */
export const NODE1_ADDRESSES = [
  ...Object.values(ADDRESS.node1).map((address) => ({ interface: 'eth0', address })),
  ...Object.values(ADDRESS.bridge1).map((address) => ({ interface: 'cni0', address })),
]
