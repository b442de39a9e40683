import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createAjv } from '../../src/build/validators.ts'
import { safeJson } from '../../src/diagnostics/safeText.ts'
import { SCHEMAS } from '../../src/generated/schemas.js'
import type { Finding } from '../../src/review/finding.ts'
import { junitXml } from '../../src/review/lint/render/junit.ts'
import { sarifLog, uriOf } from '../../src/review/lint/render/sarif.ts'
import { formatFindings } from '../../src/review/lint/render/text.ts'
import { RULES } from '../../src/review/lint/rules/index.ts'
import { lintCaseNames, runLintCase } from '../golden/lintCases.ts'
import { SARIF } from './sarifSchema.ts'

const test = suite('findings')

const HOSTILE = [
  '\u001b[2J',
  '\u009b31m',
  '\u202e',
  '\u2028',
  '\ud800',
  '\uffff',
  '\r\nFORGED',
  '<!--',
  ']]>',
  '"/><x a="',
  "'",
  '&',
  '](http://x)',
  '@everyone',
  '%2e%2e/',
  '\\',
] as const

const text = fc
  .array(fc.constantFrom(...HOSTILE, 'a', ' ', '/', ':'), { maxLength: 5 })
  .map((parts) => parts.join(''))

const finding: fc.Arbitrary<Finding> = fc.record({
  code: fc.constantFrom(...RULES.map(({ code }) => code)),
  severity: fc.constantFrom('error' as const, 'warning' as const, 'info' as const),
  message: text,
  why: text,
  mend: text,
  subject: fc.option(fc.record({ kind: text, namespace: fc.option(text), name: text })),
  service: fc.option(text),
  place: fc.option(
    fc.record({
      origin: fc.record({ source: text, document: fc.nat(3), path: fc.constant([]) }),
      path: fc.array(fc.oneof(text, fc.nat(3)), { maxLength: 3 }),
      position: fc.option(fc.record({ line: fc.integer({ min: 1 }), column: fc.integer({ min: 1 }) })),
    }),
  ),
  nodes: fc.array(text, { maxLength: 3 }),
  silenced: fc.option(
    fc.record({
      by: fc.constantFrom('annotation' as const, 'allowance' as const),
      reason: fc.option(text),
      until: fc.constant(null),
    }),
  ),
})

const isSarif = createAjv([SARIF], true).compile(SARIF)
const isFindings = createAjv([], true).compile(SCHEMAS.findings as object)

test('nothing of an input leaves its place, whatever the form', () => {
  fc.assert(
    fc.property(fc.array(finding, { maxLength: 4 }), (findings) => {
      const found = { version: 1, findings, notAsked: [] } as const
      const sarif = safeJson(JSON.stringify(sarifLog(findings, '1.0.0')))
      const xml = junitXml(findings, RULES, { failOn: 'error' })
      for (const rendered of [formatFindings(found), xml, sarif]) {
        assert.is(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.exec(rendered.replaceAll('\n', '')), null)
        assert.not.match(rendered, /^FORGED/m)
      }
      assert.not.match(xml, /[\ufffe\uffff]/)
      assert.ok(isSarif(JSON.parse(sarif)), JSON.stringify(isSarif.errors))
      // Only a message may hold links.
      for (const { message } of JSON.parse(sarif).runs[0].results) assert.not.match(message.text, /\]\(/)
      assertXml(xml, findings.length + RULES.length - new Set(findings.map(({ code }) => code)).size)
    }),
  )
})

/** Well-formed, by elements that are opened and closed; `cases` of them are test cases. */
function assertXml(xml: string, cases: number): void {
  const open: string[] = []
  const rest = xml
    .replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n/, '')
    .replace(/<(\/?)([a-z-]+)((?: [a-z]+="[^"<>]*")*)(\/?)>/g, (_whole, closes, name, _attributes, empty) => {
      if (closes) assert.is(open.pop(), name)
      else if (!empty) open.push(name)
      return ''
    })
  assert.equal(open, [])
  assert.not.match(rest, /[<>]/)
  assert.not.match(rest, /&(?!#\d+;)/)
  assert.is(xml.match(/<testcase /g)?.length ?? 0, cases)
}

test('findings of every case are as their schema and SARIF say', async () => {
  for (const name of lintCaseNames()) {
    const { found } = await runLintCase(name)
    assert.ok(isFindings(JSON.parse(JSON.stringify(found))), `${name}: ${JSON.stringify(isFindings.errors)}`)
    const log = sarifLog(found.findings, '1.0.0')
    assert.ok(isSarif(JSON.parse(JSON.stringify(log))), `${name}: ${JSON.stringify(isSarif.errors)}`)
    const [run] = log.runs
    for (const { ruleId, ruleIndex = -1 } of run?.results ?? [])
      assert.is(run?.tool.driver.rules?.[ruleIndex]?.id, ruleId)
  }
})

test('a finding in a review has the form of one alone', () => {
  const { definitions } = SCHEMAS.findings as { definitions: Record<string, unknown> }
  const { definitions: ofReview } = SCHEMAS.review as { definitions: Record<string, unknown> }
  assert.equal(definitions.finding, ofReview.finding)
  assert.equal(definitions.origin, ofReview.origin)
})

test('a file of a revision is where it lies in the working tree', () => {
  assert.is(uriOf('git:origin/main...HEAD:deploy/web.yaml'), 'deploy/web.yaml')
  assert.is(uriOf('./deploy/a b#1.yaml'), 'deploy/a%20b%231.yaml')
  assert.is(uriOf('/srv/a.yaml'), 'file:///srv/a.yaml')
})

test('JUnit fails what counts, skips what is silenced, and passes the rest', async () => {
  const { found } = await runLintCase('ignore-unknown/close')
  const xml = junitXml(found.findings, RULES, { failOn: 'warning' })
  assert.match(xml, /<skipped message="it is meant so"\/>/)
  assert.match(xml, new RegExp(`tests="${RULES.length}" failures="0" errors="0" skipped="1"`))
  const { found: other } = await runLintCase('no-ready-endpoint/fires')
  const failing = (failOn: 'error' | 'warning' | 'never'): boolean =>
    junitXml(other.findings, RULES, { failOn }).includes('<failure ')
  assert.equal([failing('error'), failing('warning'), failing('never')], [false, true, false])
})

test.run()
