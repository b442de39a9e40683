import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  assertResult,
  type BundleFolder,
  type Run,
  runScript,
  STEP_TAKEN,
  writeBundle,
} from './harness/applier.ts'
import { readBack } from './harness/bundle.ts'
import { planFor, servePods } from './harness/cluster.ts'
import { askSteadily } from './harness/connections.ts'
import { IN_MACHINE, kernelTest, type Lab } from './harness/lab.ts'
import { ADDRESS, buildClusterNetwork, type ClusterNetwork } from './harness/network.ts'
import type { Pod, ServiceOptions } from './harness/objects.ts'
import { assertHolds } from './harness/state.ts'
import { type Answer, clients, servers, tally } from './harness/traffic.ts'

/** Applying while connections are open: what stays is never cut, what leaves is drained. */

const test = suite('apply under traffic')

const CLUSTER_IP = '172.30.0.41'
const WEB = { transport: 'tcp', address: CLUSTER_IP, port: 80 } as const
const DNS = { transport: 'udp', address: CLUSTER_IP, port: 53 } as const

const service = (pods: readonly Pod[], more: Partial<ServiceOptions> = {}): ServiceOptions => ({
  family: 'ipv4',
  clusterIP: CLUSTER_IP,
  ports: [
    { protocol: 'TCP', port: 80 },
    { protocol: 'UDP', port: 53 },
  ],
  pods,
  ...more,
})

interface Cluster {
  readonly network: ClusterNetwork
  /** With Services to start from, a delta bundle. */
  readonly bundle: (
    services: readonly ServiceOptions[],
    from?: readonly ServiceOptions[],
  ) => Promise<BundleFolder>
  readonly run: (bundle: BundleFolder, ...words: readonly string[]) => Promise<Run>
  /** Applies a bundle of these Services. */
  readonly apply: (services: readonly ServiceOptions[], ...words: readonly string[]) => Promise<Run>
}

const ALL: readonly Pod[] = ['podA', 'podB', 'podC']

/** Every pod serves; which of them are endpoints, bundles tell. */
async function cluster(lab: Lab): Promise<Cluster> {
  await lab.run('modprobe -a br_netfilter sctp')
  const network = await buildClusterNetwork(lab)
  await servePods(network, [service(ALL)])
  const bundle: Cluster['bundle'] = async (services, from) =>
    writeBundle(
      lab,
      await planFor({ services }),
      from === undefined ? null : await planFor({ services: from }),
    )
  const run = (folder: BundleFolder, ...words: readonly string[]): Promise<Run> =>
    runScript(lab, network.node1, folder, { arguments: words })
  const apply: Cluster['apply'] = async (services, ...words) => run(await bundle(services), 'apply', ...words)
  return { network, bundle, run, apply }
}

kernelTest(test, 'a real server with a connection retires, is drained, and comes back', async (lab) => {
  const { network, bundle, run, apply } = await cluster(lab)
  const { node1, podB } = network
  assertResult(await apply([service(['podA', 'podC'])]), 0, 'applied')
  const talk = [await podB.open(WEB), await podB.open(WEB)]
  const both = await Promise.all(talk.map((say) => say()))
  assert.equal(servers(both).sort(), ['pod-a', 'pod-c'])

  const onlyA = await bundle([service(['podA'])])
  const retired = await run(onlyA, 'apply')
  assertResult(retired, 0, 'applied')
  assert.is(retired.changes.realServersRetired, 1, 'the TCP server keeps its connection')
  assert.is(retired.changes.realServersRemoved, 1, 'the UDP server goes at once')
  const { ipvs } = await readBack(lab, node1)
  assert.match(ipvs, /-a -t 172\.30\.0\.41:80 -r 10\.0\.1\.31:8080 -m -w 0/)
  assert.equal(
    servers(await Promise.all(talk.map((say) => say()))).sort(),
    ['pod-a', 'pod-c'],
    'both still talk',
  )
  assert.equal(tally(await podB.ask(WEB, { count: 4 })), { 'pod-a': 4 }, 'new connections go elsewhere')
  assertResult(await run(onlyA, 'apply'), 0, 'unchanged')
  assertResult(await run(onlyA, 'check'), 0, 'no difference')
  assertResult(await run(onlyA, 'drain'), 0, 'unchanged')
  if (IN_MACHINE) {
    // The deadline does not come sooner for a clock that is set ahead.
    const moveClock = (days: string) => lab.run(`date -s "@$(($(date +%s) ${days} * 86400))"`)
    await moveClock('+ 2')
    const drained = await run(onlyA, 'drain').finally(() => moveClock('- 2'))
    assertResult(drained, 0, 'unchanged')
  }

  const again = await apply([service(['podA', 'podC'])])
  assertResult(again, 0, 'applied')
  assert.is(again.changes.realServersEdited, 1, 'it is weighted again')
  assert.equal(tally(await podB.ask(WEB, { count: 4 })), { 'pod-a': 2, 'pod-c': 2 })
  assert.equal(servers(await Promise.all(talk.map((say) => say()))).sort(), ['pod-a', 'pod-c'])

  // Once more, with a deadline that passes.
  assertResult(await run(onlyA, 'apply', '--drain-timeout', '1'), 0, 'applied')
  await new Promise((resolve) => setTimeout(resolve, 2500))
  assertResult(await run(onlyA, 'drain'), 0, 'drained')
  assertHolds(await readBack(lab, node1), onlyA.plan)
})

