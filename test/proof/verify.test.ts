import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compile, type Plan } from '../../src/index.ts'
import { formatVerification } from '../../src/proof/verifyText.ts'
import { goldenNames, loadCase } from '../golden/cases.ts'
import { verifyPlan } from './verifyPlan.ts'

const test = suite('proof: verify')

test('every golden plan does what the API promises, but for what IPVS mode does by nature', async () => {
  let [classes, verified] = [0, 0]
  for (const name of goldenNames()) {
    const { cluster, options } = await loadCase(name)
    const { plan } = compile(cluster, options)
    if (plan === null || cluster.nodes.every(({ object }) => object.metadata.name !== options.node)) continue
    // The loser of a conflict is promised an address that it does not have.
    if (options.onConflict === 'first') continue
    const result = verifyPlan(plan, cluster, options)
    const faults = result.differences.filter(({ known }) => known === null)
    assert.equal(
      faults.map(({ service, client, target, promised, found }) => ({
        service,
        client,
        target,
        promised,
        found,
      })),
      [],
      name,
    )
    classes += result.classes
    verified++
  }
  assert.ok(verified > 40, `only ${verified} cases were verified`)
  assert.ok(classes > 500, `only ${classes} classes of packets were followed`)
})

test('a Local policy without a local endpoint is told as what IPVS mode does', async () => {
  const { cluster, options } = await loadCase('node-port-local-without-local')
  const { plan } = compile(cluster, options)
  const { differences } = verifyPlan(plan as Plan, cluster, options)
  assert.equal([...new Set(differences.map(({ known }) => known))], ['LOCAL_STAND_IN'])
  const text = formatVerification('node-1', verifyPlan(plan as Plan, cluster, options))
  assert.match(text, /^node-1: every promise is kept; /)
  assert.match(text, /known of IPVS mode, LOCAL_STAND_IN: .*\n {2}default\/web:http\n/)
})

test('a server that was lost, a rule that was lost and an entry too many are found', async () => {
  const { cluster, options } = await loadCase('load-balancer')
  const plan = compile(cluster, options).plan as Plan
  const [first, ...others] = plan.virtualServers
  const found = (changed: Plan) => verifyPlan(changed, cluster, options).differences
  assert.ok(found({ ...plan, virtualServers: others }).length > 0, 'a virtual server less')
  const crippled = { ...(first as NonNullable<typeof first>), realServers: [] }
  assert.ok(found({ ...plan, virtualServers: [crippled, ...others] }).length > 0, 'no real server')
  const without = (chain: string, number: number): Plan => ({
    ...plan,
    tables: plan.tables.map((table) => ({
      ...table,
      chains: table.chains.map((one) =>
        one.name === chain ? { ...one, rules: one.rules.filter((_, index) => index + 1 !== number) } : one,
      ),
    })),
  })
  assert.ok(found(without('KUBE-MARK-MASQ', 1)).length > 0, 'nothing is marked')
  const text = formatVerification('node-1', verifyPlan(without('KUBE-MARK-MASQ', 1), cluster, options))
  assert.match(text, /^node-1: \d+ promises of 1 Service port NOT kept; /)
  assert.match(text, /\n {4}promised answered by 10\.0\.0\.11:8080, 10\.0\.1\.21:8080\n/)
  assert.ok(found(without('KUBE-IPVS-FILTER', 6)).length > 0, 'ports that no Service has are open')
})

test.run()
