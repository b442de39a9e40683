import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { anyAddress, askFor, clusterWith } from './harness/cluster.ts'
import { kernelTest } from './harness/lab.ts'
import { ADDRESS } from './harness/network.ts'
import type { ServiceOptions } from './harness/objects.ts'
import { type Answer, clients, type Host, servers, tally } from './harness/traffic.ts'

/**
 * Connections to every kind of Service, as compiled for node-1. The client outside has node-1 as its way to
 * everything, so that all of it arrives there.
 */

const test = suite('traffic')

const TCP = { protocol: 'TCP', port: 80 } as const
const UDP = { protocol: 'UDP', port: 53 } as const
const SCTP = { protocol: 'SCTP', port: 99 } as const

/** What a server saw, by server. */
const seenBy = (answers: readonly Answer[], server: string): string[] =>
  clients(answers.filter((answer) => answer.kind === 'answered' && answer.server === server))

const CASES = [
  {
    family: 'ipv4',
    clusterIP: '172.30.0.41',
    externalIP: '192.168.99.11',
    vip: '5.5.5.5',
    everything: '0.0.0.0/0',
    host: (address: string) => `${address}/32`,
  },
  {
    family: 'ipv6',
    clusterIP: 'fd00:172:30::41',
    externalIP: 'fd00:192:168:99::11',
    vip: 'fd00:5::5',
    everything: '::/0',
    host: (address: string) => `${address}/128`,
  },
] as const

