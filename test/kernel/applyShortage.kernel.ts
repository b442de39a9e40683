import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { canonicalServers } from '../../src/capture/capture.ts'
import { parseIpvsRestore } from '../../src/index.ts'
import {
  assertResult,
  type BundleFolder,
  busyboxTools,
  nodeWithTwoBundles,
  replacedProgram,
  runScript,
  STEP_TAKEN,
  writeBundle,
} from './harness/applier.ts'
import { readBack } from './harness/bundle.ts'
import { goldenPlan, withMoreServers, withPodMoved } from './harness/golden.ts'
import { kernelTest } from './harness/lab.ts'
import { assertHolds } from './harness/state.ts'

/** What a node may be short of: room for files, root, tools, modules, a kernel of our time. */

const test = suite('apply on a node that lacks something')

/** A script that may mount what it likes: nobody else sees it. */
const withOwnMounts = (script: string): string => `unshare -m sh -c '${script.replaceAll("'", `'\\''`)}'`
/** Kilobytes of /run: from too little for anything to enough for a run. */
const SIZES = [12, 20, 28, 36, 48, 64, 80, 96, 128, 160, 200, 256, 320, 400, 512]

for (const tools of ['those of the node', 'those of busybox'])
  kernelTest(
    test,
    `a /run without room for all of it, with ${tools}: whatever is short, the node stays as it was`,
    async (lab) => {
      const { node, first, second } = await nodeWithTwoBundles(lab)
      const programs =
        tools === 'those of busybox' ? busyboxTools(lab, ['awk', 'sort', 'cp', 'cat']) : '/nowhere'
      const options = `--no-drain --iptables nft --state-dir '${lab.folder}/state-node' --json`
      let refused = 0
      for (const size of SIZES) {
        const script = `mount -t tmpfs -o size=${size}k tmpfs /run
TMPDIR=/run PATH='${programs}':$PATH sh '${second.path}/apply.sh' ${options}`
        const { status, stdout } = await lab.run(withOwnMounts(script), {
          in: node,
          check: false,
        })
        if (status === 0) {
          assertHolds(await readBack(lab, node), second.plan)
          assert.ok(refused > 3, `${refused} sizes were too small`)
          return
        }
        assert.ok([1, 4].includes(status), `${size} KB: exit ${status}\n${stdout}`)
        assert.not.match(stdout, /damaged or incomplete/, 'nothing is wrong with the bundle')
        assertHolds(await readBack(lab, node), first.plan)
        refused++
      }
      assert.unreachable('no size was enough')
    },
    { limit: 180 },
  )

kernelTest(
  test,
  'a /run without room for what reading back takes, on a node that held nothing: it holds nothing again',
  async (lab) => {
    const { node } = await lab.namespaces('node')
    await lab.run('ip link set lo up', { in: node })
    const bundle = writeBundle(lab, withMoreServers(goldenPlan('load-balancer'), 400))
    for (let size = 300; ; size += 60) {
      const script = `mount -t tmpfs -o size=${size}k tmpfs /run
TMPDIR=/run sh '${bundle.path}/apply.sh' --iptables nft --state-dir '${lab.folder}/state-node' --json`
      const { status, stdout } = await lab.run(withOwnMounts(script), { in: node, check: false })
      const state = await readBack(lab, node)
      if (status === 0) return assertHolds(state, bundle.plan)
      assert.ok([1, 4].includes(status), `${size} KB: exit ${status}\n${stdout}`)
      assert.is(state.ipvs, '')
      assert.not.match(state.ipset + state.iptables + state.addresses, /KUBE-|kube-ipvs0/)
    }
  },
  { limit: 200 },
)

kernelTest(
  test,
  'a state directory that fills up while payloads are loaded: the state before comes back',
  async (lab) => {
    const { node, first, second } = await nodeWithTwoBundles(lab)
    const small = join(lab.folder, 'small')
    mkdirSync(small)
    const fill = `dd if=/dev/zero of='${small}/fill' bs=1k 2> /dev/null`
    const programs = replacedProgram(lab, 'ipvsadm', `real "$@"; [ "$1" != -R ] || ${fill} || :`)
    const script = `mount -t tmpfs -o size=400k,mode=700 tmpfs '${small}'
