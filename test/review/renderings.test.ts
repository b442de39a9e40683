import { applyPatch, createTwoFilesPatch, parsePatch } from 'diff'
import fc from 'fast-check'
import { micromark } from 'micromark'
import { gfm, gfmHtml } from 'micromark-extension-gfm'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createAjv } from '../../src/build/validators.ts'
import { emit } from '../../src/formats/emit.ts'
import { SCHEMAS } from '../../src/generated/schemas.js'
import { formatReviewJson } from '../../src/review/json.ts'
import { formatMarkdown } from '../../src/review/markdown.ts'
import { cellCode, code, escapeMarkdown } from '../../src/review/markdownText.ts'
import { narrow } from '../../src/review/narrow.ts'
import { formatStat } from '../../src/review/stat.ts'
import { formatReview, PLAIN } from '../../src/review/text.ts'
import type { Review, ServiceReview } from '../../src/review/types.ts'
import { formatUnified } from '../../src/review/unified.ts'
import { expectedFiles } from '../golden/cases.ts'
import { CASES, caseNames, formsOf, loadCase } from './cases.ts'
import { hostileReview, hostileText } from './hostile.ts'

const test = suite('review: renderings')

const validate = createAjv(Object.values(SCHEMAS), true).getSchema(SCHEMAS.review?.$id as string)

for (const name of caseNames())
  test(`${name}: gives the expected bytes, and JSON as its schema states it`, async () => {
    const forms = formsOf(await loadCase(name))
    const expected = expectedFiles(`${CASES}/${name}`)
    const patches = [...new Set([...forms.keys(), ...expected.keys()])]
      .filter((file) => forms.get(file) !== expected.get(file))
      .map((file) => createTwoFilesPatch(file, file, expected.get(file) ?? '', forms.get(file) ?? ''))
    assert.is(patches.join('\n'), '', 'run `npm run golden` and review the change')
    assert.ok(
      validate?.(JSON.parse(expected.get('review.json') ?? '')),
      JSON.stringify(validate?.errors?.[0]),
    )
  })

test('the schema refuses what the model does not have', () => {
  const model: Review = {
    version: 1,
    nodes: [],
    onlyBefore: [],
    onlyAfter: [],
    services: [],
    unchanged: 0,
    others: [],
  }
  assert.ok(validate?.(model))
  assert.ok(validate?.(JSON.parse(JSON.stringify(hostileReview('a')))), JSON.stringify(validate?.errors?.[0]))
  assert.not.ok(validate?.({ ...model, services: [{ service: 'a/b' }] }))
  assert.not.ok(validate?.({ ...model, more: 1 }))
})

test('unified diffs lead from the payloads of one side to those of the other, node by node', async () => {
  for (const name of ['last-endpoint-goes', 'another-scheduler', 'policy-becomes-local']) {
    const { before, after } = await loadCase(name)
    for (const [node, { state }] of before.nodes) {
      const only = (side: typeof before) => ({
        ...side,
        nodes: new Map([[node, side.nodes.get(node) as never]]),
      })
      const payloads = new Map<string, string>(emit(state.plan))
      for (const patch of parsePatch(formatUnified(only(before), only(after)))) {
        const file = patch.newFileName?.replace(/^b\//, '') ?? ''
        payloads.set(file, applyPatch(payloads.get(file) ?? '', patch) || '')
      }
      assert.equal(payloads, new Map(emit(after.nodes.get(node)?.state.plan as never)), `${name} ${node}`)
    }
  }
})

test('what was not asked for is counted, and nothing is promised of it', async () => {
  const { review } = await loadCase('last-endpoint-goes')
  const part = narrow(review, { services: ['shop/search'] })
  assert.equal(part.hidden, { services: 3, unreachable: ['ops/metrics', 'shop/cart'], others: 1 })
  for (const text of [formatReview(part), formatMarkdown(part)]) {
    assert.match(text, /Not shown: 3 Services, 1 change of no Service, of which .*become UNREACHABLE/)
    assert.not.match(text, /Nothing becomes unreachable|no rule, set or setting of all Services changes/)
  }
  assert.equal(
    narrow(review, { kinds: ['removed', 'servers'] }).services.map(({ service }) => service),
    ['ops/metrics', 'shop/web'],
  )
  assert.is(narrow(review, { kinds: ['rules'] }).others.length, 1)
  assert.match(
    formatReview(narrow(review, { services: ['no/such'] })),
    /^nothing that was asked for changes\. Not shown: 4/,
  )
})

// Line feeds are those of the renderings.
const STEERING = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]|\p{Cs}/u

