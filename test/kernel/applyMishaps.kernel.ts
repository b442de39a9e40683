import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { IpPortEntry, Plan } from '../../src/index.ts'
import { buildSet } from '../../src/plan/sets.ts'
import {
  assertResult,
  type BundleFolder,
  nodeWithTwoBundles,
  replacedProgram,
  runScript,
  writeBundle,
} from './harness/applier.ts'
import { readBack } from './harness/bundle.ts'
import { kernelTest, type Lab, type Namespace } from './harness/lab.ts'
import { assertHolds } from './harness/state.ts'

/** What goes wrong without a word, or in the middle of a run: lost lines, interruptions, readers that leave. */

const test = suite('apply through mishaps')

for (const [what, restore] of [
  ['loses a line and says nothing', 'sed 1d | real "$@"'],
  ['complains of a line and exits with 0', 'real "$@"; echo "No such service" >&2'],
] as const)
  kernelTest(test, `ipvsadm ${what}: the state before comes back`, async (lab) => {
    const { node, first, second } = await nodeWithTwoBundles(lab)
    const once = join(lab.folder, 'once')
    const programs = replacedProgram(
      lab,
      'ipvsadm',
      `if [ "$1" = -R ] && [ ! -e '${once}' ]; then : > '${once}'; ${restore}; else real "$@"; fi`,
    )
    const run = await runScript(lab, node, second, { arguments: ['apply', '--no-drain'], programs })
    assertResult(run, 1, 'restored')
    assertHolds(await readBack(lab, node), first.plan)
  })

for (const signal of ['INT', 'TERM', 'HUP', 'QUIT'])
  kernelTest(test, `SIG${signal} while payloads are loaded: the state before comes back`, async (lab) => {
    const { node, first, second, run } = await nodeWithTwoBundles(lab)
    const programs = replacedProgram(
      lab,
      'ipvsadm',
      `[ "$1" != -R ] || [ -e '${lab.folder}/loading' ] || { : > '${lab.folder}/loading'; sleep 9; }; real "$@"`,
    )
    // What a shell starts in the background ignores SIGINT, unless told otherwise.
    const script = `cd '${lab.folder}'
PATH='${programs}':$PATH env --default-signal=INT --default-signal=QUIT sh '${second.path}/apply.sh' --no-drain --iptables nft \\
  --state-dir '${lab.folder}/state-node' --json > said &
script=$!
until [ -e loading ]; do sleep 0.1; done
kill -${signal} $script; wait $script; echo $? > status`
    await lab.run(script, { in: node })
    assert.match(readFileSync(join(lab.folder, 'said'), 'utf8'), /"result":"restored"/)
    assert.is(readFileSync(join(lab.folder, 'status'), 'utf8'), '1\n')
    assertHolds(await readBack(lab, node), first.plan)
    assertResult(await run(second, 'apply', '--no-drain'), 0, 'applied')
  })

kernelTest(test, 'the way back of a confirmed run leaves a later one alone', async (lab) => {
  const { node, first, second, run } = await nodeWithTwoBundles(lab)
  assertResult(await run(second, 'apply', '--no-drain', '--confirm', '12'), 0, 'applied')
  assertResult(await run(second, 'confirm'), 0, 'confirmed')
  assertResult(await run(first, 'apply', '--no-drain', '--confirm', '60'), 0, 'applied')
  await new Promise((resolve) => setTimeout(resolve, 15_000))
  assertHolds(await readBack(lab, node), first.plan)
  assertResult(await run(first, 'confirm', '--dry-run'), 0, 'dry run')
  assertResult(await run(first, 'rollback', '--no-drain'), 0, 'rolled back')
  assertResult(await run(first, 'confirm'), 4, 'refused')
  assertHolds(await readBack(lab, node), second.plan)
})