kernelTest(test, 'deltas follow one another while a real server drains', async (lab) => {
  const { network, bundle, run, apply } = await cluster(lab)
  const { node1, podB } = network
  const plans = [[service(['podA', 'podC'])], [service(['podA'])], [service(['podA', 'podB'])]] as const
  const [both, onlyA, other] = plans
  const delta = async (to: readonly ServiceOptions[], from: readonly ServiceOptions[]): Promise<Run> =>
    run(await bundle(to, from), 'apply', '--verbose')
  assertResult(await apply(both), 0, 'applied')
  const talk = [await podB.open(WEB), await podB.open(WEB)]
  const everyoneTalks = async (): Promise<void> =>
    assert.equal(servers(await Promise.all(talk.map((say) => say()))).sort(), ['pod-a', 'pod-c'])
  await everyoneTalks()

  const step = await delta(onlyA, both)
  assertResult(step, 0, 'applied')
  assert.match(step.stdout, STEP_TAKEN)
  assert.is(step.changes.realServersRetired, 1)
  await everyoneTalks()
  const next = await delta(other, onlyA)
  assertResult(next, 0, 'applied')
  assert.is(next.changes.realServersAdded, 2, 'TCP and UDP')
  assert.match((await readBack(lab, node1)).ipvs, /-r 10\.0\.1\.31:8080 -m -w 0/, 'it still drains')
  await everyoneTalks()
  const back = await delta(both, other)
  assertResult(back, 0, 'applied')
  assert.is(back.changes.realServersEdited, 1, 'it is weighted again')
  await everyoneTalks()
})

kernelTest(test, 'rollback while connections are open', async (lab) => {
  const { network, run, apply, bundle } = await cluster(lab)
  const { node1, podB } = network
  assertResult(await apply([service(['podA', 'podC'])]), 0, 'applied')
  const talk = [await podB.open(WEB), await podB.open(WEB)]
  const everyoneTalks = async (): Promise<void> =>
    assert.equal(servers(await Promise.all(talk.map((say) => say()))).sort(), ['pod-a', 'pod-c'])
  await everyoneTalks()
  const onlyA = await bundle([service(['podA'])])
  assertResult(await run(onlyA, 'apply'), 0, 'applied')
  assertResult(await apply([service(['podA', 'podB'])]), 0, 'applied')
  await everyoneTalks()

  assertResult(await run(onlyA, 'rollback'), 0, 'rolled back')
  await everyoneTalks()
  assert.match((await readBack(lab, node1)).ipvs, /-r 10\.0\.1\.31:8080 -m -w 0/, 'it still drains')
  assertResult(await run(onlyA, 'drain'), 0, 'unchanged')
  assertResult(await run(onlyA, 'apply', '--no-drain'), 0, 'applied')
  assertHolds(await readBack(lab, node1), onlyA.plan)
})

kernelTest(test, 'the first apply is rolled back while connections are open', async (lab) => {
  const { network, run, bundle } = await cluster(lab)
  const both = await bundle([service(['podA', 'podC'])])
  assertResult(await run(both, 'apply'), 0, 'applied')
  const say = await network.podB.open(WEB)
  await say()
  assertResult(await run(both, 'rollback'), 0, 'rolled back')
  const { ipvs, addresses } = await readBack(lab, network.node1)
  assert.is(ipvs, '')
  assert.not.match(addresses, /kube-ipvs0/)
  assertResult(await run(both, 'rollback'), 0, 'rolled back')
  assertHolds(await readBack(lab, network.node1), both.plan)
})

