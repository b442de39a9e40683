import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bundleOf } from '../../src/bundle/bundle.ts'
import { formatService } from '../../src/formats/ipvs.ts'
import {
  compile,
  delta,
  emitDelta,
  type Plan,
  stateFingerprint,
  stateLines,
  type VirtualServer,
} from '../../src/index.ts'
import { goldenPlans, loadCase, runCase } from '../golden/cases.ts'
import { clusters } from '../support/arbitraries.ts'
import { crowdedWays, exemptingWays } from '../support/crowdedSets.ts'
import { migrate } from '../support/migration.ts'
import { sampled } from '../support/sample.ts'

const test = suite('delta')

const planOf = (cluster: Parameters<typeof compile>[0]): Plan =>
  compile(cluster, { node: 'node-1', onConflict: 'first', quarantine: true }).plan as Plan

test('a delta leads a kernel from one plan to exactly the other, and never empties what is kept', () => {
  fc.assert(
    fc.property(clusters, clusters, (first, second) => {
      const [from, to] = [planOf(first), planOf(second)]
      assert.equal(migrate(from, to).lines(), stateLines(to))
    }),
    { numRuns: 300 },
  )
})

test('the delta of a plan to itself is empty', () => {
  fc.assert(
    fc.property(clusters, (cluster) => {
      assert.equal(delta(planOf(cluster), planOf(cluster)), [])
    }),
    { numRuns: 100 },
  )
})

test('what differs is all that a delta touches', () => {
  fc.assert(
    fc.property(clusters, clusters, (first, second) => {
      const [from, to] = [planOf(first), planOf(second)]
      const same = new Set(stateLines(from).filter((line) => stateLines(to).includes(line)))
      for (const operation of delta(from, to)) {
        if (operation.kind === 'addRealServer' || operation.kind === 'removeRealServer') {
          const { address, port } = operation.realServer
          const host = address.includes(':') ? `[${address}]` : address
          const line = `real ${formatService(operation.virtualServer)} ${host}:${port} -m -w ${operation.realServer.weight}`
          assert.not.ok(same.has(line), line)
        }
      }
    }),
    { numRuns: 100 },
  )
})

/** The part of the pairs that a run takes. */
const PAIRS = 1 / 4

test('pairs of golden plans, in both directions', async () => {
  const plans = await goldenPlans()
  assert.ok(plans.size > 50)
  const wanted = new Map([...plans].map(([name, plan]) => [name, stateLines(plan)]))
  for (const [here, from] of plans)
    for (const [there, to] of sampled(here, [...plans], PAIRS))
      assert.equal(migrate(from, to).lines(), wanted.get(there), `${here} to ${there}`)
})

test('a family that the second plan does not speak of stays as it is', async () => {
  const { plan: both } = await runCase(await loadCase('dual-stack'))
  const { plan: one } = await runCase(await loadCase('family-ipv4-only'))
  const kernel = migrate(both as Plan, one as Plan)
  const isIPv6 = (line: string): boolean => /ipv6|KUBE-6-|\[fd00|address fd00/.test(line)
  assert.equal(kernel.lines().filter(isIPv6), stateLines(both as Plan).filter(isIPv6))
  assert.equal(
    kernel.lines().filter((line) => !isIPv6(line)),
    stateLines(one as Plan),
  )
})

test('virtual servers inside excludeCIDRs stay', async () => {
  const { plan } = await runCase(await loadCase('cluster-ip'))
  const [server] = (plan as Plan).virtualServers
  assert.ok(server)
  const empty: Plan = { ...(plan as Plan), virtualServers: [] }
  const kinds = (to: Plan): string[] => delta(plan as Plan, to).map(({ kind }) => kind)
  assert.equal(kinds(empty), ['removeVirtualServer'])
  assert.equal(kinds({ ...empty, excludeCIDRs: ['172.30.0.0/16'] }), [])
})

test('a delta bundle starts from what of a state its plan speaks of', async () => {
  const { plan: held } = await runCase(await loadCase('dual-stack'))
  const { plan: one } = await runCase(await loadCase('family-ipv4-only'))
  const wanted: Plan = { ...(one as Plan), excludeCIDRs: ['172.30.0.0/16', '192.0.2.0/24'] }
  const [server] = wanted.virtualServers as [VirtualServer]
  assert.ok(server.address.startsWith('172.30.'), 'the plan wants one itself that is excluded')
  const foreign = { ...server, address: '192.0.2.7' }
  const captured: Plan = {
    ...wanted,
    families: ['ipv4', 'ipv6'],
    virtualServers: [...wanted.virtualServers, foreign],
    tables: [...wanted.tables, ...(held as Plan).tables.filter(({ family }) => family === 'ipv6')],
    excludeCIDRs: [],
  }
  const { manifest } = bundleOf('node-1', wanted, { from: captured })
  assert.equal(manifest.delta, { from: stateFingerprint(wanted), operations: 0 })
})

test('a set of other parameters is filled aside and swapped', async () => {
  const { plan } = await runCase(await loadCase('cluster-ip'))
  const to: Plan = {
    ...(plan as Plan),
    sets: (plan as Plan).sets.map((set) =>
      set.name === 'KUBE-CLUSTER-IP' && set.type !== 'bitmap:port' ? { ...set, maxElements: 131072 } : set,
    ),
  }
  const payloads = emitDelta(delta(plan as Plan, to))
  assert.equal([...payloads.keys()], ['03-ipset.restore'])
  assert.is(
    payloads.get('03-ipset.restore'),
    `create ipvsc-tmp hash:ip,port family inet hashsize 1024 maxelem 131072
add ipvsc-tmp 172.30.0.41,tcp:80
swap ipvsc-tmp KUBE-CLUSTER-IP
destroy ipvsc-tmp
`,
  )
  assert.equal(migrate(plan as Plan, to).lines(), stateLines(to))
})

test('a set that has no room for what comes beside what leaves is larger until the end', async () => {
  const { plan } = await runCase(await loadCase('cluster-ip'))
  for (const { from, to, most } of crowdedWays(plan as Plan)) {
    const texts = [...emitDelta(delta(from, to)).values()].join('')
    if (most === null) assert.not.match(texts, /ipvsc-tmp/)
    else assert.match(texts, new RegExp(`^create ipvsc-tmp .* maxelem ${most}$`, 'm'))
    assert.equal(migrate(from, to).lines(), stateLines(to))
  }
})

test('what exempts from masquerading keeps its turn in sets that are filled anew', async () => {
  const plans = await goldenPlans()
  const [cluster, local] = ['load-balancer', 'load-balancer-local'].map((name) => plans.get(name) as Plan)
  for (const { from, to } of exemptingWays(cluster as Plan, local as Plan)) {
    assert.ok(delta(from, to).some(({ kind }) => kind === 'replaceSet'))
    assert.equal(migrate(from, to).lines(), stateLines(to))
  }
})

test('the fingerprint of a state does not depend on settings, but on everything else', async () => {
  const { plan } = await runCase(await loadCase('node-settings'))
  const same: Plan = { ...(plan as Plan), sysctls: [], ipvsTimeouts: null, modules: [] }
  assert.is(stateFingerprint(same), stateFingerprint(plan as Plan))
  const other: Plan = { ...(plan as Plan), virtualServers: (plan as Plan).virtualServers.slice(1) }
  assert.is.not(stateFingerprint(other), stateFingerprint(plan as Plan))
})

test.run()
