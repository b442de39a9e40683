import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createTwoFilesPatch } from 'diff'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RULES } from '../../src/review/lint/rules/index.ts'
import { randomNumbers, shuffled } from '../support/shuffle.ts'
import { LINT_CASES, lintCaseNames, runLintCase } from './lintCases.ts'

const test = suite('golden: lint')

const folderOf = (code: string): string => code.toLowerCase().replaceAll('_', '-')
const codeOf = (name: string): string => (name.split('/')[0] as string).toUpperCase().replaceAll('-', '_')

test('every rule has a case that fires and one that is close, and no case is of no rule', () => {
  const wanted = RULES.flatMap(({ code }) => [`${folderOf(code)}/close`, `${folderOf(code)}/fires`])
  assert.equal(lintCaseNames(), wanted.sort())
})

for (const name of lintCaseNames())
  test(`${name}: says what is expected, at its place`, async () => {
    const { found, text } = await runLintCase(name)
    const codes = found.findings.filter(({ silenced }) => silenced === null).map(({ code }) => code)
    assert.is(codes.includes(codeOf(name)), name.endsWith('/fires'), text)
    const file = `${LINT_CASES}/${name}/expected.txt`
    // `UPDATE=1 npx tsx test/golden/lint.test.ts` rewrites what is expected; read what changed.
    if (process.env.UPDATE === '1' && process.env.CI === undefined) writeFileSync(file, text)
    const expected = existsSync(file) ? readFileSync(file, 'utf8') : ''
    assert.is(text, expected, createTwoFilesPatch(file, file, expected, text))
  })

test('the order of lists does not matter', async () => {
  for (const name of lintCaseNames()) {
    const { found } = await runLintCase(name)
    const other = await runLintCase(name, (cluster) => shuffled(cluster, randomNumbers(5)))
    const told = (findings: typeof found.findings): string[] =>
      findings.map(({ code, service, message }) => `${code} ${service} ${message}`).sort()
    assert.equal(told(other.found.findings), told(found.findings), name)
  }
})

test.run()