kernelTest(test, 'an SCTP real server leaves at once', async (lab) => {
  const { network, apply } = await cluster(lab)
  const ports = [{ protocol: 'SCTP', port: 99 }] as const
  const target = { transport: 'sctp', address: CLUSTER_IP, port: 99 } as const
  await servePods(network, [service(ALL, { ports })])
  assertResult(await apply([service(['podA'], { ports })]), 0, 'applied')
  assert.equal(tally(await network.podB.ask(target)), { 'pod-a': 1 })
  const moved = await apply([service(['podC'], { ports })])
  assertResult(moved, 0, 'applied')
  assert.is(moved.changes.realServersRemoved, 1)
  assert.is(moved.changes.realServersRetired, undefined)
  assert.equal(tally(await network.podB.ask(target)), { 'pod-c': 1 })
})

kernelTest(test, 'a virtual server that goes away keeps its address until it is drained', async (lab) => {
  const { network, bundle, run, apply } = await cluster(lab)
  const { node1, podB } = network
  assertResult(await apply([service(['podA'])]), 0, 'applied')
  const talk = await podB.open(WEB)
  await talk()
  const nothing = await bundle([])
  assertResult(await run(nothing, 'apply'), 0, 'applied')
  assert.equal(servers([await talk()]), ['pod-a'])
  const held = await readBack(lab, node1)
  assert.match(held.addresses, /172\.30\.0\.41/)
  assert.equal(tally(await podB.ask(WEB)), { refused: 1 }, 'nobody new is let in')
  assertResult(await apply([service(['podA'])]), 0, 'applied')
  assert.equal(servers([await talk()]), ['pod-a'], 'it is back, with its connection')
  assertResult(await run(nothing, 'apply', '--drain-timeout', '1'), 0, 'applied')
  assert.match((await readBack(lab, node1)).addresses, /172\.30\.0\.41/)
  await new Promise((resolve) => setTimeout(resolve, 2500))
  assertResult(await run(nothing, 'drain'), 0, 'drained')
  assertHolds(await readBack(lab, node1), nothing.plan)
  assert.not.equal(servers([await talk()]), ['pod-a'], 'the deadline has passed')
})

kernelTest(test, 'a Service says for itself how long its connections may drain', async (lab) => {
  const { network, bundle, run, apply } = await cluster(lab)
  const { node1, podB } = network
  const patience = (duration: string) => ({ annotations: { 'ipvsc.dev/drain-timeout': duration } })
  const web = (pods: readonly Pod[]) => service(pods, patience('1s'))
  const other = (pods: readonly Pod[]) => service(pods, { name: 'other', clusterIP: '172.30.0.42' })
  const gone = service(['podA'], { name: 'gone', clusterIP: '172.30.0.43', ...patience('1s') })
  assertResult(await apply([web(['podA', 'podC']), other(['podA', 'podC']), gone]), 0, 'applied')
  const targets = [CLUSTER_IP, CLUSTER_IP, '172.30.0.42', '172.30.0.42', '172.30.0.43']
  const talk = await Promise.all(targets.map((address) => podB.open({ ...WEB, address })))
  await Promise.all(talk.map((say) => say()))
  const onlyA = await bundle([web(['podA']), other(['podA'])])
  const retired = await run(onlyA, 'apply')
  assertResult(retired, 0, 'applied')
  assert.is(retired.changes.realServersRetired, 3)
  await new Promise((resolve) => setTimeout(resolve, 2500))
  const held = async () => {
    const { ipvs, ipset, addresses } = await readBack(lab, node1)
    return { ipvs, ipset, addresses }
  }
  const draining = await held()
  const shown = await run(onlyA, 'drain', '--dry-run')
  assertResult(shown, 0, 'dry run')
  assert.match(shown.stdout, /-d -t 172\.30\.0\.41:80 -r 10\.0\.1\.31:8080/)
  assert.equal(await held(), draining, 'it only shows what it would do')
  assertResult(await run(onlyA, 'drain'), 0, 'drained')
  const { ipvs, addresses } = await held()
  assert.not.match(ipvs, /172\.30\.0\.41:80 -r 10\.0\.1\.31/)
  assert.match(
    ipvs,
    /172\.30\.0\.42:80 -r 10\.0\.1\.31:8080 -m -w 0/,
    'it may keep its connection for 15 minutes',
  )
  assert.not.match(addresses, /172\.30\.0\.43/, 'a Service that is gone has said so before')
})

