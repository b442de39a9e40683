import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  assertResult,
  nodeWithTwoBundles,
  replacedProgram,
  runScript,
  writeBundle,
} from './harness/applier.ts'
import { readBack } from './harness/bundle.ts'
import { kernelTest } from './harness/lab.ts'
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

for (const signal of ['INT', 'TERM', 'HUP'])
  kernelTest(test, `SIG${signal} while payloads are loaded: the state before comes back`, async (lab) => {
    const { node, first, second, run } = await nodeWithTwoBundles(lab)
    const programs = replacedProgram(
      lab,
      'ipvsadm',
      `[ "$1" != -R ] || [ -e '${lab.folder}/loading' ] || { : > '${lab.folder}/loading'; sleep 9; }; real "$@"`,
    )
    // What a shell starts in the background ignores SIGINT, unless told otherwise.
    const script = `cd '${lab.folder}'
PATH='${programs}':$PATH env --default-signal=INT sh '${second.path}/apply.sh' --no-drain --iptables nft \\
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
  assertResult(await run(first, 'confirm'), 3, 'refused')
  assertHolds(await readBack(lab, node), second.plan)
})

kernelTest(test, 'an interrupted way back cannot be confirmed', async (lab) => {
  const { node, first, second, run } = await nodeWithTwoBundles(lab)
  assertResult(await run(second, 'apply', '--no-drain', '--confirm', '300'), 0, 'applied')
  const failing = replacedProgram(lab, 'ipvsadm', '[ "$1" != -R ] && real "$@"')
  const options = { arguments: ['rollback', '--no-drain'], programs: failing }
  assertResult(await runScript(lab, node, second, options), 5, 'failed')
  assertResult(await run(second, 'confirm'), 3, 'refused')
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

kernelTest(test, 'a run that was killed: a dry run refuses, any other leads back first', async (lab) => {
  const { node, first, second, run } = await nodeWithTwoBundles(lab)
  const pid = join(lab.folder, 'pid')
  const killer = `real "$@"; [ "$1" != -R ] || kill -KILL "$(cat '${pid}')"`
  const programs = replacedProgram(lab, 'ipvsadm', killer)
  const script = `sh -c 'echo $$ > "$0"; exec "$@"' '${pid}' env PATH='${programs}':"$PATH" sh '${second.path}/apply.sh' \\
  --no-drain --iptables nft --state-dir '${lab.folder}/state-node'`
  assert.is.not((await lab.run(script, { in: node, check: false })).status, 0)
  const { ipvs } = await readBack(lab, node)
  const dry = await run(second, 'apply', '--dry-run')
  assertResult(dry, 3, 'refused')
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
  assertResult(await run(first, 'rollback'), 3, 'refused')
  assertHolds(await readBack(lab, node), first.plan)
})

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
  assertResult(await run(first, 'cleanup'), 1, 'restored')
  assertHolds(await readBack(lab, node), first.plan)
  await lab.run('iptables-nft -t nat -F MINE; iptables-nft -t nat -X MINE', { in: node })
  assertResult(await run(first, 'cleanup'), 0, 'cleaned up')
})

kernelTest(test, 'differences are JSON lines, too', async (lab) => {
  const { second, run } = await nodeWithTwoBundles(lab)
  const { status, stdout } = await run(second, 'check', '--verbose')
  assert.is(status, 2)
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

test.run()