run() { sh '${second.path}/apply.sh' --no-drain --iptables nft --state-dir '${small}' --json; }
(PATH='${programs}':$PATH; run); echo "exit $?" && ipvsadm -S -n && rm '${small}/fill' && run`
    const { stdout } = await lab.run(withOwnMounts(script), { in: node })
    assert.match(stdout, /"result":"restored".*\nexit 1\n.*"result":"applied"/s)
    const [, held = ''] = /^exit 1\n(.*?)^\{/ms.exec(stdout) ?? []
    const servers = parseIpvsRestore(held).virtualServers
    assert.equal(canonicalServers(servers), first.plan.virtualServers)
    assertHolds(await readBack(lab, node), second.plan)
  },
)

kernelTest(
  test,
  'a /run that fills up while payloads are loaded: the room for the way back was kept',
  async (lab) => {
    const { node, first, second, run } = await nodeWithTwoBundles(lab)
    const fill = '[ -e /run/fill ] || dd if=/dev/zero of=/run/fill bs=1k 2> /dev/null'
    const programs = replacedProgram(lab, 'ipvsadm', `real "$@"; [ "$1" != -R ] || ${fill} || :`)
    const script = `mount -t tmpfs -o size=1m tmpfs /run
PATH='${programs}':$PATH sh '${second.path}/apply.sh' --no-drain --iptables nft --state-dir '${lab.folder}/state-node' --json`
    const { status, stdout } = await lab.run(withOwnMounts(script), {
      in: node,
      check: false,
    })
    // With what was kept, it may even come to its end.
    assert.ok(status === 0 || status === 1, stdout)
    const [held, other] = status === 0 ? [second, first] : [first, second]
    assertHolds(await readBack(lab, node), held.plan)
    const next = await run(other, 'apply', '--no-drain')
    assertResult(next, 0, 'applied')
    assert.not.match(next.messages.join(), /did not end/)
  },
)

kernelTest(
  test,
  'a /run that fills up while a step is loaded: the way back takes the room of the state directory',
  async (lab) => {
    const { node, first, run } = await nodeWithTwoBundles(lab)
    const moved = withPodMoved(first.plan)
    const step = writeBundle(lab, moved, first.plan)
    const fill = '[ -e /run/fill ] || dd if=/dev/zero of=/run/fill bs=1k 2> /dev/null'
    const programs = replacedProgram(lab, 'ipvsadm', `real "$@"; [ "$1" != -R ] || ${fill} || :`)
    const state = join(lab.folder, 'state-node')
    const script = `mount -t tmpfs -o size=1m tmpfs /run
PATH='${programs}':$PATH sh '${step.path}/apply.sh' --no-drain --iptables nft --state-dir '${state}' --json --verbose`
    const { status, stdout } = await lab.run(withOwnMounts(script), { in: node, check: false })
    assert.is(status, 1, stdout)
    assert.match(stdout, STEP_TAKEN)
    assert.match(stdout, /once more, with files in /)
    assertHolds(await readBack(lab, node), first.plan)
    assert.not.ok(
      readdirSync(state).some((name) => name.startsWith('work.')),
      'nothing is left of it',
    )
    const next = await run(step, 'apply', '--no-drain')
    assertResult(next, 0, 'applied')
    assertHolds(await readBack(lab, node), moved)
  },
)

/** What is missing on a node, made by hiding or replacing files in a mount namespace. */
for (const [what, prepare, expected] of [
  ['root', 'run="setpriv --reuid=65534 --regid=65534 --clear-groups"', /needs root: run it with sudo/],
  [
    'ipset',
    'mount --bind /dev/null "$(readlink -f "$(command -v ipset)")"',
    /ipset is not installed: install it/,
  ],
  [
    'a kernel of our time',
    'echo 3.10.0-1160.el7 > /mnt/release; mount --bind /mnt/release /proc/sys/kernel/osrelease',
    /the kernel is 3\.10\.0-1160\.el7; IPVS mode needs 4\.1 or newer: upgrade it/,
  ],
  [
    'an ipset of our time',
    'printf "#!/bin/sh\\necho ipset v4.5, protocol version: 4\\n" > /mnt/old/ipset; chmod 755 /mnt/old/ipset; PATH=/mnt/old:$PATH',
    /ipset is too old \(ipset v4\.5, protocol version: 4\); 6\.0\.0 or newer is needed/,
  ],
] as const)
  kernelTest(test, `without ${what}, a run is refused with what to do`, async (lab) => {
    const { node } = await lab.namespaces('node')
    const bundle = writeBundle(lab, goldenPlan('dual-stack'))
    const script = `mount -t tmpfs -o mode=755 tmpfs /mnt; mkdir /mnt/old /mnt/bundle
