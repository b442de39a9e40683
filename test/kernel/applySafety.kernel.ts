import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { countPlan } from '../../src/bundle/bundle.ts'
import { delta } from '../../src/index.ts'
import {
  assertResult,
  type BundleFolder,
  nodeWithTwoBundles,
  type Run,
  runScript,
  STEP_TAKEN,
  writeBundle,
} from './harness/applier.ts'
import { readBack } from './harness/bundle.ts'
import { goldenPlan, withMoreServers, withPodMoved } from './harness/golden.ts'
import { IN_MACHINE, kernelTest } from './harness/lab.ts'
import { assertHolds } from './harness/state.ts'

/** All or nothing: refusals that touch nothing, failures that lead back, and runs that were killed. */

const test = suite('apply safely')

kernelTest(test, 'a damaged bundle is refused', async (lab) => {
  const { node, first, second, run } = await nodeWithTwoBundles(lab)
  writeFileSync(join(second.path, 'ipvs.restore'), '-A -t 1.2.3.4:80 -s rr\n')
  const refused = await run(second, 'apply')
  assertResult(refused, 4, 'refused')
  assert.match(refused.messages.join(), /damaged or incomplete: ipvs\.restore/)
  assertHolds(await readBack(lab, node), first.plan)
})

kernelTest(test, 'an address of a Service that another interface has is refused', async (lab) => {
  const { node, first, second, run } = await nodeWithTwoBundles(lab)
  const [address = ''] = second.plan.dummyInterface.addresses
  await lab.run(`ip link add eth7 type dummy; ip addr add ${address}/24 dev eth7`, { in: node })
  const refused = await run(second, 'apply')
  assertResult(refused, 4, 'refused')
  assert.ok(refused.messages.join().includes(`${address} (on eth7)`), refused.messages.join())
  assertHolds(await readBack(lab, node), first.plan)
})

kernelTest(test, 'a running kube-proxy is a reason to refuse, unless it is taken over from', async (lab) => {
  const { node, second, run } = await nodeWithTwoBundles(lab)
  lab.start(['sh', '-c', 'printf kube-proxy > /proc/self/comm; read -r _; :'], node)
  await new Promise((resolve) => setTimeout(resolve, 500))
  const refused = await run(second, 'apply')
  assertResult(refused, 4, 'refused')
  assert.match(refused.messages.join(), /a kube-proxy is running \(process \d+\)/)
  assertResult(await run(second, 'apply', '--take-over'), 0, 'applied')
})

kernelTest(test, 'an unknown scheduler is refused before anything is touched', async (lab) => {
  const { node, first, run } = await nodeWithTwoBundles(lab)
  const plan = goldenPlan('cluster-ip')
  const odd = writeBundle(lab, { ...plan, modules: [...plan.modules, 'ip_vs_nonsense'] })
  const refused = await run(odd, 'apply')
  assertResult(refused, 4, 'refused')
  assert.match(refused.messages.join(), /no module ip_vs_nonsense/)
  assertHolds(await readBack(lab, node), first.plan)
})

kernelTest(test, 'rules in both flavours of iptables: the node has to say which', async (lab) => {
  const { node, second } = await nodeWithTwoBundles(lab)
  await lab.run('iptables-legacy -t nat -N KUBE-SERVICES; iptables-nft -t nat -L > /dev/null', { in: node })
  const script = `sh '${second.path}/apply.sh' --state-dir '${lab.folder}/both' --json`
  const { status, stdout } = await lab.run(script, { in: node, check: false })
  assert.is(status, 4)
  assert.match(stdout, /both flavours of iptables hold rules/)
})