/** Until the kernel has forgotten a connection that was reset. */
const FORGOTTEN = 13_000

kernelTest(
  test,
  'what drains goes when its connections have ended by themselves, as the timer unit does it',
  async (lab) => {
    const { network, bundle, run, apply } = await cluster(lab)
    const { node1, podB } = network
    const both = [service(['podA', 'podC']), service(['podA'], { name: 'other', clusterIP: '172.30.0.42' })]
    assertResult(await apply(both), 0, 'applied')
    const talk = [
      await podB.open(WEB),
      await podB.open(WEB),
      await podB.open({ ...WEB, address: '172.30.0.42' }),
    ]
    assert.equal(servers(await Promise.all(talk.map((say) => say()))).sort(), ['pod-a', 'pod-a', 'pod-c'])
    // A real server of one Service leaves, and the other Service with all it has.
    const onlyA = await bundle([service(['podA'])])
    const retired = await run(onlyA, 'apply')
    assertResult(retired, 0, 'applied')
    assert.is(retired.changes.realServersRetired, 2)
    assert.match((await readBack(lab, node1)).addresses, /172\.30\.0\.42/)
    for (const say of talk) await say.reset()
    await new Promise((resolve) => setTimeout(resolve, FORGOTTEN))

    const unit = readFileSync(join(onlyA.path, 'ipvsc-drain.service'), 'utf8')
    const [, command = ''] = /^ExecStart=(.*)$/m.exec(unit) ?? []
    assert.match(command, /^\/usr\/local\/sbin\/ipvsc-apply drain/)
    const drain = `${command.replace('/usr/local/sbin/ipvsc-apply', `sh '${onlyA.path}/apply.sh'`)} --state-dir '${lab.folder}/state-node-1'`
    // As a node is on which both flavours hold rules: the one of the last run counts.
    await lab.run('iptables-legacy -t nat -N KUBE-SERVICES', { in: node1 })
    const { stdout, stderr } = await lab.run(drain, { in: node1 })
    assert.is(stdout + stderr, '', 'a timer has nothing to say')
    assertHolds(await readBack(lab, node1), onlyA.plan)
    assertResult(await run(onlyA, 'drain'), 0, 'nothing is draining')
  },
)

kernelTest(test, 'a host port of the network plug-in works on beside', async (lab) => {
  const { network, bundle, run } = await cluster(lab)
  await lab.run(
    `iptables-nft-restore --noflush <<'END'
*nat
:CNI-HOSTPORT-DNAT - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A CNI-HOSTPORT-DNAT -p tcp -m tcp --dport 8088 -j DNAT --to-destination ${ADDRESS.podA.ipv4}:8080
COMMIT
END`,
    { in: network.node1 },
  )
  const hostPort = { ...WEB, address: ADDRESS.node1.ipv4, port: 8088 }
  const folder = await bundle([
    service(['podC'], {
      spec: { type: 'NodePort' },
      ports: [{ protocol: 'TCP', port: 80, nodePort: 30080 }],
    }),
  ])
  for (const [command, atNodePort] of [
    ['apply', { 'pod-c': 1 }],
    ['cleanup', { refused: 1 }],
  ] as const) {
    assert.is((await run(folder, command)).status, 0)
    assert.equal(tally(await network.client.ask(hostPort)), { 'pod-a': 1 }, command)
    assert.equal(tally(await network.client.ask({ ...hostPort, port: 30080 })), atNodePort, command)
  }
})

