import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { stepOf } from '../../src/delta/step.ts'
import { delta, emit, emitDelta, type Plan } from '../../src/index.ts'
import { sampled } from '../support/sample.ts'
import { assertResult, runScript, STEP_TAKEN, writeBundle } from './harness/applier.ts'
import { explainOnFailure, loadBundle, readBack } from './harness/bundle.ts'
import {
  bundleFolder,
  cases,
  differing,
  functionsOf,
  heldFolder,
  planOf,
  reference,
  wantedFolder,
} from './harness/goldenNodes.ts'
import { kernelTest, type Lab } from './harness/lab.ts'
import { PART_NAMES, PARTS, type PartName, readingScript } from './harness/parts.ts'
import { assertHolds } from './harness/state.ts'

/**
 * Pairs of golden states, in both directions, a sample of them or all: by deltas that the stock tools load, by what the script of a bundle works
 * out and loads, by that script as a whole, and by delta bundles and their script where those do not compare.
 * What was changed is read again, and has to be what a node prints that was given the other case alone.
 */

const test = suite('every pair')

/** A shell script that takes one step, and the parts that it touches. Settings are those of the whole kernel. */
function stepScript(
  folder: string,
  from: Plan,
  to: Plan,
): { readonly script: string; readonly touched: Set<PartName> } {
  mkdirSync(folder)
  const touched = new Set<PartName>()
  const loads: string[] = []
  for (const [name, text] of emitDelta(delta(from, to))) {
    const part = PART_NAMES.find((candidate) => PARTS[candidate].payload.test(name))
    if (part === undefined) continue
    touched.add(part)
    writeFileSync(join(folder, name), text)
    loads.push(`${PARTS[part].load} < ${name}`)
  }
  const load = `cd '${folder}'\n{ :; ${loads.join('\n')}\n} 2> words\n`
  return { script: load + readingScript(touched), touched }
}

/** A shell script that brings a node to a case as an operator does, and reads parts of what it then holds. */
const applyScript = (
  folder: string,
  name: string,
  parts: readonly PartName[],
  state: string,
): string => `mkdir '${folder}'; cd '${folder}'
sh '${bundleFolder(name)}/apply.sh' --no-drain --iptables nft --state-dir '${state}' > said 2>&1
echo $? > status
${readingScript(parts)}`

/** The part of the states after each that a run takes which is not thorough. */
const SHARE = 1 / 8

/** The ways between a case and some of those after it, others for each kind of test. */
const thereAndBack = (kind: string, name: string): { readonly from: string; readonly to: string }[] =>
  sampled(`${kind} ${name}`, cases.slice(cases.indexOf(name) + 1), SHARE).flatMap((other) => [
    { from: name, to: other },
    { from: other, to: name },
  ])

const NOTHING = 'nothing'

/** A way between two cases, with a folder for what is said and read when it has been taken. */
interface Step {
  readonly way: string
  readonly from: string
  readonly to: string
  readonly folder: string
  /** What is read: all where that is asked for, otherwise what the two have not in common. */
  readonly parts: readonly PartName[]
}

const stepsOf = (
  lab: Lab,
  ways: ReturnType<typeof thereAndBack>,
  readsAll: (from: string, to: string, number: number) => boolean,
): Promise<readonly Step[]> =>
  Promise.all(
    ways.map(async ({ from, to }, number) => ({
      way: `${from} to ${to}`,
      from,
      to,
      folder: join(lab.folder, `step-${number}`),
      parts: readsAll(from, to, number) ? PART_NAMES : await differing(lab, from, to),
    })),
  )

const fileOf = ({ folder }: Step, name: string): string => readFileSync(join(folder, name), 'utf8')

/** Every part that was read is as that of a node which was given the state alone. */
async function assertReached(lab: Lab, step: Step): Promise<void> {
  const wanted = await reference(lab, step.to)
  for (const part of step.parts)
    assert.is(PARTS[part].canonical(fileOf(step, part)), wanted[part], `${step.way}: ${part}`)
}

// Deltas first, since they take less: on a slow machine, what there is no time for is the end of the others.
for (const name of cases.slice(0, -1)) {
  kernelTest(
    test,
    `by deltas from ${name} to states after it, and back`,
    async (lab) => {
      const { node } = await lab.namespaces('node')
      explainOnFailure(lab, node, 'nft')
      await loadBundle(lab, node, emit(planOf(name)))
      const steps = thereAndBack('deltas', name).map(({ from, to }, number) => {
        const folder = join(lab.folder, `step-${number}`)
        return { from, to, folder, ...stepScript(folder, planOf(from), planOf(to)) }
      })
      await lab.run(steps.map(({ script }) => script).join(''), { in: node })
      for (const { from, to, folder, touched } of steps) {
        const [before, after] = [await reference(lab, from), await reference(lab, to)]
        const way = `${from} to ${to}`
        assert.is(readFileSync(join(folder, 'words'), 'utf8'), '', way)
        for (const part of PART_NAMES) {
          if (!touched.has(part)) assert.is(before[part], after[part], `${way} leaves ${part} as it is`)
          else {
            const listing = readFileSync(join(folder, part), 'utf8')
            assert.is(PARTS[part].canonical(listing), after[part], `${way}: ${part}`)
          }
        }
      }
    },
    { limit: 900, long: true },
  )
}