for (const [what, prepare] of [
  ['read-only', 'mount -t tmpfs -o ro,mode=700 tmpfs'],
  ['full', 'mount -t tmpfs -o size=4k,mode=700 tmpfs'],
] as const)
  kernelTest(test, `a ${what} state directory is refused, with a word about it`, async (lab) => {
    const { node, first, second } = await nodeWithTwoBundles(lab)
    const folder = join(lab.folder, 'small')
    mkdirSync(folder)
    const script = `${prepare} '${folder}'; [ ${what} = full ] && dd if=/dev/zero of='${folder}/fill' bs=4k count=1 2>/dev/null
sh '${second.path}/apply.sh' --state-dir '${folder}' --iptables nft --json; status=$?; umount '${folder}'; exit $status`
    const { status, stdout } = await lab.run(script, { in: node, check: false })
    assert.is(status, 4, stdout)
    assert.match(stdout, /cannot (write|make)[^"]*it has to be a folder that can be written to/)
    assertHolds(await readBack(lab, node), first.plan)
  })

kernelTest(
  test,
  'what is not ours stays: rules, sets, excluded virtual servers, other addresses',
  async (lab) => {
    const { node, first, second, run } = await nodeWithTwoBundles(lab)
    const exclude = ['192.0.2.0/24', '2001:db8::/32']
    const [one, two] = [first, second].map(({ plan }) => writeBundle(lab, { ...plan, excludeCIDRs: exclude }))
    if (one === undefined || two === undefined) return
    await lab.run(
      `set -e
ipvsadm -A -t 192.0.2.7:80 -s wlc; ipvsadm -a -t 192.0.2.7:80 -r 10.9.9.9:80 -m
ipvsadm -A -t [2001:db8::7]:80 -s wlc; ipvsadm -A -f 7 -s rr
ipset create mine hash:ip; ipset add mine 192.0.2.1
iptables-nft -N MINE; iptables-nft -A INPUT -j MINE; iptables-nft -A MINE -s 192.0.2.9 -j DROP
ip link add eth7 type dummy; ip addr add 192.0.2.8/24 dev eth7`,
      { in: node },
    )
    const foreign = async (): Promise<string[]> => {
      const { ipvs, ipset, iptables, addresses } = await readBack(lab, node)
      const lines = [ipvs, ipset, iptables].join('\n').split('\n')
      const mine = lines.filter((line) => /192\.0\.2\.|2001:db8|-f 7|mine|MINE/.test(line)).sort()
      return [...mine, String(addresses.includes('192.0.2.8'))]
    }
    const before = await foreign()
    assert.is(before.length, 10, before.join('\n'))
    for (const bundle of [two, one]) {
      assertResult(await run(bundle, 'apply'), 0, 'applied')
      assert.equal(await foreign(), before)
    }
    assertResult(await run(two, 'cleanup'), 0, 'cleaned up')
    assert.equal(await foreign(), before)
  },
)

kernelTest(test, 'a Service inside excludeCIDRs is served; what others have there stays', async (lab) => {
  const { node } = await lab.namespaces('node')
  await lab.run('ip link set lo up; ipvsadm -A -t 172.30.99.99:80 -s wlc', { in: node })
  const bundle = writeBundle(lab, { ...goldenPlan('load-balancer'), excludeCIDRs: ['172.30.0.0/16'] })
  const run = (command: string) => runScript(lab, node, bundle, { arguments: [command] })
  const foreign = '-A -t 172.30.99.99:80 -s wlc\n'
  assertResult(await run('apply'), 0, 'applied')
  const { ipvs, ...others } = await readBack(lab, node)
  assert.ok(ipvs.includes(foreign), ipvs)
  assertHolds({ ipvs: ipvs.replace(foreign, ''), ...others }, bundle.plan)
  assertResult(await run('apply'), 0, 'unchanged')
  assertResult(await run('cleanup'), 0, 'cleaned up')
  assert.is((await readBack(lab, node)).ipvs, foreign)
})

kernelTest(test, 'virtual servers that no run put there are named before they are removed', async (lab) => {
  const { node, first, second, run } = await nodeWithTwoBundles(lab)
  const strangers = (result: Run): string[] =>
    result.stdout.split('\n').filter((line) => line.includes('that no run put here'))
  assert.equal(strangers(await run(second, 'check')), [], 'those of the bundle before are known')
  await lab.run('ipvsadm -A -t 192.0.2.7:80 -s wlc; ipvsadm -A -u 192.0.2.7:53 -s rr', { in: node })
  for (const command of ['check', 'apply']) {
    const [line = '', ...others] = strangers(await run(first, command))
    assert.match(line, /are removed \(2: -t 192\.0\.2\.7:80, -u 192\.0\.2\.7:53\)/)
    assert.equal(others, [])
  }
  assertHolds(await readBack(lab, node), first.plan)
  assert.equal(strangers(await run(second, 'apply')), [])
})

/** Enough for the kernel to list them in several parts. */
const MANY = 300

kernelTest(
  test,
  'virtual servers of another network namespace come and go, and nothing is mistaken here',
  async (lab) => {
    const { node, other } = await lab.namespaces('node', 'other')
    await lab.run('ip link set lo up', { in: node })
    const plan = goldenPlan('load-balancer')
    const bundle = writeBundle(lab, withMoreServers(plan, MANY))
    const more = bundle.plan.virtualServers.filter((server) => !plan.virtualServers.includes(server))
    const churn = ['-A', '-D'].flatMap((verb) =>
      more.map(({ address }) => `${verb} -t ${address}:80${verb === '-A' ? ' -s rr' : ''}\n`),
    )
    writeFileSync(join(lab.folder, 'churn'), churn.join(''))
    const churning = lab.start(['sh', '-c', `while ipvsadm -R < '${lab.folder}/churn'; do :; done`], other)
    const run = (command: string) => runScript(lab, node, bundle, { arguments: [command] })
    assertResult(await run('apply'), 0, 'applied')
    for (let time = 0; time < 8; time++) assertResult(await run('check'), 0, 'no difference')
    assertResult(await run('apply'), 0, 'unchanged')
    churning.kill()
    assertHolds(await readBack(lab, node), bundle.plan)
  },
  { limit: 240 },
)

kernelTest(test, 'rollback goes back, and forth', async (lab) => {
  const { node, first, second, run } = await nodeWithTwoBundles(lab)
  assertResult(await run(second, 'apply'), 0, 'applied')
  for (const command of ['rollback', 'cleanup']) {
    const dry = await run(second, command, '--dry-run')
    assertResult(dry, 0, 'dry run')
    assert.match(dry.stdout, /"event":"payload"/, command)
  }
  const status = await run(first, 'status')
  assertResult(status, 3, 'would change')
  assert.match(status.stdout, /"draining":0,"unfinished":false/)
  assertHolds(await readBack(lab, node), second.plan)
  assertResult(await run(second, 'rollback'), 0, 'rolled back')
  assertHolds(await readBack(lab, node), first.plan)
  assertResult(await run(second, 'rollback'), 0, 'rolled back')
  assertHolds(await readBack(lab, node), second.plan)
})

kernelTest(
  test,
  'a second copy of a jump goes, one that stands further down stays where it is',
  async (lab) => {
    const { node, first, run } = await nodeWithTwoBundles(lab)
    const jump = '-m comment --comment "kubernetes service portals" -j KUBE-SERVICES'
    const { iptables } = await readBack(lab, node)
    assert.ok(iptables.includes(`-A OUTPUT ${jump}\n`), iptables)
    await lab.run(
      `iptables-nft -t nat -A PREROUTING ${jump}
iptables-nft -t nat -D OUTPUT ${jump}; iptables-nft -t nat -A OUTPUT -d 192.0.2.1 -j ACCEPT; iptables-nft -t nat -A OUTPUT ${jump}`,
      { in: node },
    )
    const once = await run(first, 'apply')
    assertResult(once, 0, 'applied')
    assert.equal(once.changes, { jumpsRemoved: 1 })
    assertResult(await run(first, 'apply'), 0, 'unchanged')
    const after = (await readBack(lab, node)).iptables
    assert.is(after.split(jump).length - 1, 2)
    assert.match(after, /-A OUTPUT -d 192\.0\.2\.1\/32 -j ACCEPT\n-A OUTPUT .*-j KUBE-SERVICES/)
  },
)

kernelTest(test, 'what is not confirmed in time is undone by itself', async (lab) => {
  const { node, first, second, run } = await nodeWithTwoBundles(lab)
  assertResult(await run(second, 'apply', '--confirm', '3'), 0, 'applied')
  assertHolds(await readBack(lab, node), second.plan)
  await new Promise((resolve) => setTimeout(resolve, 9000))
  assertHolds(await readBack(lab, node), first.plan)
  assertResult(await run(second, 'apply', '--confirm', '60'), 0, 'applied')
  assert.match((await run(first, 'apply')).messages.join(), /waits to be confirmed/)
  assertResult(await run(second, 'confirm'), 0, 'confirmed')
  assertResult(await run(second, 'apply'), 0, 'unchanged')
})

kernelTest(
  test,
  '20 runs at once end in one of the wanted states',
  async (lab) => {
    const { node, first, second, run } = await nodeWithTwoBundles(lab)
    const bundles = [first, second, writeBundle(lab, goldenPlan('external-ips'))]
    const runs = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        run(bundles[index % 3] as BundleFolder, 'apply', '--wait', '200'),
      ),
    )
    for (const { status, stdout, stderr } of runs) assert.is(status, 0, `${stdout}${stderr}`)
    const state = await readBack(lab, node)
    const holds = bundles.filter((bundle) => {
      try {
        assertHolds(state, bundle.plan)
        return true
      } catch {
        return false
      }
    })
    assert.is(holds.length, 1)
  },
  { limit: 300 },
)

