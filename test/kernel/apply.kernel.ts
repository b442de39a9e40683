import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  assertResult,
  type BundleFolder,
  busyboxTools,
  type Run,
  runScript,
  STEP_TAKEN,
  writeBundle,
} from './harness/applier.ts'
import { FLAVOURS, readBack } from './harness/bundle.ts'
import { goldenCases, goldenPlan, withPodMoved } from './harness/golden.ts'
import { kernelTest } from './harness/lab.ts'
import { assertHolds } from './harness/state.ts'

/** The script of a bundle: from an empty node to a plan, from any plan to any other, and back to nothing. */

const test = suite('apply')

const cases = goldenCases()

for (const flavour of FLAVOURS)
  for (const name of ['dual-stack', 'cluster-small-node1', 'load-balancer-local'])
    kernelTest(test, `${name}: applied, unchanged, cleaned up (${flavour})`, async (lab) => {
      const { node } = await lab.namespaces('node')
      const bundle = writeBundle(lab, goldenPlan(name))
      await lab.run('ip link set lo up', { in: node })
      const run = (...words: readonly string[]) => runScript(lab, node, bundle, { arguments: words, flavour })
      assert.is((await run('check')).status, 3)
      assertResult(await run('apply'), 0, 'applied')
      assertHolds(await readBack(lab, node, flavour), bundle.plan)
      assertResult(await run('check'), 0, 'no difference')
      assertResult(await run('apply'), 0, 'unchanged')
      assertResult(await run('cleanup'), 0, 'cleaned up')
      const after = await readBack(lab, node, flavour)
      for (const text of Object.values(after)) assert.not.match(text, /KUBE-|kube-ipvs0|^-A -/m)
    })

/** How many cases one test goes through. */
const LEG = 8

/** Every case is reached from the one before it by a delta bundle. */
for (let start = 0; start < cases.length - 1; start += LEG - 1) {
  const way = cases.slice(start, start + LEG)
  kernelTest(
    test,
    `by delta bundles: ${way.join(', ')}`,
    async (lab) => {
      const { node } = await lab.namespaces('node')
      await lab.run('ip link set lo up', { in: node })
      for (const [index, name] of way.entries()) {
        const before = way[index - 1]
        const bundle = writeBundle(lab, goldenPlan(name), before === undefined ? null : goldenPlan(before))
        const run = await runScript(lab, node, bundle)
        assert.is(run.status, 0, `${name}: ${run.stdout}${run.stderr}`)
        assertHolds(await readBack(lab, node), bundle.plan)
      }
    },
    { limit: 240 },
  )
}

const BUSYBOX_TOOLS = [
  ...['awk', 'sort', 'cp', 'mv', 'rm', 'mkdir', 'cat', 'sha256sum', 'mktemp'],
  ...['setsid', 'sleep', 'ls', 'ln'],
]

for (const [shell, ownTools] of [
  ['dash', false],
  ['busybox ash', true],
  ['bash --posix', false],
] as const)
  kernelTest(
    test,
    `every command runs in ${shell}${ownTools ? ' with the tools of busybox' : ''}`,
    async (lab) => {
      const { node } = await lab.namespaces('node')
      const programs = ownTools ? { programs: busyboxTools(lab, BUSYBOX_TOOLS) } : {}
      await lab.run('ip link set lo up', { in: node })
      const run = (bundle: BundleFolder, ...words: readonly string[]): Promise<Run> =>
        runScript(lab, node, bundle, { shell, ...programs, arguments: words })
      const [first, second] = ['dual-stack', 'cluster-small-node1'].map((name) =>
        writeBundle(lab, goldenPlan(name)),
      )
      if (first === undefined || second === undefined) return
      const facts = JSON.parse((await run(first, 'facts')).stdout)
      assert.is(facts.version, 1)
      assert.ok(facts.schedulers.includes('rr') && facts.tools.ipvsadm !== null, JSON.stringify(facts))
      assertResult(await run(first, 'check'), 3, 'would change')
      assertResult(await run(first, 'apply'), 0, 'applied')
      assertResult(await run(first, 'status'), 0, 'no difference')
      const moved = writeBundle(lab, withPodMoved(first.plan), first.plan)
      const step = await run(moved, 'apply', '--verbose')
      assertResult(step, 0, 'applied')
      assert.match(step.stdout, STEP_TAKEN)
      assertResult(await run(second, 'apply', '--confirm', '300'), 0, 'applied')
      assertResult(await run(second, 'confirm'), 0, 'confirmed')
      assertHolds(await readBack(lab, node), second.plan)
      assertResult(await run(second, 'drain'), 0, 'nothing is draining')
      assertResult(await run(second, 'rollback'), 0, 'rolled back')
      assertHolds(await readBack(lab, node), moved.plan)
      assertResult(await run(second, 'cleanup'), 0, 'cleaned up')
    },
    { limit: 120 },
  )

test.run()
