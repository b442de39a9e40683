import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loadBundle } from './harness/bundle.ts'
import { compileTexts } from './harness/compile.ts'
import { DATA, kernelTest, type Lab } from './harness/lab.ts'
import { ADDRESS, buildWalkThroughNetwork, type ClusterNetwork } from './harness/network.ts'
import { clients, servers, tally } from './harness/traffic.ts'

/**
 * The story of docs/how-it-works.md: a bridge, two pods with HTTP servers, and the Service of
 * examples/walk-through. Then each thing that makes it work is taken away, to see what it is for.
 */

const test = suite('walk-through')

const SERVICE = { transport: 'http', address: '10.100.100.100', port: 8080 } as const

type WalkThrough = Pick<ClusterNetwork, 'node1' | 'podA' | 'podB'>

/** The Service, programmed by a bundle and nothing else. */
async function walkThrough(lab: Lab): Promise<WalkThrough> {
  const cluster = readFileSync(`${DATA}/examples/walk-through/cluster.yaml`, 'utf8')
  const { payloads } = await compileTexts([cluster], { node: 'node-1', prerequisites: 'set' })
  await lab.run('modprobe br_netfilter')
  const network = await buildWalkThroughNetwork(lab)
  await Promise.all([
    loadBundle(lab, network.node1, payloads),
    network.podA.serve('http', '0.0.0.0', 8080),
    network.podB.serve('http', '0.0.0.0', 8080),
  ])
  return network
}

const ALTERNATING = [
  ['pod-a', 'pod-b', 'pod-a', 'pod-b'],
  ['pod-b', 'pod-a', 'pod-b', 'pod-a'],
]

function assertAlternates(order: readonly string[]): void {
  assert.ok(
    ALTERNATING.some((wanted) => wanted.join() === order.join()),
    order.join(),
  )
}

kernelTest(
  test,
  'every request is answered, from the node, from a pod, and by the pod that asks',
  async (lab) => {
    const { node1, podA, podB } = await walkThrough(lab)
    for (const host of [node1, podA, podB]) assertAlternates(servers(await host.ask(SERVICE, { count: 4 })))
  },
)

kernelTest(
  test,
  'a pod that reaches itself sees the node as its client, another pod the pod',
  async (lab) => {
    const { podA } = await walkThrough(lab)
    const answers = await podA.ask(SERVICE, { count: 2 })
    const seenBy = (server: string) =>
      clients(answers.filter((answer) => answer.kind === 'answered' && answer.server === server))
    assert.equal(seenBy('pod-a'), [ADDRESS.bridge1.ipv4])
    assert.equal(seenBy('pod-b'), [ADDRESS.podA.ipv4])
  },
)

/** What four requests come to: who answered how often, or what the client got instead. */
type Outcome = Readonly<Record<string, number>>

interface Removal {
  readonly without: string
  readonly command: string
  readonly fromNode: Outcome
  readonly fromPodA: Outcome
}

const WORKS = { 'pod-a': 2, 'pod-b': 2 }

const REMOVALS: readonly Removal[] = [
  {
    without: 'net.bridge.bridge-nf-call-iptables',
    command: 'sysctl -q net.bridge.bridge-nf-call-iptables=0',
    fromNode: WORKS,
    fromPodA: { 'pod-a': 2, silence: 2 },
  },
  {
    without: 'net.ipv4.vs.conntrack',
    command: 'sysctl -q net.ipv4.vs.conntrack=0',
    fromNode: { silence: 4 },
    fromPodA: { 'pod-b': 2, silence: 2 },
  },
  {
    without: 'net.ipv4.ip_forward',
    command: 'sysctl -q net.ipv4.ip_forward=0',
    fromNode: WORKS,
    fromPodA: { 'pod-b': 2, silence: 2 },
  },
  {
    without: 'the bound address',
    command: 'ip addr del 10.100.100.100/32 dev kube-ipvs0',
    fromNode: { ENETUNREACH: 4 },
    fromPodA: { ENETUNREACH: 4 },
  },
  {
    without: 'the entries of the loop-back set',
    command: 'ipset flush KUBE-LOOP-BACK',
    fromNode: WORKS,
    fromPodA: { 'pod-b': 2, silence: 2 },
  },
  {
    without: 'the virtual server',
    command: 'ipvsadm -D -t 10.100.100.100:8080',
    fromNode: { refused: 4 },
    fromPodA: { refused: 4 },
  },
  {
    without: 'the entry of the cluster IP set',
    command: 'ipset flush KUBE-CLUSTER-IP',
    fromNode: WORKS,
    fromPodA: { refused: 4 },
  },
  {
    without: 'hairpin mode of the port of the bridge',
    command: 'ip link set veth-a type bridge_slave hairpin off',
    fromNode: WORKS,
    fromPodA: { 'pod-b': 2, silence: 2 },
  },
  {
    without: 'hairpin mode, but with the bridge in promiscuous mode',
    command: 'ip link set veth-a type bridge_slave hairpin off; ip link set cni0 promisc on',
    fromNode: WORKS,
    fromPodA: WORKS,
  },
]

for (const { without, command, fromNode, fromPodA } of REMOVALS)
  kernelTest(test, `without ${without}`, async (lab) => {
    const { node1, podA } = await walkThrough(lab)
    await lab.run(command, { in: node1 })
    const count = 4
    assert.equal(
      {
        fromNode: tally(await node1.ask(SERVICE, { count })),
        fromPodA: tally(await podA.ask(SERVICE, { count })),
      },
      { fromNode, fromPodA },
    )
  })

test.run()