kernelTest(test, 'an interrupted way back cannot be confirmed', async (lab) => {
  const { node, first, second, run } = await nodeWithTwoBundles(lab)
  assertResult(await run(second, 'apply', '--no-drain', '--confirm', '300'), 0, 'applied')
  const failing = replacedProgram(lab, 'ipvsadm', '[ "$1" != -R ] && real "$@"')
  const options = { arguments: ['rollback', '--no-drain'], programs: failing }
  assertResult(await runScript(lab, node, second, options), 6, 'failed')
  assertResult(await run(second, 'confirm'), 4, 'refused')
  assertResult(await run(first, 'apply'), 0, 'unchanged')
  assertHolds(await readBack(lab, node), first.plan)
})

kernelTest(test, 'whoever reads what the script says may leave', async (lab) => {
  const { node, second } = await nodeWithTwoBundles(lab)
  const options = `--no-drain --iptables nft --state-dir '${lab.folder}/state-node' --json --verbose`
  const script = `{ sh '${second.path}/apply.sh' ${options}; echo $? > '${lab.folder}/status'; } | true`
  await lab.run(script, { in: node })
  assert.is(readFileSync(join(lab.folder, 'status'), 'utf8'), '0\n')
  assertHolds(await readBack(lab, node), second.plan)
})

/** Runs a bundle and kills it beside a program, when that is called so. */
async function runKilled(
  lab: Lab,
  node: Namespace,
  bundle: BundleFolder,
  program: string,
  first: string,
): Promise<void> {
  const pid = join(lab.folder, 'pid')
  const killer = `real "$@"; [ "$1" != ${first} ] || kill -KILL "$(cat '${pid}')"`
  const script = `sh -c 'echo $$ > "$0"; exec "$@"' '${pid}' env PATH='${replacedProgram(lab, program, killer)}':"$PATH" \\
  sh '${bundle.path}/apply.sh' --no-drain --iptables nft --state-dir '${lab.folder}/state-node'`
  assert.is.not((await lab.run(script, { in: node, check: false })).status, 0)
}

kernelTest(test, 'a repair that was killed is done by the next run', async (lab) => {
  const { node, first, run } = await nodeWithTwoBundles(lab)
  const [address = ''] = first.plan.dummyInterface.addresses
  await lab.run(`ipvsadm -D -t 172.30.0.41:80; ip addr del ${address}/32 dev kube-ipvs0`, { in: node })
  await runKilled(lab, node, first, 'ipvsadm', '-R')
  await lab.run('ipset create ipvsc-tmp hash:ip', { in: node })
  const repaired = await run(first, 'apply')
  assertResult(repaired, 0, 'applied')
  assert.match(repaired.messages.join(), /did not end/)
  assert.ok((repaired.undone.virtualServersRemoved ?? 0) > 0, repaired.stdout)
  assertHolds(await readBack(lab, node), first.plan)
  assert.not.match((await readBack(lab, node)).ipset, /ipvsc-tmp/)
  assertResult(await run(first, 'check'), 0, 'no difference')
})

kernelTest(test, 'a run that was killed: a dry run refuses, any other leads back first', async (lab) => {
  const { node, first, second, run } = await nodeWithTwoBundles(lab)
  await runKilled(lab, node, second, 'ipvsadm', '-R')
  const { ipvs } = await readBack(lab, node)
  const dry = await run(second, 'apply', '--dry-run')
  assertResult(dry, 4, 'refused')
  assert.match(dry.messages.join(), /a run before this one did not end/)
  assert.is((await readBack(lab, node)).ipvs, ipvs, 'nothing was touched')
  const drained = await run(second, 'drain')
  assertResult(drained, 0, 'nothing is draining')
  assert.match(drained.messages.join(), /a run before this one did not end/)
  assertHolds(await readBack(lab, node), first.plan)
})

