import { createTwoFilesPatch } from 'diff'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type CompileResult, compile, emit, formatPlan, formatProvenance } from '../../src/index.ts'
import { schemaDiagnostics } from '../../src/read/validate.ts'
import { deepFreeze, randomNumbers, shuffled } from '../support/shuffle.ts'
import { expectedFiles, goldenNames, loadCase, runCase } from './cases.ts'

const test = suite('golden')

const everything = ({ plan, provenance }: CompileResult): string[] =>
  plan === null || provenance === null
    ? []
    : [...emit(plan).values(), formatPlan(plan), formatProvenance(provenance)]

for (const name of goldenNames()) {
  test(`${name}: gives the expected bytes`, async () => {
    const golden = await loadCase(name)
    const { files } = await runCase(golden)
    const expected = expectedFiles(golden.folder)
    const patches = [...new Set([...files.keys(), ...expected.keys()])]
      .filter((file) => files.get(file) !== expected.get(file))
      .map((file) => createTwoFilesPatch(file, file, expected.get(file) ?? '', files.get(file) ?? ''))
    assert.is(patches.join('\n'), '', 'run `npm run golden` and review the change')
  })

  test(`${name}: the order of lists does not matter, and nothing is changed in place`, async () => {
    const { cluster, options } = await loadCase(name)
    const straight = everything(compile(deepFreeze(cluster), deepFreeze(options)))
    for (const seed of [1, 2, 3]) {
      const other = shuffled(cluster, randomNumbers(seed))
      assert.equal(everything(compile(other, options)), straight)
    }
  })

  test(`${name}: the plan satisfies its schema`, async () => {
    const { plan } = await runCase(await loadCase(name))
    if (plan === null) return assert.ok((await loadCase(name)).name.startsWith('refused-'))
    assert.equal(await schemaDiagnostics('Plan', JSON.parse(formatPlan(plan)), null), [])
  })
}

test('there is a case for each of more than thirty features', () => {
  assert.ok(goldenNames().length > 30)
})

test.run()
