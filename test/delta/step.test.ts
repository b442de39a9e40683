import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bundleOf } from '../../src/bundle/bundle.ts'
import { type Step, stepOf } from '../../src/delta/step.ts'
import { delta, type IpSet, type Plan, stateLines } from '../../src/index.ts'
import { goldenPlans } from '../golden/cases.ts'

const test = suite('step')

const step = (from: Plan, to: Plan): Step | null => stepOf(delta(from, to), from, to)

/** The same without the first real server of each virtual server and the first entry of each set. */
const withLess = (plan: Plan): Plan => ({
  ...plan,
  virtualServers: plan.virtualServers.map((server) => ({
    ...server,
    realServers: server.realServers.slice(1),
  })),
  sets: plan.sets.map((set) => ({ ...set, entries: set.entries.slice(1) }) as IpSet),
})

const planOf = async (name: string): Promise<Plan> => (await goldenPlans()).get(name) as Plan

test('a step tells every line that goes and comes, in both directions', async () => {
  let steps = 0
  for (const [name, from] of await goldenPlans()) {
    const to = withLess(from)
    for (const [here, there] of [
      [from, to],
      [to, from],
    ] as const) {
      const found = step(here, there)
      if (found === null) {
        assert.ok(from.virtualServers.length > 16 || delta(here, there).length === 0, name)
        continue
      }
      steps++
      const removed = new Set(found.removed)
      const lines = [...stateLines(here).filter((line) => !removed.has(line)), ...found.added].sort()
      assert.equal(lines, stateLines(there), name)
      const touched = (line: string): boolean =>
        found.servers.some((server) => line.startsWith(`real ${server} `)) ||
        (line.startsWith('entry ') &&
          here.sets.some(
            (set) =>
              line.startsWith(`entry ${set.name} `) &&
              set.entries.length !== there.sets.find(({ name }) => name === set.name)?.entries.length,
          ))
      assert.equal(found.touched, stateLines(there).filter(touched), name)
    }
  }
  assert.ok(steps > 90, `${steps} steps`)
})

test('what needs more than real servers and entries is no step', async () => {
  const plan = await planOf('load-balancer')
  const [server] = plan.virtualServers
  assert.ok(server)
  const others: Readonly<Record<string, Plan>> = {
    'the same': plan,
    'a virtual server': { ...plan, virtualServers: plan.virtualServers.slice(1) },
    'an address': { ...plan, dummyInterface: { ...plan.dummyInterface, addresses: [] } },
    'a scheduler': {
      ...plan,
      virtualServers: plan.virtualServers.map((server) => ({ ...server, scheduler: 'lc' as const })),
    },
    'a setting': { ...withLess(plan), sysctls: plan.sysctls.map((sysctl) => ({ ...sysctl, value: 7 })) },
    'the size of connection tracking': {
      ...withLess(plan),
      conntrack: { ...plan.conntrack, min: plan.conntrack.min + 1 },
    },
    'what is left alone': { ...withLess(plan), excludeCIDRs: ['192.0.2.0/24'] },
    'more virtual servers than can be asked for one by one': {
      ...plan,
      virtualServers: Array.from({ length: 17 }, (_, index) => ({
        ...server,
        port: index + 1,
        realServers: [],
      })),
    },
  }
  for (const [what, to] of Object.entries(others)) {
    const from = what.startsWith('more')
      ? {
          ...to,
          virtualServers: to.virtualServers.map((each) => ({ ...each, realServers: server.realServers })),
        }
      : plan
    assert.is(step(from, to), null, what)
  }
})

test('only a bundle of a step carries one', async () => {
  const plan = await planOf('load-balancer')
  const names = (to: Plan): string[] =>
    [...bundleOf('node-1', to, { from: plan }).files.keys()].filter(
      (name) => name.startsWith('delta/') && name.endsWith('.state'),
    )
  assert.equal(names(withLess(plan)), ['delta/removed.state', 'delta/added.state', 'delta/touched.state'])
  assert.equal(names({ ...plan, virtualServers: [] }), [])
})

test.run()