kernelTest(
  test,
  'an INPUT policy of DROP stays, and node ports are open as far as its owner opens them',
  async (lab) => {
    const { network, bundle, run } = await cluster(lab)
    const { node1, client, podB } = network
    await lab.run(
      `iptables-nft -P INPUT DROP; iptables-nft -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
iptables-nft -A INPUT -p tcp -m tcp --dport 30080 -j ACCEPT; iptables-nft -A INPUT -s 10.0.0.0/16 -j ACCEPT`,
      { in: node1 },
    )
    const ports = [
      { protocol: 'TCP', port: 80, nodePort: 30080 },
      { protocol: 'TCP', port: 81, nodePort: 30081 },
    ] as const
    const folder = await bundle([service(['podA', 'podC'], { spec: { type: 'NodePort' }, ports })])
    assertResult(await run(folder, 'apply'), 0, 'applied')
    const at = (port: number) => ({ ...WEB, address: ADDRESS.node1.ipv4, port })
    assert.equal(tally(await client.ask(at(30080), { count: 2 })), { 'pod-a': 1, 'pod-c': 1 })
    assert.equal(tally(await client.ask(at(30081))), { silence: 1 })
    assert.equal(tally(await podB.ask(WEB, { count: 2 })), { 'pod-a': 1, 'pod-c': 1 })
    assert.match((await readBack(lab, node1)).iptables, /^:INPUT DROP /m)
    assertResult(await run(folder, 'cleanup'), 0, 'cleaned up')
    assert.match((await readBack(lab, node1)).iptables, /^:INPUT DROP /m)
  },
)

kernelTest(
  test,
  'ARP requests for an address of a load balancer are answered, unless strictARP is set',
  async (lab) => {
    const { network, run } = await cluster(lab)
    const services = [service(['podA'], { spec: { type: 'LoadBalancer' }, loadBalancer: ['5.5.5.5'] })]
    await lab.run('ip route add 5.5.5.5/32 dev eth0', { in: network.client })
    for (const strictARP of [false, true]) {
      const plan = await planFor({ services, config: { ipvs: { strictARP } } })
      assertResult(await run(writeBundle(lab, plan), 'apply'), 0, 'applied')
      await lab.run('ip neigh flush all', { in: network.client })
      const [answer] = await network.client.ask({ ...WEB, address: '5.5.5.5' })
      assert.is(answer?.kind === 'answered', !strictARP, JSON.stringify(answer))
    }
  },
)

kernelTest(test, 'without draining, connections end at once', async (lab) => {
  const { network, apply } = await cluster(lab)
  assertResult(await apply([service(['podA'])]), 0, 'applied')
  const talk = await network.podB.open(WEB)
  await talk()
  const moved = await apply([service(['podC'])], '--no-drain')
  assertResult(moved, 0, 'applied')
  assert.is(moved.changes.realServersRemoved, 2)
  assert.equal(tally(await network.podB.ask(WEB, { count: 2 })), { 'pod-c': 2 })
})

kernelTest(test, 'a UDP client whose real server left gets its answers from another', async (lab) => {
  const { network, apply } = await cluster(lab)
  assertResult(await apply([service(['podA'])]), 0, 'applied')
  const say = await network.podB.open(DNS)
  assert.equal(servers([await say()]), ['pod-a'])
  const tracked = async (): Promise<boolean> => {
    const command = `conntrack -L -p udp --orig-dst ${CLUSTER_IP} --reply-src ${ADDRESS.podA.ipv4} 2> /dev/null`
    return (await lab.run(command, { in: network.node1 })).stdout !== ''
  }
  assert.is(await tracked(), true)
  assertResult(await apply([service(['podC'])]), 0, 'applied')
  assert.is(await tracked(), false, 'connection tracking has forgotten it')
  const first = await say()
  const second = first.kind === 'answered' ? first : await say()
  assert.equal(servers([second]), ['pod-c'], 'at the latest at the second try')
})

kernelTest(
  test,
  'a client that session affinity pinned to a server that leaves goes elsewhere',
  async (lab) => {
    const { network, apply } = await cluster(lab)
    const spec = { sessionAffinity: 'ClientIP' } as const
    assertResult(await apply([service(['podA', 'podC'], { spec })]), 0, 'applied')
    const [pinned] = servers(await network.podB.ask(WEB, { count: 2 }))
    const [left, stays]: readonly [string, Pod] = pinned === 'pod-a' ? ['pod-a', 'podC'] : ['pod-c', 'podA']
    assert.is(pinned, left)
    assertResult(await apply([service([stays], { spec })]), 0, 'applied')
    assert.equal(tally(await network.podB.ask(WEB, { count: 2 })), {
      [stays === 'podA' ? 'pod-a' : 'pod-c']: 2,
    })
  },
)

