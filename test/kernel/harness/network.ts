import { batch, type Lab, type Namespace } from './lab.ts'
import { type Host, hostIn } from './traffic.ts'

/**
 * The network of a small cluster: two nodes and a client on one wire, and pods behind a bridge on each node. It
 * is what a network plug-in leaves behind; nothing of it is ipvsc's.
 */

export interface ClusterNetwork {
  readonly node1: Host
  readonly node2: Host
  /** Outside the cluster; it has several addresses, and node-1 is its way to everything. */
  readonly client: Host
  /** On node-1. */
  readonly podA: Host
  readonly podB: Host
  /** On node-2. */
  readonly podC: Host
}

interface Addresses {
  readonly ipv4: string
  readonly ipv6: string
}

/** The examples and golden cases have the same. */
export const ADDRESS = {
  node1: { ipv4: '192.168.0.1', ipv6: 'fd00:192:168::1' },
  node2: { ipv4: '192.168.0.2', ipv6: 'fd00:192:168::2' },
  client: { ipv4: '192.168.0.100', ipv6: 'fd00:192:168::100' },
  /** Another address of the client. */
  client2: { ipv4: '192.168.0.101', ipv6: 'fd00:192:168::101' },
  client3: { ipv4: '192.168.0.102', ipv6: 'fd00:192:168::102' },
  bridge1: { ipv4: '10.0.0.1', ipv6: 'fd00:10:0:1::1' },
  bridge2: { ipv4: '10.0.1.1', ipv6: 'fd00:10:0:2::1' },
  podA: { ipv4: '10.0.0.11', ipv6: 'fd00:10:0:1::11' },
  podB: { ipv4: '10.0.0.21', ipv6: 'fd00:10:0:1::21' },
  podC: { ipv4: '10.0.1.31', ipv6: 'fd00:10:0:2::31' },
} as const satisfies Record<string, Addresses>

/** Addresses as `ip` commands; they are used at once, without asking whether somebody else has them. */
const assign = (device: string, ...all: readonly Addresses[]): string[] =>
  all.flatMap(({ ipv4, ipv6 }) => [
    `addr add ${ipv4}/24 dev ${device}`,
    `addr add ${ipv6}/64 dev ${device} nodad`,
  ])

/** Addresses that nothing asks from unless told to. */
const assignMore = (device: string, ...all: readonly Addresses[]): string[] =>
  assign(device, ...all).map((command) => `${command} preferred_lft 0`)

const defaultVia = ({ ipv4, ipv6 }: Addresses): string[] => [
  `route add default via ${ipv4}`,
  `route add default via ${ipv6}`,
]

const plainBridge = (device: string, ports: readonly string[]): string[] => [
  `link add ${device} type bridge`,
  `link set ${device} up`,
  ...ports.flatMap((port) => [`link set ${port} master ${device}`, `link set ${port} up`]),
]

/** A port in hairpin mode may send a frame back to where it came from: a pod that is its own server needs it. */
const bridge = (device: string, ports: readonly string[]): string[] => [
  ...plainBridge(device, ports),
  ...ports.map((port) => `link set ${port} type bridge_slave hairpin on`),
]

interface Cable {
  readonly end: Namespace
  readonly device: string
  readonly other: Namespace
  readonly port: string
}

const connect = ({ end, device, other, port }: Cable): string =>
  `link add ${device} netns ${end.name} type veth peer name ${port} netns ${other.name}`

/** Commands of `ip` inside a namespace. Addresses are usable at once, and every refusal is told, not one a second. */
const inside = (namespace: Namespace, commands: readonly string[]): string =>
  `nsenter --net=/run/netns/${namespace.name} sh -e <<'SCRIPT'
cd /proc/sys/net
echo 0 > ipv6/conf/all/accept_dad; echo 0 > ipv6/conf/default/accept_dad
echo 0 > ipv4/icmp_ratelimit; echo 0 > ipv6/icmp/ratelimit
${batch(['link set lo up', ...commands])}SCRIPT
`

