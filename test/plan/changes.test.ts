import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Change,
  changes,
  compile,
  delta,
  formatPlan,
  type Plan,
  type Rule,
  type VirtualServer,
} from '../../src/index.ts'
import { compareSequences } from '../../src/plan/changes/lists.ts'
import { goldenPlans } from '../golden/cases.ts'
import { applyChanges, shuffledPlan } from '../support/applyChanges.ts'
import { clusters } from '../support/arbitraries.ts'
import { randomNumbers } from '../support/shuffle.ts'

const test = suite('changes')

const planOf = (cluster: Parameters<typeof compile>[0]): Plan =>
  compile(cluster, { node: 'node-1', onConflict: 'first', quarantine: true }).plan as Plan

test('changes applied to a plan give the other, and a plan has no changes to itself', () => {
  fc.assert(
    fc.property(clusters, clusters, (first, second) => {
      const [from, to] = [planOf(first), planOf(second)]
      assert.equal(changes(from, planOf(first)), [])
      assert.is(formatPlan(applyChanges(from, changes(from, to))), formatPlan(to))
    }),
    { numRuns: 200 },
  )
})

test('every pair of golden plans', async () => {
  const plans = [...(await goldenPlans()).values()].map((plan) => ({ plan, text: formatPlan(plan) }))
  for (const { plan: from } of plans)
    for (const { plan: to, text } of plans) assert.is(formatPlan(applyChanges(from, changes(from, to))), text)
})

test('the order of lists means nothing: neither changes nor a delta between shuffled plans', () => {
  fc.assert(
    fc.property(clusters, clusters, fc.nat(), (first, second, seed) => {
      const random = randomNumbers(seed)
      const [from, to] = [planOf(first), planOf(second)]
      const [other, wanted] = [shuffledPlan(from, random), shuffledPlan(to, random)]
      assert.equal(changes(from, other), [])
      assert.equal(delta(other, from), [])
      assert.is(formatPlan(applyChanges(from, changes(other, to))), formatPlan(to))
      assert.is(delta(other, wanted).length, delta(other, to).length)
    }),
    { numRuns: 100 },
  )
})

test('a plan whose virtual servers stand in another order keeps them: none is removed after it was added', async () => {
  const plan = (await goldenPlans()).get('load-balancer') as Plan
  const reversed: Plan = { ...plan, virtualServers: [...plan.virtualServers].reverse() }
  assert.ok(plan.virtualServers.length > 1)
  assert.equal(delta(plan, reversed), [])
  const [gone] = plan.virtualServers as [VirtualServer]
  const without = { ...reversed, virtualServers: reversed.virtualServers.filter((server) => server !== gone) }
  assert.equal(
    delta(plan, without).map(({ kind }) => kind),
    ['removeVirtualServer'],
  )
})

test('one inserted rule is one change, wherever it stands', async () => {
  const plan = (await goldenPlans()).get('load-balancer') as Plan
  const inserted: Rule = { comment: 'mine', matches: [], target: { kind: 'accept' } }
  let tried = 0
  for (const [place, { chains, ...table }] of plan.tables.entries())
    for (const chain of chains)
      for (let position = 1; position <= chain.rules.length + 1; position++) {
        const rules = [...chain.rules]
        rules.splice(position - 1, 0, inserted)
        const other = chains.map((known) => (known === chain ? { ...known, rules } : known))
        const tables = plan.tables.map((known, index) =>
          index === place ? { ...table, chains: other } : known,
        )
        const expected: Change = {
          kind: 'rule',
          family: table.family,
          table: table.name,
          chain: chain.name,
          before: null,
          after: { position, rule: inserted },
        }
        assert.equal(changes(plan, { ...plan, tables }), [expected])
        assert.equal(changes({ ...plan, tables }, plan), [
          { ...expected, before: expected.after, after: null },
        ])
        tried++
      }
  assert.ok(tried > 40, `${tried} places`)
})

test('both sides of what changes stand in a change', async () => {
  const plan = (await goldenPlans()).get('load-balancer') as Plan
  const [server, ...others] = plan.virtualServers as [VirtualServer, ...VirtualServer[]]
  const [real, ...rest] = server.realServers
  assert.ok(real)
  const drained = { ...real, weight: 0 }
  const after: VirtualServer = { ...server, scheduler: 'lc', realServers: [drained, ...rest] }
  assert.equal(changes(plan, { ...plan, virtualServers: [after, ...others] }), [
    { kind: 'virtualServer', before: server, after },
    {
      kind: 'realServer',
      virtualServer: { address: server.address, port: server.port, protocol: server.protocol },
      before: real,
      after: drained,
    },
  ])
  assert.equal(changes(plan, { ...plan, ipvsTimeouts: { tcp: 7, tcpFin: 0, udp: 0 } }), [
    { kind: 'timeouts', before: plan.ipvsTimeouts, after: { tcp: 7, tcpFin: 0, udp: 0 } },
  ])
})

test('sequences: what is kept ascends in both, and nothing is told twice', () => {
  const words = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { maxLength: 9 })
  fc.assert(
    fc.property(words, words, (before, after) => {
      const { removed, added } = compareSequences(before, after)
      const left = (list: readonly string[], without: readonly number[]): string[] =>
        list.filter((_, index) => !without.includes(index))
      assert.equal(left(before, removed), left(after, added))
    }),
    { numRuns: 2000 },
  )
})

test.run()
