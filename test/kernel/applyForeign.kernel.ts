import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  assertResult,
  type BundleFolder,
  nodeWithTwoBundles,
  type Run,
  replacedProgram,
  runScript,
  writeBundle,
} from './harness/applier.ts'
import { type NodeState, readBack } from './harness/bundle.ts'
import { goldenPlan } from './harness/golden.ts'
import { kernelTest } from './harness/lab.ts'
import { assertHolds } from './harness/state.ts'

/** What others have put into chains, sets and devices of ours, or made of them: it shows, and nothing is cut for it. */

const test = suite('apply where others were')

/** What tools print of when they did. */
const withoutTimes = (state: NodeState): NodeState => ({
  ...state,
  iptables: state.iptables.replace(/^#.*(Generated|Completed).*\n/gm, ''),
  ip6tables: state.ip6tables.replace(/^#.*(Generated|Completed).*\n/gm, ''),
})

/** The addresses of Services, in order. */
const boundIn = (addresses: string): string[] =>
  (JSON.parse(addresses) as { ifname: string; addr_info: { local: string; scope: string }[] }[])
    .filter(({ ifname }) => ifname === 'kube-ipvs0')
    .flatMap(({ addr_info }) => addr_info.filter(({ scope }) => scope === 'global').map(({ local }) => local))
    .sort()

const lines = ({ stdout }: Run): string[] =>
  stdout.split('\n').flatMap((line) => {
    const event = line.startsWith('{') ? JSON.parse(line) : {}
    return event.event === 'difference' ? [`${event.change} ${event.line}`] : []
  })

for (const [what, change, expected] of [
  [
    'one rule',
    'iptables-nft -t nat -I KUBE-SERVICES -d 10.96.0.5/32 -p tcp --dport 80 -j DNAT --to-destination 6.6.6.6:80',
    /^removed rule ipv4 nat KUBE-SERVICES 0001 .*--to-destination 6\.6\.6\.6:80$/,
  ],
  [
    'an entry with nomatch',
    'ipset add KUBE-LOAD-BALANCER-SOURCE-CIDR 172.30.0.99,tcp:80,10.1.0.0/16 nomatch',
    /^removed entry KUBE-LOAD-BALANCER-SOURCE-CIDR 172\.30\.0\.99,tcp:80,10\.1\.0\.0\/16 nomatch$/,
  ],
  [
    'a threshold',
    'ipvsadm -e -t 172.30.0.41:80 -r 10.0.1.21:8080 -m -w 1 -x 9 -y 5',
    /^removed real -t 172\.30\.0\.41:80 10\.0\.1\.21:8080 -m -w 1 -x 9 -y 5$/,
  ],
] as const)
  kernelTest(test, `${what} of others is drift, and goes`, async (lab) => {
    const { node, first, run } = await nodeWithTwoBundles(lab)
    await lab.run(change, { in: node })
    const drift = await run(first, 'check', '-v')
    assertResult(drift, 3, 'would change')
    const shown = lines(drift)
    assert.is(shown.filter((line) => expected.test(line)).length, 1, shown.join('\n'))
    assert.ok(shown.length <= 2, shown.join('\n'))
    assertResult(await run(first, 'status'), 3, 'would change')
    assertResult(await run(first, 'apply'), 0, 'applied')
    assertResult(await run(first, 'check'), 0, 'no difference')
    assertResult(await run(first, 'rollback'), 0, 'rolled back')
    assertResult(await run(first, 'check', '-v'), 3, 'would change')
    assertResult(await run(first, 'apply'), 0, 'applied')
    assertHolds(await readBack(lab, node), first.plan)
  })

kernelTest(
  test,
  'an address of a Service on another interface is a finding, also after the first run',
  async (lab) => {
    const { node, first, run } = await nodeWithTwoBundles(lab)
    const [address = ''] = first.plan.dummyInterface.addresses
    await lab.run(`ip link add eth7 type dummy; ip addr add ${address}/24 dev eth7`, { in: node })
    for (const command of ['check', 'status']) {
      const found = await run(first, command)
      assertResult(found, 3, 'would change')
      assert.ok(found.messages.join().includes(`${address} (on eth7)`), found.stdout)
    }
    assertResult(await run(first, 'apply'), 4, 'refused')
  },
)

kernelTest(test, 'an interface of the name that is no dummy is a finding, and refused', async (lab) => {
  const { node } = await lab.namespaces('node')
  await lab.run('ip link set lo up; ip link add kube-ipvs0 type veth peer name other0', { in: node })
  const bundle = writeBundle(lab, goldenPlan('load-balancer'))
  const check = await runScript(lab, node, bundle, { arguments: ['check'] })
  assertResult(check, 3, 'would change')
  assert.match(check.messages.join(), /kube-ipvs0 is no dummy interface/)
  assertResult(await runScript(lab, node, bundle), 4, 'refused')
  assert.is((await readBack(lab, node)).ipvs, '')
})

for (const [what, change, expected] of [
  [
    'a set of another type',
    'ipset create KUBE-CLUSTER-IP hash:ip',
    /set KUBE-CLUSTER-IP is one of hash:ip inet and not of hash:ip,port inet/,
  ],
  [
    'a set to fill aside that is used',
    'ipset create ipvsc-tmp hash:ip; iptables-nft -A INPUT -m set --match-set ipvsc-tmp src -j ACCEPT',
    /set ipvsc-tmp, which is to be filled, is used by something else/,
  ],
  [
    'a table that iptables cannot list',
    'iptables-nft -t nat -A OUTPUT -j ACCEPT; nft add rule ip nat OUTPUT ct state new counter accept',
    /table nat of ipv4 holds what iptables cannot list, chain OUTPUT: ct state new/,
  ],
] as const)
  kernelTest(test, `${what} is refused before anything is touched`, async (lab) => {
    const { node } = await lab.namespaces('node')
    await lab.run(`ip link set lo up; ${change}`, { in: node })
    const before = await readBack(lab, node)
    const run = await runScript(lab, node, writeBundle(lab, goldenPlan('load-balancer')))
    assertResult(run, 4, 'refused')
    assert.match(run.messages.join(), expected)
    assert.equal(withoutTimes(await readBack(lab, node)), withoutTimes(before))
  })

kernelTest(test, 'a set that others use by another set is named before cleanup begins', async (lab) => {
  const { node, first, run } = await nodeWithTwoBundles(lab)
  await lab.run('ipset create all list:set; ipset add all KUBE-CLUSTER-IP', { in: node })
  const refused = await run(first, 'cleanup')
  assertResult(refused, 4, 'refused')
  assert.match(refused.messages.join(), /set KUBE-CLUSTER-IP is used by something else/)
  await lab.run('ipset destroy all', { in: node })
  assertHolds(await readBack(lab, node), first.plan)
  assertResult(await run(first, 'cleanup'), 0, 'cleaned up')
})

kernelTest(
  test,
  'what is left of a family that is no longer wanted is drift, and removed when asked',
  async (lab) => {
    const { node } = await lab.namespaces('node')
    await lab.run('ip link set lo up', { in: node })
    const [both, narrow] = ['dual-stack', 'family-ipv4-only'].map((name) =>
      writeBundle(lab, goldenPlan(name)),
    )
    if (both === undefined || narrow === undefined) return
    const run = (bundle: typeof both, ...words: string[]) =>
      runScript(lab, node, bundle, { arguments: words })
    assertResult(await run(both, 'apply'), 0, 'applied')
    assertResult(await run(narrow, 'apply', '--no-drain'), 0, 'unchanged')
    const check = await run(narrow, 'check')
    assertResult(check, 3, 'would change')
    assert.match(check.messages.join(), /leaves ipv6 alone, but the node holds of it 17 sets/)
    // A way back of one family leaves the addresses of the other.
    const addresses = (await readBack(lab, node)).addresses
    assertResult(await run(narrow, 'cleanup'), 0, 'cleaned up')
    assert.match((await readBack(lab, node)).addresses, /kube-ipvs0.*fd00:/s)
    assertResult(await run(narrow, 'rollback'), 0, 'rolled back')
    assert.is((await readBack(lab, node)).addresses.length > 0, addresses.length > 0)
    assertResult(await run(narrow, 'apply', '--remove-leftovers'), 0, 'applied')
    assertResult(await run(narrow, 'check'), 0, 'no difference')
    const { ipset, ip6tables, ipvs } = await readBack(lab, node)
    assert.not.match(ipset, /KUBE-6-/)
    assert.not.match(ip6tables, /KUBE-/)
    assert.not.match(ipvs, /\[fd00/)
  },
)

kernelTest(test, 'what fails for a bundle of one family leads back to the addresses of both', async (lab) => {
  const { node } = await lab.namespaces('node')
  await lab.run('ip link set lo up', { in: node })
  const [both, narrow] = ['dual-stack', 'family-ipv4-only'].map((name) =>
    writeBundle(lab, goldenPlan(name)),
  ) as [BundleFolder, BundleFolder]
  assertResult(await runScript(lab, node, both), 0, 'applied')
  assertResult(await runScript(lab, node, narrow, { arguments: ['apply', '--no-drain'] }), 0, 'unchanged')
  /** Its way back is spared. */
  const failing = async (command: string): Promise<void> => {
    const [before, mark] = [withoutTimes(await readBack(lab, node)), join(lab.folder, `failed-${command}`)]
    const once = `[ "$1" != -R ] || [ -e '${mark}' ] || { true > '${mark}'; cat > /dev/null; exit 1; }`
    const programs = replacedProgram(lab, 'ipvsadm', `${once}; real "$@"`)
    assertResult(await runScript(lab, node, narrow, { arguments: [command], programs }), 1, 'restored')
    const { addresses, ipvs } = await readBack(lab, node)
    assert.match(addresses, /kube-ipvs0.*fd00:/s)
    assert.equal(
      { addresses: boundIn(addresses), ipvs },
      { addresses: boundIn(before.addresses), ipvs: before.ipvs },
    )
  }
  await failing('cleanup')
  assertResult(await runScript(lab, node, narrow, { arguments: ['cleanup'] }), 0, 'cleaned up')
  await failing('rollback')
})

kernelTest(test, 'cleanup puts settings back that the first run found', async (lab) => {
  const { node } = await lab.namespaces('node')
  await lab.run('ip link set lo up; sysctl -q -w net.ipv4.vs.conntrack=0 net.ipv4.ip_forward=0', { in: node })
  const bundle = writeBundle(lab, goldenPlan('load-balancer'))
  const conntrack = async () =>
    (await lab.run('cat /proc/sys/net/ipv4/vs/conntrack', { in: node })).stdout.trim()
  assertResult(await runScript(lab, node, bundle), 0, 'applied')
  assert.is(await conntrack(), '1')
  assertResult(await runScript(lab, node, bundle, { arguments: ['cleanup'] }), 0, 'cleaned up')
  assert.is(await conntrack(), '0')
})

for (const [what, damage] of [
  ['lacks its scope', 'rm scope'],
  ['is cut off', 'head -c 100 before/state > x; cat x > before/state; rm x'],
  ['has lines of another system', 'sed -i "s/$/\\r/" scope'],
] as const)
  kernelTest(test, `a journal that ${what} is refused, and can be given up`, async (lab) => {
    const { first, second, run } = await nodeWithTwoBundles(lab)
    assertResult(await run(second, 'apply', '--no-drain', '--confirm', '600'), 0, 'applied')
    await lab.run(`cd '${lab.folder}/state-node/run.b' && rm confirm && ${damage}`)
    for (const command of ['apply', 'rollback', 'cleanup']) {
      const refused = await run(first, command)
      assertResult(refused, 4, 'refused')
      assert.match(refused.messages.join(), /is damaged, .*--discard-journal gives it up/)
    }
    const given = await run(first, 'apply', '--no-drain', '--discard-journal')
    assertResult(given, 0, 'applied')
    assert.match(given.messages.join(), /is given up: the state before it cannot come back/)
  })

kernelTest(test, 'check and status speak while kube-proxy runs', async (lab) => {
  const { node, first, run } = await nodeWithTwoBundles(lab)
  lab.start(['sh', '-c', 'printf kube-proxy > /proc/self/comm; read -r _; :'], node)
  await new Promise((resolve) => setTimeout(resolve, 500))
  for (const command of ['check', 'status']) {
    const said = await run(first, command)
    assertResult(said, 0, 'no difference')
    assert.match(said.messages.join(), /a kube-proxy is running \(process \d+\): apply would refuse/)
  }
})

kernelTest(test, 'a state directory of somebody else is not read', async (lab) => {
  const { node, first } = await nodeWithTwoBundles(lab)
  const state = join(lab.folder, 'theirs')
  await lab.run(`mkdir -p '${state}/run.a/after'; echo 1 > '${state}/run.a/done'`)
  writeFileSync(join(state, 'run.a', 'after', 'scope'), `FAMILIES='$(touch ${lab.folder}/executed)'\n`)
  await lab.run(`chown -R 1234 '${state}'`)
  for (const command of ['apply', 'rollback', 'drain', 'cleanup', 'check']) {
    const run = await runScript(lab, node, first, { arguments: [command], stateDir: state })
    assertResult(run, 4, 'refused')
    assert.match(run.messages.join(), /belongs to user 1234/)
  }
  // Nor one that the environment names.
  const { status, stdout } = await lab.run(`IPVSC_STATE_DIR='${state}' sh '${first.path}/apply.sh' --json`, {
    in: node,
    check: false,
  })
  assert.is(status, 4, stdout)
  assert.match(stdout, /belongs to user 1234/)
  assert.is((await lab.run(`[ ! -e '${lab.folder}/executed' ] || echo yes`)).stdout, '')
})

kernelTest(test, 'who did what is in the log of the state directory', async (lab) => {
  const { first, second, run } = await nodeWithTwoBundles(lab)
  assertResult(await run(second, 'apply', '--no-drain'), 0, 'applied')
  assertResult(await run(first, 'check'), 3, 'would change')
  assertResult(await run(second, 'rollback', '--no-drain'), 0, 'rolled back')
  const { stdout } = await lab.run(`cat '${lab.folder}/state-node/log'`)
  const said = stdout.trim().split('\n')
  assert.is(said.length, 3, stdout)
  assert.match(
    said[0] as string,
    /^\d{4}-\d\d-\d\dT\S+ \S.*: apply: applied, node node-1, bundle [0-9a-f]{12}, /,
  )
  assert.match(said[2] as string, /: rollback: rolled back/)
})

kernelTest(test, 'who did what is told to the log of the node, where it keeps one', async (lab) => {
  const { node, second } = await nodeWithTwoBundles(lab)
  const kept = join(lab.folder, 'syslog')
  // With a folder of devices of its own, where nobody else listens.
  const script = `set -e; mount -t tmpfs -o mode=755 tmpfs /mnt
cp -a /dev/null /dev/zero /dev/urandom /dev/random /mnt; ln -s /proc/self/fd /mnt/fd; mount --move /mnt /dev
socat -u UNIX-RECV:/dev/log OPEN:'${kept}',creat,append & server=$!
while [ ! -S /dev/log ]; do sleep 0.1; done
sh '${second.path}/apply.sh' --no-drain --iptables nft --state-dir '${lab.folder}/state-node' > /dev/null 2>&1
sleep 0.5; kill "$server"; cat '${kept}'`
  const { stdout } = await lab.run(`unshare -m sh -c '${script.replaceAll("'", `'\\''`)}'`, { in: node })
  assert.match(stdout, /ipvsc.*: apply: applied, node node-1, bundle [0-9a-f]{12}, /)
})

test.run()
