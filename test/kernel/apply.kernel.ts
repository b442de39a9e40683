import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Plan } from '../../src/index.ts'
import { type Run, runScript, writeBundle } from './harness/applier.ts'
import { FLAVOURS, readBack } from './harness/bundle.ts'
import { DATA, kernelTest } from './harness/lab.ts'
import { assertHolds } from './harness/state.ts'

/** The script of a bundle: from an empty node to the plan, and back. */

const test = suite('apply')

const goldenPlan = (name: string): Plan =>
  JSON.parse(readFileSync(`${DATA}/golden/${name}/expected/plan.json`, 'utf8')) as Plan

const cases = readdirSync(`${DATA}/golden`)
  .sort()
  .filter((name) => existsSync(`${DATA}/golden/${name}/expected/plan.json`))

function assertResult(run: Run, status: number, result: string): void {
  assert.equal({ status: run.status, result: run.result }, { status, result }, `${run.stdout}${run.stderr}`)
}

for (const name of cases)
  for (const [index, flavour] of FLAVOURS.entries()) {
    if (index > 0 && !/dual-stack|load-balancer/.test(name)) continue
    kernelTest(test, `${name}: applied, unchanged, cleaned up (${flavour})`, async (lab) => {
      const { node } = await lab.namespaces('node')
      const bundle = writeBundle(lab, goldenPlan(name))
      await lab.run('ip link set lo up', { in: node })
      const run = (...words: readonly string[]) => runScript(lab, node, bundle, { arguments: words, flavour })
      assertResult(await run('apply'), 0, 'applied')
      assertHolds(await readBack(lab, node, flavour), bundle.plan)
      if (name === 'dual-stack') assertResult(await run('check'), 0, 'no difference')
      assertResult(await run('apply'), 0, 'unchanged')
      assertResult(await run('cleanup'), 0, 'cleaned up')
      const after = await readBack(lab, node, flavour)
      for (const text of Object.values(after)) assert.not.match(text, /KUBE-|kube-ipvs0|^-A -/m)
    })
  }

test.run()