cp -r '${bundle.path}'/. /mnt/bundle; chmod -R a+rX /mnt/bundle; run=''
${prepare}
$run sh /mnt/bundle/apply.sh --iptables nft --state-dir /mnt/state --json`
    const { status, stdout } = await lab.run(withOwnMounts(script), {
      in: node,
      check: false,
    })
    assert.is(status, 4, stdout)
    assert.match(stdout, expected)
    assert.match(stdout, /"result":"refused"/)
    assert.not.match((await readBack(lab, node)).ipset, /KUBE-/)
  })

kernelTest(
  test,
  'IPv6 that a setting switches off: who needs it is refused by name, and who does not is served',
  async (lab) => {
    const { node } = await lab.namespaces('node')
    await lab.run('ip link set lo up', { in: node })
    const set = (name: string, value: number) =>
      lab.run(`sysctl -q -w net.ipv6.conf.${name}.disable_ipv6=${value}`, { in: node })
    const [both, ipv4] = ['dual-stack', 'cluster-ip'].map((name) => writeBundle(lab, goldenPlan(name))) as [
      BundleFolder,
      BundleFolder,
    ]
    assert.ok(both.plan.dummyInterface.addresses.some((address) => address.includes(':')))
    assert.ok(ipv4.plan.families.includes('ipv6'))
    const refused = async (setting: string): Promise<void> => {
      const held = async () => {
        const { ipvs, ipset, addresses } = await readBack(lab, node)
        return { ipvs, ipset, addresses }
      }
      const before = await held()
      const named = new RegExp(
        `kube-ipvs0 takes no IPv6 address.*set net\\.ipv6\\.conf\\.${setting}\\.disable_ipv6 to 0`,
      )
      const run = await runScript(lab, node, both)
      assertResult(run, 4, 'refused')
      assert.match(run.messages.join(), named)
      const check = await runScript(lab, node, both, { arguments: ['check'] })
      assertResult(check, 3, 'would change')
      assert.match(check.messages.join(), named)
      assert.equal(await held(), before)
    }
    await set('all', 1)
    await refused('default')
    assertResult(await runScript(lab, node, ipv4), 0, 'applied')
    assertHolds(await readBack(lab, node), ipv4.plan)
    // The interface is there by now, and what it says counts.
    await set('default', 0)
    await refused('kube-ipvs0')
    await set('kube-ipvs0', 0)
    assertResult(await runScript(lab, node, both, { arguments: ['apply', '--no-drain'] }), 0, 'applied')
    assertHolds(await readBack(lab, node), both.plan)
    // Which takes away the addresses that it has.
    await set('all', 1)
    await refused('kube-ipvs0')
  },
)

kernelTest(
  test,
  'modules are loaded when all else is in order, and one that does not load is a refusal',
  async (lab) => {
    const { node, first, second, run } = await nodeWithTwoBundles(lab)
    const loaded = async (): Promise<boolean> =>
      (await lab.run('[ ! -d /sys/module/ip_vs_nq ] || echo yes', { in: node })).stdout !== ''
    assert.is(await loaded(), false, 'no other test needs it')
    const bundle = writeBundle(lab, { ...second.plan, modules: [...second.plan.modules, 'ip_vs_nq'] })
    const [address = ''] = second.plan.dummyInterface.addresses
    await lab.run(`ip link add eth7 type dummy; ip addr add ${address}/24 dev eth7`, { in: node })
    assertResult(await run(bundle, 'apply'), 4, 'refused')
    assert.is(await loaded(), false)
    await lab.run('ip link del eth7', { in: node })
    assertResult(await run(bundle, 'apply', '--dry-run'), 0, 'dry run')
    assert.is(await loaded(), false)
    const programs = replacedProgram(lab, 'modprobe', '[ "$1" = -n ] || exit 1; real "$@"')
    const refused = await runScript(lab, node, bundle, { programs })
    assertResult(refused, 4, 'refused')
    assert.match(refused.messages.join(), /modprobe failed with 1/)
    assertHolds(await readBack(lab, node), first.plan)
    assertResult(await run(bundle, 'apply'), 0, 'applied')
    assert.is(await loaded(), true)
  },
)

test.run()