kernelTest(
  test,
  'a client that uses its source port again is not stuck with a server that left',
  async (lab) => {
    const { network, apply } = await cluster(lab)
    assertResult(await apply([service(['podA'])]), 0, 'applied')
    const from = { localPort: 41000 }
    assert.equal(servers(await network.podB.ask(WEB, from)), ['pod-a'])
    // The connection that was is still in the table, so the server stays, at weight 0.
    const moved = await apply([service(['podC'])])
    assertResult(moved, 0, 'applied')
    assert.is(moved.changes.realServersRetired, 1)
    assert.equal(servers(await network.podB.ask(WEB, from)), ['pod-c'])
    assertResult(await apply([service(['podA'])], '--no-drain'), 0, 'applied')
    assert.equal(servers(await network.podB.ask(WEB, from)), ['pod-a'])
  },
)

kernelTest(test, 'a real server that an interrupted run left at weight 0 is weighted again', async (lab) => {
  const { network, bundle, run } = await cluster(lab)
  const both = await bundle([service(['podA', 'podC'])])
  assertResult(await run(both, 'apply'), 0, 'applied')
  await lab.run('ipvsadm -e -t 172.30.0.41:80 -r 10.0.0.11:8080 -m -w 0', { in: network.node1 })
  const checked = await run(both, 'check')
  assert.is(checked.status, 3)
  assert.equal(checked.changes, { realServersEdited: 1 })
  assertResult(await run(both, 'apply'), 0, 'applied')
  assert.equal(tally(await network.podB.ask(WEB, { count: 4 })), { 'pod-a': 2, 'pod-c': 2 })
})

/** What was not answered is named with its number. */
function assertAllAnswered(answers: readonly Answer[]): void {
  const letters = answers.map((answer) => (answer.kind === 'answered' ? answer.server.at(-1) : '!')).join('')
  const lost = answers.flatMap(({ kind }, index) => (kind === 'answered' ? [] : [`${index}: ${kind}`]))
  assert.equal(lost, [], letters)
}

kernelTest(
  test,
  'requests at a steady rate through a replacement of all endpoints: none is refused',
  async (lab) => {
    const { network, apply } = await cluster(lab)
    assertResult(await apply([service(['podA'])]), 0, 'applied')
    const asking = askSteadily(network.podB, WEB)
    for (const pods of [['podA', 'podB'], ['podB', 'podC'], ['podC'], ['podC', 'podA'], ['podA']] as const)
      assertResult(await apply([service(pods)]), 0, 'applied')
    const answers = await asking.stop()
    assert.ok(answers.length > 50, `${answers.length} requests`)
    assertAllAnswered(answers)
    assert.ok(new Set(servers(answers)).size === 3, 'all of them served in their time')
  },
  { limit: 120 },
)

/** Bundles that differ in everything but the real server that the connection hangs on. */
const VARIANTS: readonly (readonly ServiceOptions[])[] = [
  [service(['podA'])],
  [service(['podA', 'podB'])],
  [service(['podA', 'podC'], { spec: { internalTrafficPolicy: 'Local' } })],
  [service(['podA', 'podB', 'podC'], { spec: { sessionAffinity: 'ClientIP' } })],
  [service(['podA', 'podC'], { spec: { externalIPs: ['192.168.99.11'] } })],
  [service(['podA']), service(['podB'], { name: 'other', clusterIP: '172.30.0.42' })],
  [
    service(['podA', 'podC'], {
      spec: { type: 'NodePort', externalTrafficPolicy: 'Local' },
      ports: [
        { protocol: 'TCP', port: 80, nodePort: 30080 },
        { protocol: 'UDP', port: 53 },
      ],
    }),
  ],
  [
    service(['podA', 'podB'], {
      spec: { type: 'LoadBalancer', loadBalancerSourceRanges: ['10.0.0.0/8'] },
      loadBalancer: ['5.5.5.5'],
    }),
  ],
]

/** How often a connection is tried by another bundle. */
const APPLIES = 100

