import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { formatService } from '../../src/emit/ipvs.ts'
import { compile, delta, emitDelta, type Plan, stateFingerprint, stateLines } from '../../src/index.ts'
import { goldenNames, loadCase, runCase } from '../golden/cases.ts'
import { clusters } from '../support/arbitraries.ts'
import { ModelKernel } from '../support/modelKernel.ts'

const test = suite('delta')

const planOf = (cluster: Parameters<typeof compile>[0]): Plan =>
  compile(cluster, { node: 'node-1', onConflict: 'first', quarantine: true }).plan as Plan

/** Loads a delta into a model kernel, and looks at it after every line. */
function migrate(from: Plan, to: Plan): ModelKernel {
  const kernel = new ModelKernel(from)
  const kept = keptServers(from, to)
  const bound = from.dummyInterface.addresses.filter((address) =>
    to.dummyInterface.addresses.includes(address),
  )
  for (const [name, text] of emitDelta(delta(from, to)))
    kernel.load(name, text, () => {
      for (const [service, servers] of kept)
        assert.ok(
          kernel.serving(service).some((server) => servers.includes(server)),
          `${service} has lost all the real servers that it keeps`,
        )
      for (const address of bound) assert.ok(kernel.bound().has(address), `${address} is kept bound`)
    })
  return kernel
}

/** By virtual server that stands in both plans, the real servers that do. */
function keptServers(from: Plan, to: Plan): Map<string, string[]> {
  const before = new Map(from.virtualServers.map((server) => [formatService(server), server.realServers]))
  const kept = to.virtualServers.flatMap((server): [string, string[]][] => {
    const old = (before.get(formatService(server)) ?? []).map(({ address, port }) => `${address}:${port}`)
    const both = server.realServers
      .map(({ address, port }) => `${address}:${port}`)
      .filter((name) => old.includes(name))
      .map((name) => (name.split(':').length > 2 ? name.replace(/^(.*):(\d+)$/, '[$1]:$2') : name))
    return both.length === 0 ? [] : [[formatService(server), both]]
  })
  return new Map(kept)
}

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

test('every pair of golden plans, in both directions', async () => {
  const plans = new Map<string, Plan>()
  for (const name of goldenNames()) {
    const { plan } = await runCase(await loadCase(name))
    if (plan !== null && plan.families.length === 2) plans.set(name, plan)
  }
  assert.ok(plans.size > 50)
  for (const [here, from] of plans)
    for (const [there, to] of plans)
      assert.equal(migrate(from, to).lines(), stateLines(to), `${here} to ${there}`)
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

test('the fingerprint of a state does not depend on settings, but on everything else', async () => {
  const { plan } = await runCase(await loadCase('node-settings'))
  const same: Plan = { ...(plan as Plan), sysctls: [], ipvsTimeouts: null, modules: [] }
  assert.is(stateFingerprint(same), stateFingerprint(plan as Plan))
  const other: Plan = { ...(plan as Plan), virtualServers: (plan as Plan).virtualServers.slice(1) }
  assert.is.not(stateFingerprint(other), stateFingerprint(plan as Plan))
})

test.run()