kernelTest(test, 'records of before a restart of the node count for nothing', async (lab) => {
  const { node, first, run } = await nodeWithTwoBundles(lab)
  const state = join(lab.folder, 'state-node')
  writeFileSync(join(state, 'boot'), '00000000-0000-0000-0000-000000000000\n')
  writeFileSync(join(state, 'draining'), '-t 172.30.0.41:80 10.0.1.21:8080 1\n')
  await lab.run(
    `for run in '${state}'/run.?; do : > "$run/done"; echo yes > "$run/begun"; : > "$run/before/state"; done`,
  )
  assertResult(await run(first, 'apply'), 0, 'unchanged')
  assert.not.ok(existsSync(join(state, 'draining')))
  assertResult(await run(first, 'rollback'), 4, 'refused')
  assertHolds(await readBack(lab, node), first.plan)
})

kernelTest(
  test,
  'a loss of power in the middle of a run: nothing leads back to what the kernel has forgotten',
  async (lab) => {
    const { node, second } = await nodeWithTwoBundles(lab)
    const { started } = await lab.namespaces('started')
    const stateDir = join(lab.folder, 'state-node')
    await runKilled(lab, node, second, 'ipvsadm', '-R')
    writeFileSync(join(stateDir, 'boot'), '00000000-0000-0000-0000-000000000000\n')
    await lab.run('ip link set lo up', { in: started })
    const run = await runScript(lab, started, second, { stateDir })
    assertResult(run, 0, 'applied')
    assert.equal(run.undone, {})
    assertHolds(await readBack(lab, started), second.plan)
  },
)

kernelTest(test, 'draining that fails leads back, and works the next time', async (lab) => {
  const { node, first, run } = await nodeWithTwoBundles(lab)
  await lab.run('ipvsadm -e -t 172.30.0.41:80 -r 10.0.1.21:8080 -m -w 0', { in: node })
  writeFileSync(join(lab.folder, 'state-node', 'draining'), '-t 172.30.0.41:80 10.0.1.21:8080 1\n')
  const before = await readBack(lab, node)
  const failing = 'real "$@" || exit; [ "$1" != -R ] || [ -e "$0.hit" ] || { : > "$0.hit"; exit 1; }'
  const programs = replacedProgram(lab, 'ipvsadm', failing)
  const failed = await runScript(lab, node, first, { arguments: ['drain'], programs })
  assertResult(failed, 1, 'restored')
  const after = await readBack(lab, node)
  assert.is(after.ipvs, before.ipvs)
  assert.is(after.ipset, before.ipset)
  assertResult(await run(first, 'drain'), 0, 'drained')
  assert.not.match((await readBack(lab, node)).ipvs, /-r 10\.0\.1\.21:8080 -m -w 0/)
})

kernelTest(test, 'a retired real server that somebody else has removed is forgotten', async (lab) => {
  const { node, first, run } = await nodeWithTwoBundles(lab)
  const draining = join(lab.folder, 'state-node', 'draining')
  writeFileSync(draining, '-t 172.30.0.41:80 10.9.9.9:8080 1\n')
  assertResult(await run(first, 'drain'), 0, 'unchanged')
  assert.not.ok(existsSync(draining))
  assertHolds(await readBack(lab, node), first.plan)
})

kernelTest(test, 'a drain that cannot say what is left puts back what it removed', async (lab) => {
  const { node, first, run } = await nodeWithTwoBundles(lab)
  await lab.run('ipvsadm -e -t 172.30.0.41:80 -r 10.0.1.21:8080 -m -w 0', { in: node })
  const draining = join(lab.folder, 'state-node', 'draining')
  writeFileSync(draining, '-t 172.30.0.41:80 10.0.1.21:8080 1\n')
  const before = await readBack(lab, node)
  // The checksums of what is left are the last thing that is written.
  const failing = replacedProgram(lab, 'sha256sum', '[ "$1" = -c ] || [ $# -eq 0 ] || exit 1; real "$@"')
  const failed = await runScript(lab, node, first, { arguments: ['drain'], programs: failing })
  assertResult(failed, 1, 'restored')
  assert.is((await readBack(lab, node)).ipvs, before.ipvs)
  writeFileSync(draining, '-t 172.30.0.41:80 10.0.1.21:8080 1\n')
  assertResult(await run(first, 'drain'), 0, 'drained')
})