for (const { family, clusterIP, externalIP, vip, everything, host } of CASES) {
  const at = Object.fromEntries(
    Object.entries(ADDRESS).map(([name, addresses]) => [name, addresses[family]]),
  ) as Record<keyof typeof ADDRESS, string>
  const base = { family, clusterIP }

  kernelTest(test, `a cluster IP, over TCP, UDP and SCTP (${family})`, async (lab) => {
    const service = { ...base, ports: [TCP, UDP, SCTP], pods: ['podA', 'podC'] } as const
    const { node1, podA, podB } = await clusterWith(lab, { services: [service] })
    for (const from of [node1, podA, podB])
      for (const port of service.ports)
        assert.equal(
          tally(await askFor(from, clusterIP, port, 2)),
          { 'pod-a': 1, 'pod-c': 1 },
          `${port.protocol} from ${from.role}`,
        )
  })

  kernelTest(test, `who a pod takes for its client, at a cluster IP (${family})`, async (lab) => {
    const service = { ...base, ports: [TCP], pods: ['podA', 'podC'] } as const
    const { podA, podB, client } = await clusterWith(lab, { services: [service] })
    const fromOther = await askFor(podB, clusterIP, TCP, 2)
    assert.equal(clients(fromOther), [at.podB], 'another pod is seen as it is')
    const fromItself = await askFor(podA, clusterIP, TCP, 2)
    assert.equal(seenBy(fromItself, 'pod-a'), [at.bridge1], 'a pod that asks itself is masqueraded')
    assert.equal(seenBy(fromItself, 'pod-c'), [at.podA])
    // The pod of the other node would answer the client past the first node, so that no answer is its own.
    assert.equal(seenBy(await askFor(client, clusterIP, TCP, 2), 'pod-a'), [at.client])
  })

  kernelTest(test, `masqueradeAll: a pod sees the node, whoever asks (${family})`, async (lab) => {
    const { podB } = await clusterWith(lab, {
      services: [{ ...base, ports: [TCP], pods: ['podA', 'podC'] }],
      config: { iptables: { masqueradeAll: true } },
    })
    const answers = await askFor(podB, clusterIP, TCP, 2)
    assert.equal(seenBy(answers, 'pod-a'), [at.bridge1])
    assert.equal(seenBy(answers, 'pod-c'), [at.node1])
  })

  kernelTest(test, `clusterCIDR: who asks from outside of it is masqueraded (${family})`, async (lab) => {
    const { client, podB } = await clusterWith(lab, {
      services: [{ ...base, ports: [TCP], pods: ['podA', 'podC'] }],
      config: { clusterCIDR: family === 'ipv4' ? '10.0.0.0/16' : 'fd00:10::/32' },
    })
    assert.equal(clients(await askFor(podB, clusterIP, TCP, 2)), [at.podB])
    const answers = await askFor(client, clusterIP, TCP, 2)
    assert.equal(seenBy(answers, 'pod-a'), [at.bridge1])
    assert.equal(seenBy(answers, 'pod-c'), [at.node1])
  })

  kernelTest(test, `a node port at each address of the node (${family})`, async (lab) => {
    const ports = [
      { ...TCP, nodePort: 30080 },
      { ...UDP, nodePort: 30053 },
      { ...SCTP, nodePort: 30099 },
    ] as const
    const { node1, podB, client } = await clusterWith(lab, {
      services: [{ ...base, ports, pods: ['podA', 'podC'], spec: { type: 'NodePort' } }],
    })
    for (const address of [at.node1, at.bridge1])
      for (const from of [client, podB, node1])
        for (const { protocol, nodePort } of ports)
          assert.equal(
            tally(await askFor(from, address, { protocol, port: nodePort }, 2)),
            { 'pod-a': 1, 'pod-c': 1 },
            `${protocol} ${address} from ${from.role}`,
          )
    const answers = await askFor(client, at.node1, 30080, 2)
    assert.equal(seenBy(answers, 'pod-a'), [at.bridge1], 'the pod sees the node')
    assert.equal(seenBy(answers, 'pod-c'), [at.node1])
  })

  kernelTest(test, `externalTrafficPolicy Local at a node port (${family})`, async (lab) => {
    const { client, podB } = await clusterWith(lab, {
      services: [
        {
          ...base,
          ports: [
            { ...TCP, nodePort: 30080 },
            { ...UDP, nodePort: 30053 },
          ],
          pods: ['podA', 'podC'],
          spec: { type: 'NodePort', externalTrafficPolicy: 'Local' },
        },
      ],
    })
    for (const port of [
      { protocol: 'TCP', port: 30080 },
      { protocol: 'UDP', port: 30053 },
    ] as const) {
      const answers = await askFor(client, at.node1, port, 3)
      assert.equal(tally(answers), { 'pod-a': 3 }, 'only the pod of this node answers')
      assert.equal(clients(answers), [at.client], 'it sees the client')
    }
    assert.equal(tally(await askFor(podB, clusterIP, TCP, 2)), { 'pod-a': 1, 'pod-c': 1 })
  })

  kernelTest(test, `externalTrafficPolicy Local without a local endpoint (${family})`, async (lab) => {
    const { node1, podB } = await clusterWith(lab, {
      services: [
        {
          ...base,
          ports: [{ ...TCP, nodePort: 30080 }],
          pods: ['podC'],
          spec: { type: 'NodePort', externalTrafficPolicy: 'Local' },
        },
      ],
    })
    // Those of other nodes stand in, for whoever is inside the cluster: what comes from outside is not masqueraded.
    const answers = await askFor(podB, at.node1, { protocol: 'TCP', port: 30080 }, 2)
    assert.equal(tally(answers), { 'pod-c': 2 })
    assert.equal(tally(await askFor(node1, at.node1, { protocol: 'TCP', port: 30080 }, 2)), { 'pod-c': 2 })
    assert.equal(tally(await askFor(podB, clusterIP, TCP, 2)), { 'pod-c': 2 })
  })

  kernelTest(test, `internalTrafficPolicy Local (${family})`, async (lab) => {
    const { node1, podB } = await clusterWith(lab, {
      services: [
        {
          ...base,
          ports: [TCP, UDP],
          pods: ['podA', 'podC'],
          spec: { internalTrafficPolicy: 'Local' },
        },
      ],
    })
    for (const from of [node1, podB])
      for (const port of [TCP, UDP])
        assert.equal(tally(await askFor(from, clusterIP, port, 3)), { 'pod-a': 3 })
  })

  kernelTest(test, `an external IP (${family})`, async (lab) => {
    const { node1, podB, client } = await clusterWith(lab, {
      services: [{ ...base, ports: [TCP, UDP], pods: ['podA', 'podC'], spec: { externalIPs: [externalIP] } }],
    })
    for (const from of [client, podB, node1])
      for (const port of [TCP, UDP])
        assert.equal(
          tally(await askFor(from, externalIP, port, 2)),
          { 'pod-a': 1, 'pod-c': 1 },
          `${port.protocol} from ${from.role}`,
        )
    const answers = await askFor(client, externalIP, TCP, 2)
    assert.equal(seenBy(answers, 'pod-a'), [at.bridge1])
    assert.equal(seenBy(answers, 'pod-c'), [at.node1])
  })

  kernelTest(test, `the VIP of a load balancer, by external policy (${family})`, async (lab) => {
    const local = vip.replace(/5$/, '6')
    const loadBalanced = { ports: [TCP], pods: ['podA', 'podC'] } as const
    const { client, podB } = await clusterWith(lab, {
      services: [
        {
          ...{ ...base, ...loadBalanced, name: 'cluster', loadBalancer: [vip] },
          spec: { type: 'LoadBalancer', externalTrafficPolicy: 'Cluster' },
        },
        {
          ...{ ...base, ...loadBalanced, name: 'local', loadBalancer: [local] },
          clusterIP: clusterIP.replace('41', '42'),
          spec: { type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: 30999 },
        },
      ],
    })
    const fromAnywhere = await askFor(client, vip, TCP, 4)
    assert.equal(tally(fromAnywhere), { 'pod-a': 2, 'pod-c': 2 })
    assert.equal(seenBy(fromAnywhere, 'pod-a'), [at.bridge1])
    const fromLocal = await askFor(client, local, TCP, 3)
    assert.equal(tally(fromLocal), { 'pod-a': 3 })
    assert.equal(clients(fromLocal), [at.client])
    assert.equal(tally(await askFor(podB, vip, TCP, 2)), { 'pod-a': 1, 'pod-c': 1 })
  })

  kernelTest(test, `source ranges of a load balancer (${family})`, async (lab) => {
    const [second, third] = [6, 7].map((last) => vip.replace(/5$/, String(last))) as [string, string]
    const ranged = (name: string, address: string, ranges: string[], index: number): ServiceOptions => ({
      ...base,
      name,
      clusterIP: clusterIP.replace('41', String(51 + index)),
      ports: [TCP],
      pods: ['podA'],
      loadBalancer: [address],
      spec: { type: 'LoadBalancer', loadBalancerSourceRanges: ranges },
    })
    const { client, node1 } = await clusterWith(lab, {
      services: [
        ranged('one', vip, [host(at.client2)], 0),
        ranged('all', second, [everything], 1),
        ranged('node', third, [host(at.client3), host(at.node1)], 2),
      ],
    })
    const from = async (host: Host, address: string, source?: string) =>
      tally(await askFor(host, address, TCP, 1, source))
    assert.equal(await from(client, vip, at.client2), { 'pod-a': 1 }, 'allowed')
    assert.equal(await from(client, vip, at.client3), { silence: 1 }, 'not allowed')
    assert.equal(await from(client, second, at.client3), { 'pod-a': 1 }, 'everything is allowed')
    assert.equal(await from(client, third, at.client3), { 'pod-a': 1 })
    assert.equal(await from(client, third, at.client2), { silence: 1 })
    assert.equal(await from(node1, vip), { silence: 1 }, 'the node is not in the range')
    assert.equal(await from(node1, third), { 'pod-a': 1 }, 'the node is in the range')
    assert.equal(await from(node1, second), { 'pod-a': 1 }, 'the node is in everything')
  })

  kernelTest(test, `session affinity, until its timeout (${family})`, async (lab) => {
    const timeoutSeconds = 3
    const { client, podB } = await clusterWith(lab, {
      services: [
        {
          ...base,
          ports: [TCP, UDP],
          pods: ['podA', 'podC'],
          spec: { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds } } },
        },
      ],
      // An entry of a connection outlives nothing here, so that the timeout of the affinity alone counts.
      config: { ipvs: { udpTimeout: '1s' } },
    })
    for (const port of [TCP, UDP]) {
      const chosen = servers(await askFor(client, clusterIP, port, 3, at.client2))
      assert.is(new Set(chosen).size, 1, `${port.protocol}: one client, one server (${chosen})`)
      const other = servers(await askFor(client, clusterIP, port, 3, at.client3))
      assert.is(new Set(other).size, 1)
      assert.is.not(other[0], chosen[0], 'the next client gets the next server')
    }
    const [before] = servers(await askFor(podB, clusterIP, UDP, 1))
    await new Promise((resolve) => setTimeout(resolve, (timeoutSeconds + 3) * 1000))
    const [odd] = servers(await askFor(client, clusterIP, UDP, 1))
    const [after] = servers(await askFor(podB, clusterIP, UDP, 1))
    // Round robin goes on from where it was: what was chosen afresh differs from what was chosen last.
    assert.is.not(odd, before)
    assert.is.not(after, odd)
  })

  kernelTest(
    test,
    `no endpoints, no Service at a port, and the node's own daemons (${family})`,
    async (lab) => {
      const { node1, podB, client } = await clusterWith(lab, {
        services: [
          { ...base, ports: [TCP, UDP], pods: [], spec: { externalIPs: [externalIP] } },
          { ...base, name: 'other', clusterIP: clusterIP.replace('41', '42'), ports: [TCP], pods: ['podA'] },
        ],
      })
      await Promise.all([
        node1.serve('tcp', anyAddress(family), 22),
        node1.serve('udp', anyAddress(family), 68),
      ])
      const dhcp = { protocol: 'UDP', port: 68 } as const
      assert.equal(tally(await askFor(client, at.node1, 22, 1)), { 'node-1': 1 }, 'the node listens')
      assert.equal(tally(await askFor(client, at.node1, dhcp, 1)), { 'node-1': 1 })
      for (const from of [client, podB]) {
        for (const port of [TCP, UDP])
          assert.equal(tally(await askFor(from, clusterIP, port, 2)), { refused: 2 }, 'no endpoints')
        for (const address of [clusterIP, externalIP])
          for (const port of [22, dhcp] as const)
            assert.equal(
              tally(await askFor(from, address, port, 1)),
              { refused: 1 },
              `${address} from ${from.role} does not reach the node's daemons`,
            )
      }
    },
  )

  kernelTest(test, `each scheduler in its character: rr, wrr, sh (${family})`, async (lab) => {
    const scheduled = (scheduler: string, index: number): ServiceOptions => ({
      ...{ ...base, name: scheduler, clusterIP: clusterIP.replace('41', String(61 + index)) },
      ...{ ports: [TCP], pods: ['podA', 'podB'] },
    })
    const schedulers = ['rr', 'wrr', 'sh'] as const
    const addresses = schedulers.map((_, index) => clusterIP.replace('41', String(61 + index)))
    const { client } = await clusterWith(lab, {
      services: schedulers.map(scheduled),
      change: (plan) => ({
        ...plan,
        modules: [...plan.modules, 'ip_vs_wrr', 'ip_vs_sh'],
        virtualServers: plan.virtualServers.map((virtualServer) => {
          const scheduler = schedulers[addresses.indexOf(virtualServer.address)] ?? 'rr'
          const weight = (address: string): number =>
            scheduler === 'wrr' && address === ADDRESS.podA[family] ? 3 : 1
          const realServers = virtualServer.realServers.map((real) => ({
            ...real,
            weight: weight(real.address),
          }))
          return { ...virtualServer, scheduler, realServers }
        }),
      }),
    })
    const [rr, wrr, sh] = addresses as [string, string, string]
    assert.equal(tally(await askFor(client, rr, TCP, 6)), { 'pod-a': 3, 'pod-b': 3 })
    assert.equal(tally(await askFor(client, wrr, TCP, 8)), { 'pod-a': 6, 'pod-b': 2 })
    for (const source of [at.client, at.client2, at.client3])
      assert.is(new Set(servers(await askFor(client, sh, TCP, 3, source))).size, 1, 'one source, one server')
  })
}

test.run()