/** A shell script that takes one step as the script of a bundle does between reading a node and reading it again. */
function workedOutScript(folder: string, from: string, to: string, parts: readonly PartName[]): string {
  mkdirSync(join(folder, 'calls'), { recursive: true })
  symlinkSync(heldFolder(from), join(folder, 'have'))
  symlinkSync(wantedFolder(to), join(folder, 'want'))
  return `cd '${folder}'; work='${folder}' errors='${folder}/errors'
{ work_out exact && load || { echo "$problem"; false; }; } > said 2>&1
echo $? > status
${readingScript(parts)}`
}

for (const name of cases.slice(0, -1)) {
  kernelTest(
    test,
    `by what the script works out from ${name} to states after it, and back`,
    async (lab) => {
      const { node } = await lab.namespaces('node')
      explainOnFailure(lab, node, 'nft')
      await loadBundle(lab, node, emit(planOf(name)))
      const ways = thereAndBack('worked out', name)
      // What the script reads of a state is there when its reference is.
      for (const { from, to } of ways) await differing(lab, from, to)
      // What is not read is not repaired, either: these scripts do not look at the node. So what they damage is seen later.
      const steps = await stepsOf(
        lab,
        ways,
        (_, __, number) => number % 8 === 0 || number === ways.length - 1,
      )
      const scripts = steps.map(({ from, to, folder, parts }) => workedOutScript(folder, from, to, parts))
      await lab.run(`${functionsOf(name)}${scripts.join('')}`, { in: node })
      for (const step of steps) {
        assert.is(fileOf(step, 'status'), '0\n', `${step.way}: ${fileOf(step, 'said')}`)
        assert.is(fileOf(step, 'said'), '', step.way)
        await assertReached(lab, step)
      }
    },
    { limit: 900, long: true },
  )
}

for (const name of cases.slice(0, -1)) {
  kernelTest(
    test,
    `by the script from ${name} to states after it, and back`,
    async (lab) => {
      const { node } = await lab.namespaces('node')
      explainOnFailure(lab, node, 'nft')
      const state = join(lab.folder, 'state')
      const ways = [{ from: NOTHING, to: name }, ...thereAndBack('script', name)]
      const steps = await stepsOf(lab, ways, (from, to) => from === NOTHING || from < to)
      const scripts = steps.map(({ to, folder, parts }) => applyScript(folder, to, parts, state))
      await lab.run(`ip link set lo up\n${scripts.join('')}`, { in: node })
      for (const step of steps) {
        assert.is(fileOf(step, 'status'), '0\n', `${step.way}: ${fileOf(step, 'said')}`)
        assert.match(fileOf(step, 'said'), /^apply: applied: /m, step.way)
        await assertReached(lab, step)
      }
    },
    { limit: 900, long: true },
  )
}

/** Where only real servers and entries differ, a delta bundle is one step: its script compares nothing. */
const isStep = (from: string, to: string): boolean =>
  stepOf(delta(planOf(from), planOf(to)), planOf(from), planOf(to)) !== null

kernelTest(
  test,
  'by delta bundles of one step, wherever one is enough, there and back',
  async (lab) => {
    const { node } = await lab.namespaces('node')
    await lab.run('ip link set lo up', { in: node })
    const apply = (path: string) =>
      runScript(lab, node, { path }, { arguments: ['apply', '--no-drain', '--verbose'] })
    let steps = 0
    for (const [index, name] of cases.entries()) {
      const others = cases.slice(index + 1).filter((other) => isStep(name, other) && isStep(other, name))
      if (others.length > 0) assert.is((await apply(bundleFolder(name))).status, 0)
      for (const [from, to] of others.flatMap((other) => [[name, other] as const, [other, name] as const])) {
        const run = await apply(writeBundle(lab, planOf(to), planOf(from)).path)
        assertResult(run, 0, 'applied')
        assert.match(run.stdout, STEP_TAKEN, `${from} to ${to}`)
        assertHolds(await readBack(lab, node), planOf(to))
        steps++
      }
    }
    assert.ok(steps > 20, `${steps} steps`)
  },
  { limit: 240 },
)

test.run()