test('no text of an input steers a terminal, in any rendering', () => {
  fc.assert(
    fc.property(hostileText(), (name) => {
      const found = hostileReview(name)
      const forms = [
        formatReview(found),
        formatStat(found, PLAIN),
        formatMarkdown(found),
        formatReviewJson(found),
      ]
      for (const rendered of forms) assert.not.match(rendered, STEERING)
      assert.equal(JSON.parse(formatReviewJson(found)), JSON.parse(JSON.stringify(found)))
    }),
  )
})

/** Elements of a comment as GitHub makes it, and its text outside of code. */
function read(markdown: string): { html: string; prose: string } {
  const html = micromark(markdown, {
    allowDangerousHtml: true,
    allowDangerousProtocol: true,
    extensions: [gfm()],
    htmlExtensions: [gfmHtml()],
  })
  return { html, prose: html.replace(/<code>[^<]*<\/code>/g, '').replace(/&#x26;|&amp;/g, '&') }
}

const ALLOWED = /^<\/?(h3|p|table|thead|tbody|tr|th|td|ul|li|code|strong|em|details|summary)>$/

test('nothing of an input is markup, a link or a mention in a comment', () => {
  fc.assert(
    fc.property(hostileText(), (name) => {
      const markdown = formatMarkdown(hostileReview(name), { command: `ipvsc diff ${name}` })
      const { html, prose } = read(markdown)
      const tags = html.match(/<[^>]*>/g) ?? []
      assert.equal(
        tags.filter((tag) => !ALLOWED.test(tag)),
        [],
        html,
      )
      assert.is(html.match(/<details>/g)?.length, 2)
      assert.is(html.match(/<\/details>/g)?.length, 2)
      assert.is(html.match(/<tr>/g)?.length, 2)
      assert.is(html.match(/<td>/g)?.length, 5)
      assert.is(html.match(/<h3>/g)?.length, 1)
      assert.not.match(prose, /@[a-z0-9]|#\d|www\.|:\/\/|&#64;|&#x40;/i)
    }),
    { numRuns: 300 },
  )
})

/** As a reader of Markdown takes it. */
const plain = (markdown: string): string =>
  micromark(markdown, { extensions: [gfm()], htmlExtensions: [gfmHtml()] })
    .replace(/<\/?(p|code)>/g, '')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&amp;/g, '&')

test('code and escaped texts are read as what they are', () => {
  for (const text of ['a`b', '``', '` `', 'a|b', '<b>', '&lt;', ' a', 'a\\', '10.0.0.1:80', '*a* _b_'])
    assert.is(plain(code(text)), text)
  for (const text of ['a`b', 'a|b', '<b>', '&lt;', 'a\\b', '10.0.0.1:80', '*a* _b_', '(1 of 2) [x](y) ~~z~~'])
    assert.is(plain(escapeMarkdown(text)), text)
  assert.is(plain(escapeMarkdown('a@b')).replace('\u2060', ''), 'a@b')
  assert.is(cellCode('a|b'), '`aǀb`')
})

const serviceArbitrary: fc.Arbitrary<ServiceReview> = fc.record({
  service: fc
    .tuple(fc.constantFrom('shop', 'ops', 'kube-system'), fc.stringMatching(/^[a-z]{3,20}$/))
    .map((parts) => parts.join('/')),
  fate: fc.constantFrom('added', 'removed', 'changed', 'recreated'),
  origin: fc.constant(null),
  fields: fc.array(
    fc.record({
      field: fc.constantFrom('selector', 'type'),
      before: fc.string({ maxLength: 600, size: 'max' }),
      after: fc.constant(null),
    }),
    { maxLength: 3 },
  ),
  groups: fc.constantFrom(
    [],
    [
      {
        nodes: ['n'],
        virtualServers: [],
        effects: [{ kind: 'unreachable', target: 't', clients: ['c'], before: 'b', after: 'a' }],
      },
    ],
  ) as fc.Arbitrary<ServiceReview['groups']>,
})

test('a comment is never longer than it may be, names every Service, and says what was cut and how to see it', () => {
  const services = fc.uniqueArray(serviceArbitrary, {
    selector: ({ service }) => service,
    maxLength: 120,
    size: 'max',
  })
  fc.assert(
    fc.property(services, fc.integer({ min: 8_000, max: 30_000 }), (some, most) => {
      const found: Review = {
        version: 1,
        nodes: ['n'],
        onlyBefore: [],
        onlyAfter: [],
        services: some,
        unchanged: 0,
        others: [],
      }
      const comment = formatMarkdown(found, { most, command: 'ipvsc diff a b' })
      assert.ok(comment.length <= most, `${comment.length} characters`)
      for (const { service } of some) assert.ok(comment.includes(`\`${service}\``), service)
      const shown = comment.match(/<details>/g)?.length ?? 0
      const whole = formatMarkdown(found, { most: Number.MAX_SAFE_INTEGER })
      const cut =
        /_Cut to fit, the least important first: (?:\d+ rows? of the table)?(?:, )?(?:(\d+) details?)?\. All of it:_ `ipvsc diff a b`\n$/.exec(
          comment,
        )
      assert.is(cut !== null, whole.length > comment.length)
      assert.is(Number(cut?.[1] ?? 0), some.length - shown)
      if (shown > 0 && shown < some.length)
        assert.ok(
          whole.includes(comment.slice(comment.indexOf('<details>'), comment.lastIndexOf('</details>'))),
        )
    }),
    // A smaller case of so many texts takes long to find.
    { numRuns: 60, endOnFailure: true },
  )
})

test('what breaks stands before what does not, in the table and in the details', () => {
  const broken = { kind: 'unreachable', target: 't', clients: ['c'], before: 'b', after: 'a' } as const
  const services = Array.from(
    { length: 700 },
    (_, number): ServiceReview => ({
      service: `shop/service-${number}`,
      fate: 'changed',
      origin: null,
      fields: [{ field: 'selector', before: 'a'.repeat(300), after: 'b'.repeat(300) }],
      groups: number === 699 ? [{ nodes: ['n'], virtualServers: [], effects: [broken] }] : [],
    }),
  )
  const found: Review = {
    version: 1,
    nodes: ['n'],
    onlyBefore: [],
    onlyAfter: [],
    services,
    unchanged: 0,
    others: [],
  }
  const comment = formatMarkdown(found)
  assert.ok(comment.length <= 65_536)
  assert.match(comment, /\|---\|\n\| ✗ \| `shop\/service-699` /)
  assert.match(comment, /^<details><summary><code>shop&#47;service-699<\/code>: no longer answered/m)
  for (const { service } of services) assert.ok(comment.includes(service), service)
})

test('more names than a comment can hold are counted', () => {
  const services = Array.from(
    { length: 9_000 },
    (_, number): ServiceReview => ({
      service: `namespace-${number % 7}/service-${number}`,
      fate: 'changed',
      origin: null,
      fields: [],
      groups: [],
    }),
  )
  const found: Review = {
    version: 1,
    nodes: ['n'],
    onlyBefore: [],
    onlyAfter: [],
    services,
    unchanged: 0,
    others: [],
  }
  const comment = formatMarkdown(found)
  assert.ok(comment.length <= 65_536)
  const [, left = ''] = /the names of (\d+) Services/.exec(comment) ?? []
  assert.is(
    services.filter(({ service }) => comment.includes(`\`${service.split('/')[1]}\``)).length,
    9_000 - Number(left),
  )
})

test.run()
