import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { formatHtml } from '../../src/review/html.ts'
import { nodeRanges } from '../../src/review/htmlService.ts'
import { type Picture, picturesOf } from '../../src/review/picture.ts'
import { loadCase } from './cases.ts'
import { hostileReview, hostileText } from './hostile.ts'
import { fullPage, pageOf } from './page.ts'

const test = suite('review: html')

test('a picture holds addresses, policies and real servers of both sides, by zone and node', async () => {
  const { review, before, after } = await loadCase('last-endpoint-goes')
  const pictures = picturesOf(review, before, after)
  assert.equal([...pictures.keys()], ['ops/metrics', 'shop/cart', 'shop/search', 'shop/web'])
  const { addresses, policies, zones } = pictures.get('shop/web') as Picture
  assert.equal(addresses, [
    { name: 'tcp 10.96.20.4:80', before: true, after: true },
    { name: 'tcp node port 30080', before: true, after: true },
  ])
  assert.equal(policies, [
    { name: 'scheduler', before: 'rr', after: 'rr' },
    { name: 'affinity', before: 'none', after: 'none' },
    { name: 'internal traffic', before: 'Cluster', after: 'Cluster' },
    { name: 'external traffic', before: 'Cluster', after: 'Cluster' },
  ])
  assert.equal(zones, [
    {
      name: 'a',
      nodes: [
        { name: 'worker-1', servers: [{ name: '10.244.1.11:8080', before: true, after: true }] },
        { name: 'worker-2', servers: [{ name: '10.244.2.11:8080', before: true, after: false }] },
      ],
    },
    {
      name: 'b',
      nodes: [
        { name: 'worker-3', servers: [{ name: '10.244.3.11:8080', before: true, after: true }] },
        { name: 'worker-4', servers: [{ name: '10.244.4.12:8080', before: false, after: true }] },
      ],
    },
  ])
})

test('a policy that changes and an address that goes are in the picture', async () => {
  const local = await loadCase('policy-becomes-local')
  const policies = picturesOf(local.review, local.before, local.after).get('shop/web')?.policies
  assert.equal(policies?.at(-1), { name: 'external traffic', before: 'Cluster', after: 'Local' })
  const gone = await loadCase('last-endpoint-goes')
  const { addresses, zones } = picturesOf(gone.review, gone.before, gone.after).get('ops/metrics') as Picture
  assert.equal(addresses, [{ name: 'tcp 10.96.20.6:80', before: true, after: false }])
  assert.is(zones.flatMap(({ nodes }) => nodes).length, 2)
})

test('the page may run its own script and style, and load nothing', async () => {
  const page = await fullPage()
  const [, policy = ''] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page) ?? []
  const rules = policy.replace(/&#39;/g, "'")
  assert.match(rules, /^default-src 'none'; /)
  for (const [tag, rule] of [
    ['style', 'style-src'],
    ['script', 'script-src'],
  ] as const) {
    const [, text = ''] = new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`).exec(page) ?? []
    assert.ok(text.length > 100)
    assert.ok(rules.includes(`${rule} 'sha256-${createHash('sha256').update(text).digest('base64')}';`), tag)
  }
  assert.not.match(rules, /unsafe|https?:|\*/)
  assert.not.match(page, /(src|href|action)="(?!#)|url\((?!"#)|@import|style="|\son[a-z]+="/)
})

test('pages are the same each time, and say so where nothing changes', async () => {
  assert.is(await fullPage(), await fullPage())
  const page = pageOf(await loadCase('nothing'))
  assert.match(page, /<h1>Nothing changes on all 4 nodes<\/h1>/)
  assert.not.match(page, /<details/)
})

test('findings stand with their Service, others before them, silenced ones are counted', async () => {
  const page = await fullPage()
  const card = page.slice(page.indexOf('id="shop/cart"'), page.indexOf('id="shop/search"'))
  assert.match(card, /error LAST_ENDPOINT_LOST.*<code>deploy\/cart\.yaml:4<\/code>/)
  assert.ok(page.indexOf('info MANY_NODES') < page.indexOf('<details'))
  assert.is(page.match(/LAST_ENDPOINT_LOST/g)?.length, 1)
  assert.match(page, /1 finding silenced/)
})

/** Names of elements and of their attributes, in order. */
const skeleton = (page: string): string =>
  (
    page
      .slice(page.indexOf('<body>'))
      .replace(/<title>[^<]*<\/title>/g, '')
      .match(/<[^>]*>/g) ?? []
  )
    .map((tag) => tag.replace(/="[^"]*"/g, ''))
    .join('')

const pictureWith = (name: string): Picture => ({
  addresses: [{ name, before: true, after: false }],
  policies: [{ name, before: name, after: `${name}b` }],
  zones: [{ name, nodes: [{ name, servers: [{ name, before: true, after: true }] }] }],
})

test('nothing of an input is markup in a page', () => {
  const pageWith = (name: string): string => {
    const review = hostileReview(name)
    return formatHtml({ review, pictures: new Map([[`${name}/${name}`, pictureWith(name)]]), command: name })
  }
  fc.assert(
    fc.property(hostileText(), (name) => {
      const page = pageWith(`x${name}`)
      // Long names have rows of their own in a picture.
      assert.is(skeleton(page), skeleton(pageWith('x'.repeat(name.length + 1))))
      assert.not.match(
        page,
        /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]|\p{Cs}/u,
      )
    }),
    { numRuns: 300 },
  )
})

test('nodes are told by ranges', () => {
  const all = Array.from({ length: 9 }, (_, number) => `n${number}`)
  assert.is(nodeRanges(all, all), '*')
  assert.is(nodeRanges(['n0', 'n1', 'n2', 'n7'], all), '0-2 7')
  assert.is(nodeRanges([], all), '')
})

test.run()
