import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { formatPlan, type Plan } from '../../src/index.ts'
import { CHAIN_NAMES } from '../../src/kernel/chains.ts'
import { kernelSetName, SET_DEFINITIONS } from '../../src/kernel/sets.ts'
import { PLAN_MODULES, PLAN_SETTINGS } from '../../src/kernel/settings.ts'
import { FAMILIES } from '../../src/net/family.ts'
import { PlanError, parsePlan } from '../../src/plan/parse.ts'
import { goldenNames, goldenPlans, loadCase, runCase } from '../golden/cases.ts'
import { ROOT } from '../support/shared.ts'

/** A plan may say only what ipvsc says: who edits one cannot make a node do anything else. */

const test = suite('parsePlan')

const refusal = async (plan: unknown, what = ''): Promise<PlanError> => {
  const error = await parsePlan(typeof plan === 'string' ? plan : JSON.stringify(plan)).then(
    () => null,
    (thrown: Error) => thrown,
  )
  assert.instance(error, PlanError, what)
  return error as PlanError
}

test('every plan that is compiled reads back as it was', async () => {
  for (const name of goldenNames()) {
    const { plan } = await runCase(await loadCase(name))
    if (plan !== null) assert.equal(await parsePlan(formatPlan(plan)), plan, name)
  }
})

type Edit = (plan: Plan & Record<string, never>) => unknown

/** Edits of a plan, and the place at which each is refused. */
const EDITS: readonly (readonly [string, Edit])[] = [
  ['modules[3]', (plan) => ({ ...plan, modules: [...plan.modules, 'nfs'] })],
  ['modules[3]', (plan) => ({ ...plan, modules: [...plan.modules, 'ip_vs'] })],
  ['sysctls[0].name', (plan) => withFirst(plan, 'sysctls', { name: 'kernel.core_pattern' })],
  ['sysctls[0].value', (plan) => withFirst(plan, 'sysctls', { name: 'net.ipv4.ip_forward', value: 0 })],
  ['sets[0].name', (plan) => withFirst(plan, 'sets', { name: 'cali40all-ipam' })],
  ['sets[0].name', (plan) => withFirst(plan, 'sets', { name: 'KUBE-6-LOOP-BACK' })],
  ['sets[0].family', (plan) => ({ ...plan, families: ['ipv6'] })],
  ['families', (plan) => ({ ...plan, families: ['ipv6', 'ipv4'] })],
  ['tables[0].name', (plan) => withFirst(plan, 'tables', { name: 'raw' })],
  ['tables[0].chains[0].name', (plan) => withChain(plan, { name: 'INPUT' })],
  ['tables[0].chains[0].name', (plan) => withChain(plan, { name: 'KUBE-FORWARD' })],
  [
    'tables[0].chains[0].rules[0].target.chain',
    (plan) => withRule(plan, { kind: 'jump', chain: 'CNI-HOSTPORT' }),
  ],
  [
    'tables[0].chains[0].rules[0].target.chain',
    (plan) => withRule(plan, { kind: 'jump', chain: 'KUBE-FORWARD' }),
  ],
  ['tables[0].chains[0].rules[0].target', (plan) => withRule(plan, { kind: 'dnat', to: '6.6.6.6' })],
  ['tables[0].chains[0].rules[0].matches[0].set', (plan) => withMatch(plan, 'mine')],
  ['tables[0].chains[0].rules[0].matches[0].set', (plan) => withMatch(plan, 'KUBE-6-CLUSTER-IP')],
  ['tables[0].jumps[0].to', (plan) => withFirst(plan, 'tables', { jumps: [jumpTo('CNI-FORWARD')] })],
  ['tables[0].jumps[0].to', (plan) => withFirst(plan, 'tables', { jumps: [jumpTo('KUBE-FORWARD')] })],
  ['virtualServers[0].address', (plan) => withFirst(plan, 'virtualServers', { address: '10.1' })],
  ['virtualServers[0].address', (plan) => withFirst(plan, 'virtualServers', { address: '010.0.0.1' })],
  [
    'virtualServers[1]',
    (plan) => ({ ...plan, virtualServers: [...plan.virtualServers, ...plan.virtualServers] }),
  ],
  [
    'dummyInterface.addresses[0]',
    (plan) => ({ ...plan, dummyInterface: { name: 'kube-ipvs0', addresses: ['::'.repeat(3)] } }),
  ],
  ['dummyInterface.name', (plan) => ({ ...plan, dummyInterface: { name: 'eth0', addresses: [] } })],
  ['excludeCIDRs[0]', (plan) => ({ ...plan, excludeCIDRs: ['10.0.0.1/8'] })],
  ['run', (plan) => ({ ...plan, run: 'reboot' })],
]

function withFirst(
  plan: Plan,
  key: 'sysctls' | 'sets' | 'tables' | 'virtualServers',
  change: object,
): unknown {
  const [first, ...others] = plan[key]
  return { ...plan, [key]: [{ ...first, ...change }, ...others] }
}

const withChain = (plan: Plan, change: object): unknown => {
  const [first, ...others] = plan.tables[0]?.chains ?? []
  return withFirst(plan, 'tables', { chains: [{ ...first, ...change }, ...others] })
}

const withRule = (plan: Plan, target: object): unknown =>
  withChain(plan, { rules: [{ comment: null, matches: [], target }] })

const withMatch = (plan: Plan, set: string): unknown =>
  withChain(plan, {
    rules: [
      { comment: null, matches: [{ kind: 'set', set, directions: ['dst'] }], target: { kind: 'accept' } },
    ],
  })

const jumpTo = (to: string): object => ({ from: 'PREROUTING', to, comment: 'x' })

test('an edit that ipvsc would never make is refused with its place', async () => {
  const plan = (await goldenPlans()).get('cluster-ip') as Plan
  for (const [path, edit] of EDITS) {
    const { problems, message } = await refusal(edit(plan as Parameters<Edit>[0]), path)
    assert.ok(
      problems.some((problem) => problem.path === path),
      `${path}: ${message}`,
    )
  }
})

test('what is no plan at all is told in one short line', async () => {
  for (const text of ['', '[]', 'null', '{"version":1}', '{"version": 1, "families": ["\u001b[2J"]}', '7']) {
    const { message } = await refusal(text)
    assert.ok(message.length < 400, message)
    assert.not.match(message, /[\u0000-\u001f\u007f-\u009f]/)
  }
})

test('the schema names the same sets, chains, modules and settings', () => {
  const schema = JSON.parse(readFileSync(`${ROOT}schemas/plan.schema.json`, 'utf8'))
  const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort()
  assert.equal(
    sorted(schema.definitions.setName.enum),
    sorted(FAMILIES.flatMap((family) => SET_DEFINITIONS.map(({ name }) => kernelSetName(name, family)))),
  )
  assert.equal(sorted(schema.definitions.chainName.enum), sorted(Object.values(CHAIN_NAMES).flat()))
  assert.equal(sorted(schema.properties.modules.items.enum), sorted(PLAN_MODULES))
  assert.equal(
    sorted(schema.properties.sysctls.items.properties.name.enum),
    sorted(Object.keys(PLAN_SETTINGS)),
  )
})

test.run()
