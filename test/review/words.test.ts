import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { pageBody } from '../../src/review/html.ts'
import { formatMarkdown } from '../../src/review/markdown.ts'
import { formatReview } from '../../src/review/text.ts'
import type { OtherPacket, Review } from '../../src/review/types.ts'

/** What every form for people says alike. */

const test = suite('review: the same facts in text, Markdown and HTML')

const packet = (port: number): OtherPacket => ({
  target: `tcp 10.96.0.99 ${port}`,
  client: 'outside',
  before: 'forwarded',
  after: 'refused',
  nodes: ['worker-1'],
})

const REVIEW: Review = {
  version: 1,
  nodes: ['worker-1'],
  onlyBefore: [],
  onlyAfter: [],
  unchanged: 0,
  others: [],
  services: [
    {
      service: 'shop/web',
      fate: 'changed',
      origin: { source: 'deploy/web.yaml', document: 0, path: [] },
      line: 12,
      fields: [
        {
          field: 'type',
          before: 'ClusterIP',
          after: 'NodePort',
          place: { source: 'deploy/web.yaml', line: 17, isBefore: false },
        },
        {
          field: 'sessionAffinity',
          before: 'ClientIP, 10800 s',
          after: 'None',
          place: { source: 'old/web.yaml', line: 21, isBefore: true },
        },
      ],
      waits: ['The load balancer has no address yet'],
      groups: [
        {
          nodes: ['worker-1'],
          effects: [],
          virtualServers: [
            {
              key: 'tcp node port 31472',
              fate: 'added',
              added: ['10.244.1.10:8080'],
              removed: [],
              before: 0,
              after: 1,
              settings: [],
              isAssumed: true,
            },
          ],
        },
      ],
    },
  ],
}

const formsOf = (review: Review): readonly string[] => [
  formatReview(review),
  formatMarkdown(review),
  pageBody({ review, pictures: new Map(), command: 'ipvsc diff' }).html,
]

test('places, what waits, and what is assumed', () => {
  for (const form of formsOf(REVIEW)) {
    for (const fact of ['deploy/web.yaml:12', 'deploy/web.yaml:17', 'no longer: old/web.yaml:21'])
      assert.ok(form.replaceAll('&#47;', '/').includes(fact), `${fact} in ${form}`)
    assert.match(form, /waits.*The load balancer has no address yet/)
    assert.match(form, /tcp node port 31472\S* \(assumed\)/)
    assert.not.match(form, /no other packet|other packets/)
  }
})

test('packets of no Service, those that are not listed counted; or that there are none', () => {
  const packets = { followed: 1, differing: 2, changed: [] }
  for (const form of formsOf({ ...REVIEW, packets }))
    assert.match(form, /no other packet changes its fate \(followed on 1 of 2 nodes\)/)
  const changed = Array.from({ length: 10 }, (_, port) => packet(port))
  for (const form of formsOf({ ...REVIEW, packets: { ...packets, changed } })) {
    assert.match(form, /other packets that change their fate/i)
    assert.match(form, /tcp 10\.96\.0\.99 7 for outside: forwarded → refused/)
    assert.not.match(form, /tcp 10\.96\.0\.99 8 /)
    assert.match(form, /and 2 more/)
  }
})

test.run()
