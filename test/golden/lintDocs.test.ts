import { readFileSync, writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RULES } from '../../src/review/lint/rules/index.ts'
import type { Rule } from '../../src/review/lint/types.ts'
import { ROOT } from '../support/shared.ts'

const test = suite('rules and their texts')

const HEADS = {
  state: 'Of a state',
  change: 'Of a change',
  silence: 'Of what silences others',
} as const

const ruleText = ({ code, severity, title, why, mend, source }: Rule): string =>
  `#### ${code}\n\n${title} (${severity})\n\n${why} ${mend} ${source.startsWith('https://') ? `[Source](${source})` : `See [${source}](${source.replace(/^docs\//, '')})`}.\n`

const rulesText = (): string =>
  (['state', 'change', 'silence'] as const)
    .map(
      (on) =>
        `### ${HEADS[on]}\n\n${RULES.filter((rule) => rule.on === on)
          .map(ruleText)
          .join('\n')}`,
    )
    .join('\n')

test('docs/lint.md has every rule as it is', () => {
  const path = `${ROOT}docs/lint.md`
  const text = readFileSync(path, 'utf8')
  const [, head = '', body = '', foot = ''] =
    /^(.*<!-- rules: [^\n]*-->\n)(.*)(<!-- end of rules -->\n)$/s.exec(text) ?? []
  // `UPDATE=1 npx tsx test/golden/lintDocs.test.ts` writes them.
  if (process.env.UPDATE === '1' && process.env.CI === undefined)
    writeFileSync(path, `${head}\n${rulesText()}\n${foot}`)
  else assert.is(body, `\n${rulesText()}\n`, 'UPDATE=1 npx tsx test/golden/lintDocs.test.ts writes it')
})

test('a rule says what, why and how to mend it, in a sentence each, with a source', () => {
  for (const { code, title, why, mend, source } of RULES) {
    for (const text of [title, why, mend]) assert.match(text, /^[A-Za-z].*\.$/s, code)
    assert.match(source, /^(https:\/\/|docs\/[a-z-]+\.md$)/, code)
    if (source.startsWith('docs/')) assert.ok(readFileSync(`${ROOT}${source}`, 'utf8'), source)
  }
})

test('codes are distinct, and the schema of ipvsc.yaml knows each', () => {
  const codes = RULES.map(({ code }) => code)
  assert.is(new Set(codes).size, codes.length)
  const { definitions } = JSON.parse(readFileSync(`${ROOT}schemas/ipvsc.schema.json`, 'utf8'))
  assert.equal(definitions.code.enum, codes)
  assert.equal(Object.keys(definitions.lint.properties.rules.properties), codes)
})

test.run()
