import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { formatService } from '../../src/emit/ipvs.ts'
import { formatRule } from '../../src/emit/rules.ts'
import { compile, delta, emitDelta, type Plan, stateFingerprint, stateLines } from '../../src/index.ts'
import { formatEntry } from '../../src/plan/entries.ts'
import { exemptions } from '../../src/plan/transitions.ts'
import { FAMILIES } from '../../src/plan/types.ts'
import { hostPort } from '../../src/plan/virtualServers.ts'
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
  const exempt = exemptServers(from, to)
  const before = from.tables.flatMap(({ family, name, chains }) =>
    chains.map((chain) => [`${family} ${name} ${chain.name}`, chain.rules.map(formatRule)] as const),
  )
  for (const [name, text] of emitDelta(delta(from, to))) {
    // Nothing has left yet: whatever needs a rule finds it.
    if (name > '08')
      for (const [chain, rules] of name < '10' ? before : [])
        for (const rule of rules) assert.ok(kernel.rules(chain).includes(rule), `${chain} has lost ${rule}`)
    kernel.load(name, text, () => {
      for (const [service, servers] of kept)
        assert.ok(
          kernel.serving(service).some((server) => servers.includes(server)),
          `${service} has lost all the real servers that it keeps`,
        )
      for (const { set, entry, service, servers } of exempt)
        if (kernel.entries(set).has(entry))
          for (const server of kernel.serving(service))
            assert.ok(servers.has(server), `${service}: clients of ${server} are not masqueraded`)
      for (const address of bound) assert.ok(kernel.bound().has(address), `${address} is kept bound`)
    })
  }
  return kernel
}

/** A virtual server whose clients are not masqueraded in one of two plans, with the real servers that it has there. */
interface Exempt {
  readonly set: string
  readonly entry: string
  readonly service: string
  readonly servers: ReadonlySet<string>
}

/** Virtual servers that stand in both plans, and go from masquerading to exempting or back. */
function exemptServers(from: Plan, to: Plan): Exempt[] {
  const entriesOf = (plan: Plan, name: string): Set<string> => {
    const set = plan.sets.find((candidate) => candidate.name === name)
    return new Set(set?.entries.map((entry) => formatEntry(set.type, entry)))
  }
  return exemptions(FAMILIES).flatMap(([set, exempted]) =>
    [...entriesOf(from, exempted)]
      .filter((entry) => entriesOf(to, exempted).has(entry))
      .filter((entry) => entriesOf(from, set).has(entry) !== entriesOf(to, set).has(entry))
      .flatMap((entry) => {
        const plan = entriesOf(from, set).has(entry) ? from : to
        return plan.virtualServers
          .filter(({ address, port, protocol }) =>
            [`${address},${protocol}:${port}`, String(port)].includes(entry),
          )
          .map((server) => ({
            ...{ set, entry, service: formatService(server) },
            servers: new Set(server.realServers.map(({ address, port }) => hostPort(address, port))),
          }))
      }),
  )
}

/** By virtual server that stands in both plans, the real servers that do. */
function keptServers(from: Plan, to: Plan): Map<string, string[]> {
  const before = new Map(from.virtualServers.map((server) => [formatService(server), server.realServers]))
  const kept = to.virtualServers.flatMap((server): [string, string[]][] => {
    const old = (before.get(formatService(server)) ?? []).map(({ address, port }) => hostPort(address, port))
    const both = server.realServers
      .map(({ address, port }) => hostPort(address, port))
      .filter((name) => old.includes(name))
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