kernelTest(
  test,
  'a set that grows is filled aside and swapped, also over one left half filled',
  async (lab) => {
    const { node, first, run } = await nodeWithTwoBundles(lab)
    const sets = first.plan.sets.map((set) => ('maxElements' in set ? { ...set, maxElements: 131_072 } : set))
    const grown = writeBundle(lab, { ...first.plan, sets })
    await lab.run('ipset create ipvsc-tmp hash:ip; ipset add ipvsc-tmp 192.0.2.1', { in: node })
    assertResult(await run(grown, 'apply'), 0, 'applied')
    assertHolds(await readBack(lab, node), grown.plan)
    assert.not.match((await readBack(lab, node)).ipset, /ipvsc-tmp/)
    assertResult(await run(grown, 'rollback'), 0, 'rolled back')
    assertHolds(await readBack(lab, node), first.plan)
  },
)

kernelTest(test, 'a rule of others that uses a chain of ours stays', async (lab) => {
  const { node, first, second, run } = await nodeWithTwoBundles(lab)
  const rule = '-A MINE -s 192.0.2.0/24 -j KUBE-MARK-MASQ'
  await lab.run(`iptables-nft -t nat -N MINE; iptables-nft -t nat ${rule}`, { in: node })
  for (const bundle of [second, first]) {
    assertResult(await run(bundle, 'apply', '--no-drain'), 0, 'applied')
    assert.ok((await readBack(lab, node)).iptables.includes(`${rule}\n`))
    assertResult(await run(bundle, 'apply'), 0, 'unchanged')
  }
  const refused = await run(first, 'cleanup')
  assertResult(refused, 4, 'refused')
  assert.match(
    refused.messages.join(),
    /chain KUBE-MARK-MASQ of table nat \(ipv4\) is used by a rule of others: -A MINE /,
  )
  assertHolds(await readBack(lab, node), first.plan)
  await lab.run('iptables-nft -t nat -F MINE; iptables-nft -t nat -X MINE', { in: node })
  assertResult(await run(first, 'cleanup'), 0, 'cleaned up')
})

kernelTest(test, 'differences are JSON lines, too', async (lab) => {
  const { second, run } = await nodeWithTwoBundles(lab)
  const { status, stdout } = await run(second, 'check', '--verbose')
  assert.is(status, 3)
  const differences = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; change?: string; line?: string })
    .filter(({ event }) => event === 'difference')
  for (const change of ['added', 'removed'])
    assert.ok(
      differences.some((event) => event.change === change),
      change,
    )
  assert.ok(
    differences.some(({ line }) => line?.startsWith('rule ipv4 nat KUBE-') || line?.startsWith('real -t ')),
  )
})

kernelTest(
  test,
  'where nobody would watch over the time to confirm, the run leads back at once',
  async (lab) => {
    const { node, first, second } = await nodeWithTwoBundles(lab)
    const programs = replacedProgram(lab, 'setsid', 'exit 1')
    const options = { arguments: ['apply', '--no-drain', '--confirm', '60'], programs }
    const run = await runScript(lab, node, second, options)
    assertResult(run, 1, 'restored')
    assert.match(run.messages.join(), /nobody would go back/)
    assert.ok((run.undone.virtualServersRemoved ?? 0) > 0, run.stdout)
    assert.equal(run.changes, {})
    assertHolds(await readBack(lab, node), first.plan)
  },
)