kernelTest(test, 'a run that cannot wait says so', async (lab) => {
  const { node, second, run } = await nodeWithTwoBundles(lab)
  lab.start(['flock', join(lab.folder, 'state-node', 'lock'), 'sleep', '60'], node)
  await new Promise((resolve) => setTimeout(resolve, 500))
  assertResult(await run(second, 'apply', '--wait', '0'), 5, 'locked')
})

if (IN_MACHINE)
  for (const [way, seconds] of [
    ['back', -86_400],
    ['ahead', 86_400],
  ] as const)
    kernelTest(test, `a clock that goes ${way} by a day moves no deadline`, async (lab) => {
      const { node, first, second, run } = await nodeWithTwoBundles(lab)
      const moveClock = (by: number) => lab.run(`date -s "@$(($(date +%s) + ${by}))"`)
      assertResult(await run(second, 'apply', '--confirm', '30'), 0, 'applied')
      await moveClock(seconds)
      try {
        const refused = await run(first, 'apply')
        assertResult(refused, 4, 'refused')
        assert.match(refused.messages.join(), /waits to be confirmed for (30|[12]?\d) s more/)
        assertHolds(await readBack(lab, node), second.plan)
        await new Promise((resolve) => setTimeout(resolve, 34_000))
        assertHolds(await readBack(lab, node), first.plan)
        assertResult(await run(second, 'apply'), 0, 'applied')
        assertResult(await run(second, 'apply'), 0, 'unchanged')
      } finally {
        await moveClock(-seconds)
      }
      assertResult(await run(second, 'apply'), 0, 'unchanged')
      assertResult(await run(second, 'rollback'), 0, 'rolled back')
    })