kernelTest(
  test,
  `a connection held open through ${APPLIES} applies is never cut while its real server stays`,
  async (lab) => {
    const { network, bundle, run } = await cluster(lab)
    const bundles = await Promise.all(VARIANTS.map((services) => bundle(services)))
    const applied = async (index: number): Promise<void> => {
      const folder = bundles[index % bundles.length] as BundleFolder
      const { status, stdout, stderr } = await run(folder, 'apply')
      assert.is(status, 0, `${stdout}${stderr}`)
    }
    await applied(0)
    const talk = await network.podB.open(WEB)
    // A fixed sequence that visits every bundle after every other.
    let state = 1
    for (let index = 0; index < APPLIES; index++) {
      state = (state * 1103515245 + 12345) % 2 ** 31
      await applied(state >> 16)
      assert.equal(servers([await talk()]), ['pod-a'], `after ${index + 1} applies`)
    }
  },
  { limit: 900 },
)

kernelTest(
  test,
  'a node that joins reaches a cluster IP from the moment its address is bound',
  async (lab) => {
    const { network, apply } = await cluster(lab)
    const others = Array.from({ length: 2000 }, (_, index) =>
      service(['podA'], {
        name: `other-${index}`,
        clusterIP: `172.30.${1 + (index >> 7)}.${1 + (index & 127)}`,
      }),
    )
    const asking = askSteadily(network.node1, WEB, 1)
    assertResult(await apply([service(['podA', 'podC']), ...others]), 0, 'applied')
    const kinds = (await asking.stop()).map((answer) =>
      answer.kind === 'failed' ? answer.code : answer.kind,
    )
    assert.equal(
      kinds.filter((kind, index) => kind !== kinds[index - 1]),
      ['ENETUNREACH', 'answered'],
    )
  },
  { limit: 600 },
)

kernelTest(test, 'both traffic policies flipped under load', async (lab) => {
  const { network, apply } = await cluster(lab)
  const ports = [
    { protocol: 'TCP', port: 80, nodePort: 30080 },
    { protocol: 'UDP', port: 53 },
  ] as const
  const policies = (internalTrafficPolicy: 'Local' | 'Cluster', externalTrafficPolicy: 'Local' | 'Cluster') =>
    service(['podA', 'podC'], {
      ports,
      spec: { type: 'NodePort', internalTrafficPolicy, externalTrafficPolicy },
    })
  assertResult(await apply([policies('Cluster', 'Cluster')]), 0, 'applied')
  const inside = askSteadily(network.podB, WEB)
  const outside = askSteadily(network.client, { ...WEB, address: ADDRESS.node1.ipv4, port: 30080 })
  for (const [internal, external] of [
    ['Local', 'Cluster'],
    ['Local', 'Local'],
    ['Cluster', 'Local'],
    ['Cluster', 'Cluster'],
  ] as const)
    assertResult(await apply([policies(internal, external)]), 0, 'applied')
  for (const asking of [inside, outside]) {
    const answers = await asking.stop()
    assert.ok(answers.length > 20)
    assertAllAnswered(answers)
  }
  assertResult(await apply([policies('Local', 'Local')]), 0, 'applied')
  const target = { ...WEB, address: ADDRESS.node1.ipv4, port: 30080 }
  const local = await network.client.ask(target, { count: 3 })
  assert.equal(tally(local), { 'pod-a': 3 })
  assert.equal(clients(local), [ADDRESS.client.ipv4])
})

kernelTest(
  test,
  'a Service that changes its type, port, protocol and family',
  async (lab) => {
    const { network, bundle, run } = await cluster(lab)
    const ways: readonly ServiceOptions[] = [
      service(['podA']),
      service(['podA'], {
        spec: { type: 'NodePort' },
        ports: [{ protocol: 'TCP', port: 80, nodePort: 30080 }],
      }),
      service(['podA'], { ports: [{ protocol: 'TCP', port: 81 }] }),
      service(['podA'], { ports: [{ protocol: 'UDP', port: 81 }] }),
      service(['podA'], { ports: [{ protocol: 'SCTP', port: 81 }] }),
      service(['podA'], { family: 'ipv6', clusterIP: 'fd00:172:30::41' }),
      service(['podA'], { spec: { type: 'LoadBalancer' }, loadBalancer: ['5.5.5.5'] }),
      service(['podA']),
    ]
    for (const way of ways) {
      const folder = await bundle([way])
      assertResult(await run(folder, 'apply'), 0, 'applied')
      assertHolds(await readBack(lab, network.node1), folder.plan)
    }
    assert.equal(tally(await network.podB.ask(WEB, { count: 2 })), { 'pod-a': 2 })
  },
  { limit: 150 },
)

test.run()