kernelTest(
  test,
  'what is not confirmed comes back where both flavours of iptables hold rules',
  async (lab) => {
    const { node, first, second, run } = await nodeWithTwoBundles(lab)
    await lab.run('iptables-legacy -t nat -N KUBE-SERVICES', { in: node })
    assertResult(await run(second, 'apply', '--no-drain', '--confirm', '3'), 0, 'applied')
    assertHolds(await readBack(lab, node), second.plan)
    await new Promise((resolve) => setTimeout(resolve, 9000))
    assertHolds(await readBack(lab, node), first.plan)
    // What goes on from a run goes on in its flavour, without being told.
    const plainly = async (command: string): Promise<string> =>
      (
        await lab.run(
          `sh '${second.path}/apply.sh' ${command} --state-dir '${lab.folder}/state-node' --json`,
          { in: node },
        )
      ).stdout
    assertResult(await run(second, 'apply', '--no-drain', '--confirm', '300'), 0, 'applied')
    assert.match(await plainly('confirm'), /"result":"confirmed"/)
    assert.match(await plainly('rollback --no-drain'), /"result":"rolled back"/)
    assertHolds(await readBack(lab, node), first.plan)
  },
)

kernelTest(test, 'addresses of whole networks on the interface go, and come back', async (lab) => {
  const { node, first, second, run } = await nodeWithTwoBundles(lab)
  const [bound = ''] = first.plan.dummyInterface.addresses.filter((address) => address.includes('.'))
  const [bound6 = ''] = first.plan.dummyInterface.addresses.filter((address) => address.includes(':'))
  const rebind = (address: string, own: number, other: number): string =>
    address === ''
      ? ''
      : `ip addr del ${address}/${own} dev kube-ipvs0; ip addr add ${address}/${other} dev kube-ipvs0`
  await lab.run(
    `ip addr add 192.0.2.9/24 dev kube-ipvs0; ip addr add 192.0.2.10/24 dev kube-ipvs0; ip -6 addr add 2001:db8::9/64 dev kube-ipvs0 nodad
${rebind(bound, 32, 24)}
${rebind(bound6, 128, 64)}
ip link set kube-ipvs0 up`,
    { in: node },
  )
  const addresses = async (): Promise<string> =>
    (await lab.run("ip -o addr show dev kube-ipvs0 | awk '{ print $4 }' | sort", { in: node })).stdout
  const before = await addresses()
  assert.match(before, /^fe80::/m, 'the kernel has put its own there')
  assertResult(await run(first, 'apply'), 0, 'applied')
  assert.not.match(await addresses(), /\/(24|64)$(?<!^fe80.*)/m)
  assertResult(await run(first, 'apply'), 0, 'unchanged')
  assertResult(await run(first, 'rollback'), 0, 'rolled back')
  assert.is(await addresses(), before)
  assertResult(await run(second, 'apply'), 0, 'applied')
  await lab.run('ip link set kube-ipvs0 down', { in: node })
  assertHolds(await readBack(lab, node), second.plan)
})

kernelTest(
  test,
  'a set without room for what comes beside what leaves is larger until the end',
  async (lab) => {
    const { node, first, run } = await nodeWithTwoBundles(lab)
    const holding = (network: number): Plan => ({
      ...first.plan,
      sets: first.plan.sets.map((set) =>
        set.name === 'KUBE-CLUSTER-IP' && set.type === 'hash:ip,port'
          ? { ...buildSet(set.name, set.family, set.type, entriesIn(network)), maxElements: 2048 }
          : set,
      ) as Plan['sets'],
    })
    const [one, other] = [holding(100), holding(110)].map((plan) => writeBundle(lab, plan))
    if (one === undefined || other === undefined) return
    for (const bundle of [one, other, one]) {
      assertResult(await run(bundle, 'apply'), 0, 'applied')
      assertHolds(await readBack(lab, node), bundle.plan)
    }
    const dry = await run(other, 'apply', '--dry-run')
    assert.match(
      dry.stdout,
      /create ipvsc-tmp hash:ip,port family inet maxelem 4096 .*swap ipvsc-tmp KUBE-CLUSTER-IP/,
    )
  },
  { limit: 150 },
)

const entriesIn = (network: number): IpPortEntry[] =>
  Array.from({ length: 1500 }, (_, index) => ({
    ...{ address: `10.${network}.${index >> 8}.${index & 255}`, protocol: 'tcp', port: 80 },
  }))

test.run()