else test.skip('the clock is left alone where the kernel is not ours')

kernelTest(test, 'a delta bundle refuses a node in another state, unless it may converge', async (lab) => {
  const { node, first, second, run } = await nodeWithTwoBundles(lab)
  const step = writeBundle(lab, second.plan, first.plan)
  assert.ok(delta(first.plan, second.plan).length > 0)
  await lab.run('ipset add KUBE-CLUSTER-IP 10.99.99.99,tcp:1', { in: node })
  const refused = await run(step, 'apply')
  assertResult(refused, 4, 'refused')
  assert.match(refused.messages.join(), /not in the state that this delta was made for/)
  assert.equal(refused.changes, {}, 'nothing was touched')
  await lab.run('ipset del KUBE-CLUSTER-IP 10.99.99.99,tcp:1', { in: node })
  assertResult(await run(step, 'apply'), 0, 'applied')
  assertHolds(await readBack(lab, node), second.plan)
  assertResult(await run(step, 'apply'), 0, 'unchanged')
  const back = writeBundle(lab, first.plan, first.plan)
  assertResult(await run(back, 'apply', '--converge'), 0, 'applied')
  assertHolds(await readBack(lab, node), first.plan)
})

kernelTest(
  test,
  'a delta of real servers and entries is one step from what the last run left',
  async (lab) => {
    const { node, first, run } = await nodeWithTwoBundles(lab)
    const moved = withPodMoved(first.plan)
    const [there, back] = [writeBundle(lab, moved, first.plan), writeBundle(lab, first.plan, moved)]
    const step = await run(there, 'apply', '--verbose')
    assertResult(step, 0, 'applied')
    assert.match(step.stdout, STEP_TAKEN)
    assert.ok((step.changes.realServersAdded ?? 0) > 0 && (step.changes.entriesAdded ?? 0) > 0, step.stdout)
    assertHolds(await readBack(lab, node), moved)
    const status = await run(there, 'status')
    assertResult(status, 0, 'no difference')
    const [, held = ''] = /"held":(\{[^}]*\})/.exec(status.stdout) ?? []
    const { virtualServers, realServers, setEntries, addresses } = countPlan(moved)
    const { chains, rules, sets, ...counts } = JSON.parse(held)
    assert.equal(counts, { virtualServers, realServers, setEntries, addresses })
    assert.ok(chains > 0 && rules > 0 && sets > 0, held)
    assert.match((await run(back, 'apply', '--dry-run')).stdout, /-r 10\.0\.0\.11:/)
    assertHolds(await readBack(lab, node), moved)
    const again = await run(back, 'apply', '--verbose')
    assertResult(again, 0, 'applied')
    assert.match(again.stdout, STEP_TAKEN, 'a step knows what the step before it left')
    assertHolds(await readBack(lab, node), first.plan)
    assertResult(await run(there, 'rollback'), 0, 'rolled back')
    assertHolds(await readBack(lab, node), moved)
    assertResult(await run(there, 'apply'), 0, 'unchanged')
  },
)

