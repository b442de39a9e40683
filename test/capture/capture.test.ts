import { existsSync, readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Captured, capture, compile, delta, emit, type Plan, stateLines } from '../../src/index.ts'
import { CHAIN_NAMES } from '../../src/kernel/chains.ts'
import { goldenNames, loadCase, runCase } from '../golden/cases.ts'
import { clusters } from '../support/arbitraries.ts'
import { ROOT } from '../support/shared.ts'

const test = suite('capture')

/** What the tools of a node would list, had the payloads been loaded: they print what they load. */
function captureOf(plan: Plan): Captured {
  const payloads = emit(plan)
  const addresses = plan.dummyInterface.addresses.map((local) => ({
    local,
    prefixlen: local.includes(':') ? 128 : 32,
    scope: 'global',
  }))
  const text = (name: Parameters<typeof payloads.get>[0]): string => payloads.get(name) ?? ''
  return capture({
    ipvs: text('ipvs.restore').replace(/^--set .*\n/, ''),
    ipset: text('ipset.restore'),
    iptables: text('iptables.restore'),
    ip6tables: text('ip6tables.restore'),
    addresses: JSON.stringify([{ ifname: 'kube-ipvs0', addr_info: addresses }]),
  })
}

test('what was emitted reads back as the plan', () => {
  fc.assert(
    fc.property(clusters, (cluster) => {
      const { plan } = compile(cluster, { node: 'node-1', onConflict: 'first', quarantine: true })
      const { plan: captured, foreign } = captureOf(plan as Plan)
      assert.equal(foreign, [])
      assert.equal(captured.virtualServers, (plan as Plan).virtualServers)
      assert.equal(stateLines(captured), stateLines(plan as Plan))
      assert.equal(
        delta(captured, {
          ...(plan as Plan),
          modules: [],
          sysctls: [],
          ipvsTimeouts: null,
          conntrack: captured.conntrack,
        }),
        [],
      )
    }),
    { numRuns: 100 },
  )
})

test('the chains that are captured are those that every plan has', async () => {
  for (const name of goldenNames()) {
    const { plan } = await runCase(await loadCase(name))
    for (const table of plan?.tables ?? [])
      assert.equal(
        table.chains.map((chain) => chain.name),
        CHAIN_NAMES[table.name],
      )
  }
})

test('the state that a kube-proxy left is captured, and differs from the plan by nothing but the documented', () => {
  const cases = `${ROOT}test/conformance/cases`
  for (const name of readdirSync(cases)) {
    const text = (file: string): string =>
      existsSync(`${cases}/${name}/${file}`) ? readFileSync(`${cases}/${name}/${file}`, 'utf8') : ''
    // The recorded listing of sets is sorted: what creates them comes last.
    const sets = text('ipset-save').split('\n')
    const { plan, foreign } = capture({
      ipvs: text('ipvsadm-save'),
      ipset: ['create', 'add']
        .flatMap((verb) => sets.filter((line) => line.startsWith(`${verb} `)))
        .join('\n'),
      iptables: text('iptables-save'),
      ip6tables: text('ip6tables-save'),
      addresses: text('ip-addr.json'),
    })
    assert.equal(foreign, [], name)
    assert.ok(plan.virtualServers.length > 0, name)
    assert.equal(
      stateLines(plan).filter((line) => line.startsWith('set ')).length,
      34,
      `${name}: 17 sets of each family`,
    )
  }
})

test('virtual servers of a firewall mark, foreign sets and foreign chains are no part of a capture', () => {
  const { plan } = capture({
    ipvs: '-A -f 7 -s rr\n-a -f 7 -r 10.0.0.1:0 -m -w 1\n-A -t 10.96.0.1:443 -s rr\n',
    ipset: 'create mine hash:net family inet hashsize 1024 maxelem 65536\nadd mine 10.0.0.0/8\n',
    iptables: '*nat\n:PREROUTING ACCEPT [0:0]\n:DOCKER - [0:0]\n-A PREROUTING -j DOCKER\nCOMMIT\n',
    ip6tables: null,
    addresses: '[]',
  })
  assert.equal(stateLines(plan), ['link kube-ipvs0', 'virtual -t 10.96.0.1:443 -s rr'])
  assert.equal(plan.families, ['ipv4'])
})

test.run()
