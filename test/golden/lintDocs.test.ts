import { readFileSync, writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SCHEMAS } from '../../src/generated/schemas.js'
import { readDocuments } from '../../src/read/documents.ts'
import { schemaDiagnostics } from '../../src/read/validate.ts'
import { RULES } from '../../src/review/lint/rules/index.ts'
import { type LintBlock, unusableValues } from '../../src/review/lint/settings.ts'
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

test('docs/lint.md shows what a command says', () => {
  const said = readFileSync(`${ROOT}golden/lint/endpoint-of-node/fires/expected.txt`, 'utf8')
  const shown = said.trimEnd().replace(/^/gm, '    ')
  assert.ok(readFileSync(`${ROOT}docs/lint.md`, 'utf8').includes(`    $ ipvsc lint state.yaml\n${shown}\n`))
})

test('the ipvsc.yaml of docs/lint.md is one, and every field of its schema is in it', async () => {
  const [, text = ''] =
    /```yaml\n(# yaml-language-server[^`]*)```/.exec(readFileSync(`${ROOT}docs/lint.md`, 'utf8')) ?? []
  const { documents } = await readDocuments({ name: 'ipvsc.yaml', text })
  const value = documents[0]?.value as { lint: LintBlock }
  assert.equal(await schemaDiagnostics('ProjectFile', value as never, null), [])
  assert.equal(unusableValues(value.lint), [])
  const { definitions } = SCHEMAS.ipvsc as {
    definitions: Record<string, { properties: Record<string, { properties?: object }> }>
  }
  const { lint, allowance } = definitions
  assert.equal(Object.keys(value.lint), Object.keys(lint?.properties ?? {}))
  for (const block of ['thresholds', 'networks'] as const)
    assert.equal(Object.keys(value.lint[block] ?? {}), Object.keys(lint?.properties[block]?.properties ?? {}))
  assert.equal(Object.keys(value.lint.allow?.[0] ?? {}), Object.keys(allowance?.properties ?? {}))
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