/** Only the first node and its pods: the classic walk-through. */
export async function buildWalkThroughNetwork(
  lab: Lab,
): Promise<Pick<ClusterNetwork, 'node1' | 'podA' | 'podB'>> {
  const made = await lab.namespaces('node-1', 'pod-a', 'pod-b')
  const [node1, podA, podB] = [made['node-1'], made['pod-a'], made['pod-b']]
  const cables = [
    { end: podA, device: 'eth0', other: node1, port: 'veth-a' },
    { end: podB, device: 'eth0', other: node1, port: 'veth-b' },
  ]
  await lab.run(
    `set -e\n${batch(cables.map(connect))}` +
      inside(node1, [...bridge('cni0', ['veth-a', 'veth-b']), ...assign('cni0', ADDRESS.bridge1)]) +
      inside(podA, pod(ADDRESS.podA, ADDRESS.bridge1)) +
      inside(podB, pod(ADDRESS.podB, ADDRESS.bridge1)),
  )
  return { node1: hostIn(lab, node1), podA: hostIn(lab, podA), podB: hostIn(lab, podB) }
}

const pod = (address: Addresses, gateway: Addresses): string[] => [
  'link set eth0 up',
  ...assign('eth0', address),
  ...defaultVia(gateway),
]

/** Two nodes, three pods, and a client outside. */
export async function buildClusterNetwork(lab: Lab): Promise<ClusterNetwork> {
  const made = await lab.namespaces('wire', 'node-1', 'node-2', 'client', 'pod-a', 'pod-b', 'pod-c')
  const [wire, node1, node2] = [made.wire, made['node-1'], made['node-2']]
  const [client, podA, podB, podC] = [made.client, made['pod-a'], made['pod-b'], made['pod-c']]
  const cables = [
    { end: node1, device: 'eth0', other: wire, port: 'node-1' },
    { end: node2, device: 'eth0', other: wire, port: 'node-2' },
    { end: client, device: 'eth0', other: wire, port: 'client' },
    { end: podA, device: 'eth0', other: node1, port: 'veth-a' },
    { end: podB, device: 'eth0', other: node1, port: 'veth-b' },
    { end: podC, device: 'eth0', other: node2, port: 'veth-c' },
  ]
  const wired = (...addresses: readonly Addresses[]): string[] => [
    'link set eth0 up',
    ...assign('eth0', ...addresses),
  ]
  await lab.run(
    `set -e\n${batch(cables.map(connect))}` +
      inside(wire, plainBridge('wire', ['node-1', 'node-2', 'client'])) +
      inside(node1, [
        ...wired(ADDRESS.node1),
        ...bridge('cni0', ['veth-a', 'veth-b']),
        ...assign('cni0', ADDRESS.bridge1),
        `route add 10.0.1.0/24 via ${ADDRESS.node2.ipv4}`,
        `route add fd00:10:0:2::/64 via ${ADDRESS.node2.ipv6}`,
      ]) +
      // The second node is what its pods need and nothing else: it forwards.
      inside(node2, [
        ...wired(ADDRESS.node2),
        ...bridge('cni0', ['veth-c']),
        ...assign('cni0', ADDRESS.bridge2),
        `route add 10.0.0.0/24 via ${ADDRESS.node1.ipv4}`,
        `route add fd00:10:0:1::/64 via ${ADDRESS.node1.ipv6}`,
      ]) +
      `nsenter --net=/run/netns/${node2.name} sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward
        echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'\n` +
      inside(client, [
        ...wired(ADDRESS.client),
        ...assignMore('eth0', ADDRESS.client2, ADDRESS.client3),
        ...defaultVia(ADDRESS.node1),
      ]) +
      inside(podA, pod(ADDRESS.podA, ADDRESS.bridge1)) +
      inside(podB, pod(ADDRESS.podB, ADDRESS.bridge1)) +
      inside(podC, pod(ADDRESS.podC, ADDRESS.bridge2)),
  )
  const [host1, host2, outside] = [hostIn(lab, node1), hostIn(lab, node2), hostIn(lab, client)]
  const pods = { podA: hostIn(lab, podA), podB: hostIn(lab, podB), podC: hostIn(lab, podC) }
  return { node1: host1, node2: host2, client: outside, ...pods }
}
