import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { differs } from '../../src/proof/differs.ts'
import { clientOf } from '../../src/proof/judge.ts'
import { kernelState } from '../../src/proof/state.ts'
import { type Verification, verify } from '../../src/proof/verify.ts'
import { SEED, THOROUGH } from '../support/sample.ts'
import { randomNumbers } from '../support/shuffle.ts'
import { randomCase } from './clusters.ts'
import { EQUIVALENT, kindOf } from './equivalents.ts'
import { mutantsOf } from './mutants.ts'
import { subjectOfNode } from './verifyPlan.ts'

const test = suite('proof: mutants')

const CLUSTERS = THOROUGH ? 24 : 3
/** Of the mutants of a cluster. */
const SHARE = THOROUGH ? 1 : 0.03

const faultsOf = ({ differences, broken }: Verification): number =>
  differences.filter(({ known }) => known === null).length + broken.length

interface Tally {
  caught: number
  /** No packet that comes about changes its fate. */
  equal: number
  missed: number
}

test('random clusters keep every promise, and a rule, entry, server or setting that is wrong is found', () => {
  const kinds = new Map<string, Tally>()
  const missed: string[] = []
  for (let number = 0; number < CLUSTERS; number++) {
    const random = randomNumbers(SEED + number)
    const { cluster, options } = randomCase(random)
    const { plan, promises, network } = subjectOfNode(cluster, options)
    const state = kernelState(plan, network)
    const before = verify(plan, promises, network)
    const faults = before.differences.filter(({ known }) => known === null)
    assert.equal(
      [...faults.map(({ trace: _trace, ...fault }) => fault), ...before.broken],
      [],
      `seed ${SEED + number}`,
    )
    for (const mutant of mutantsOf(plan)) {
      if (random() > SHARE) continue
      const kind = kindOf(mutant.what)
      const tally = kinds.get(kind) ?? { caught: 0, equal: 0, missed: 0 }
      kinds.set(kind, tally)
      const found = verify(mutant.plan, promises, network)
      if (faultsOf(found) > 0) {
        tally.caught++
        for (const { client, target, promised } of found.differences)
          assert.ok(client !== '' && target !== '' && promised !== '', mutant.what)
        continue
      }
      const changed = differs(state, kernelState(mutant.plan, network)).filter(
        ({ packet }) => clientOf(packet, undefined, state).natural,
      )
      if (changed.length === 0) tally.equal++
      else {
        tally.missed++
        missed.push(`seed ${SEED + number}: ${mutant.what}: ${JSON.stringify(changed[0]?.packet)}`)
      }
    }
  }
  const caught = [...kinds.values()].reduce((sum, tally) => sum + tally.caught, 0)
  assert.ok(caught > 15 * CLUSTERS, `only ${caught} were caught`)
  assert.ok(
    missed.length <= 0.05 * (caught + missed.length),
    `of ${caught + missed.length} missed:\n${missed.join('\n')}`,
  )
  if (missed.length > 0)
    console.log(`missed ${missed.length} of ${caught + missed.length}:\n${missed.join('\n')}`)
  if (!THOROUGH) return
  const never = [...kinds].filter(([, tally]) => tally.caught === 0 && tally.equal > 0).map(([kind]) => kind)
  const unexplained = never.filter((kind) => !EQUIVALENT.some(([pattern]) => pattern.test(kind)))
  assert.equal(unexplained, [], 'mutants that no cluster shows, and no reason is stated for')
})

test.run()