for (const [what, change, undo] of [
  ['a set', 'ipset add KUBE-NODE-PORT-TCP 12345', 'ipset del KUBE-NODE-PORT-TCP 12345'],
  ['a virtual server', 'ipvsadm -A -t 192.0.2.200:80 -s rr', 'ipvsadm -D -t 192.0.2.200:80'],
  [
    'a weight',
    'ipvsadm -e -t 172.30.0.41:80 -r 10.0.1.21:8080 -m -w 0',
    'ipvsadm -e -t 172.30.0.41:80 -r 10.0.1.21:8080 -m -w 1',
  ],
  ['a rule', 'iptables-nft -t nat -I KUBE-SERVICES -j RETURN', 'iptables-nft -t nat -D KUBE-SERVICES 1'],
  ['an address', 'ip addr add 192.0.2.200/32 dev kube-ipvs0', 'ip addr del 192.0.2.200/32 dev kube-ipvs0'],
] as const)
  kernelTest(
    test,
    `a step is refused where somebody has changed ${what}, also one that it does not touch`,
    async (lab) => {
      const { node, first, run } = await nodeWithTwoBundles(lab)
      const moved = withPodMoved(first.plan)
      // The first step begins where a full run ended, the others where a step did.
      const there = writeBundle(lab, moved, first.plan)
      const back = writeBundle(lab, first.plan, moved)
      for (const step of [there, back, there]) {
        await lab.run(change, { in: node })
        const refused = await run(step, 'apply', '--verbose')
        assertResult(refused, 4, 'refused')
        assert.not.match(refused.stdout, STEP_TAKEN)
        await lab.run(undo, { in: node })
        const applied = await run(step, 'apply', '--verbose')
        assertResult(applied, 0, 'applied')
        assert.match(applied.stdout, STEP_TAKEN)
        assertHolds(await readBack(lab, node), step.plan)
      }
    },
  )

kernelTest(test, 'a damaged step is refused', async (lab) => {
  const { node, first, run } = await nodeWithTwoBundles(lab)
  const step = writeBundle(lab, withPodMoved(first.plan), first.plan)
  writeFileSync(join(step.path, 'delta', 'added.state'), 'real -t 172.30.0.41:80 1.2.3.4:8080 -m -w 1\n')
  const refused = await run(step, 'apply')
  assertResult(refused, 4, 'refused')
  assert.match(refused.messages.join(), /damaged or incomplete: delta\/added\.state/)
  assertHolds(await readBack(lab, node), first.plan)
})

test.run()
