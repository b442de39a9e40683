import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  compile,
  emit,
  ownedTables,
  type Plan,
  parseIpAddr,
  parseIpsetRestore,
  parseIptablesRestore,
  parseIpvsRestore,
  parseModulesConf,
  parseSysctlConf,
  read,
  resolveConfig,
} from '../../src/index.ts'
import { sortVirtualServers } from '../../src/plan/canonical.ts'
import { type Flavour, type Loaded, loadIntoNamespace } from './node.ts'

/** Every golden case is loaded by the real tools into a real kernel; what they read back must be the plan. */

const DATA = process.env.IPVSC_DATA ?? '.'
const test = suite('load and read back')

/** Schedulers and matches that the cases use load from modules, as on a node. */
spawnSync('modprobe', [
  '-a',
  'ip_vs',
  'nf_conntrack',
  'dummy',
  'ip_set',
  'xt_set',
  'xt_ipvs',
  'xt_physdev',
  'br_netfilter',
])

const FLAVOURS: readonly Flavour[] = ['nft', 'legacy']

const chainNames = ({ tables }: Plan, family: string, name: string): string[] =>
  tables
    .filter((table) => table.family === family && table.name === name)
    .flatMap(({ chains }) => chains.map((chain) => chain.name))

/** The kernel doubles a hash as it sees fit, and says so when it lists the set. */
const withoutHashSize = (sets: Plan['sets']): unknown[] =>
  sets.map((set) => (set.type === 'bitmap:port' ? set : { ...set, hashSize: 0 }))

function comparePlan(plan: Plan, state: Loaded): void {
  assert.is(state.stderr, '', 'the tools say nothing')
  const { virtualServers } = parseIpvsRestore(state.ipvs)
  assert.equal(
    sortVirtualServers([...virtualServers], (server) => server).map(sortRealServers),
    plan.virtualServers,
  )
  const { sets, foreign } = parseIpsetRestore(state.ipset)
  assert.equal(foreign, [])
  const byName = new Map(sets.map((set) => [set.name, set]))
  assert.equal(
    withoutHashSize(plan.sets.map(({ name }) => byName.get(name) as Plan['sets'][number])),
    withoutHashSize(plan.sets),
  )
  assert.is(sets.length, plan.sets.length)
  for (const [family, text] of [
    ['ipv4', state.iptables],
    ['ipv6', state.ip6tables],
  ] as const) {
    if (!plan.families.includes(family)) continue
    const names = { nat: chainNames(plan, family, 'nat'), filter: chainNames(plan, family, 'filter') }
    const owned = ownedTables(parseIptablesRestore(text, family), family, names)
    assert.equal(owned.foreign, [])
    assert.equal(
      owned.tables,
      plan.tables.filter((table) => table.family === family),
    )
  }
  const bound = parseIpAddr(state.addresses).filter((entry) => entry.interface === 'kube-ipvs0')
  assert.equal(bound.map(({ address }) => address).sort(), [...plan.dummyInterface.addresses].sort())
  assert.match(
    state.addresses,
    /"ifname":"kube-ipvs0","flags":\["BROADCAST","NOARP"\]/,
    'the interface is left down',
  )
}

/** The kernel lists real servers in its own order. */
const sortRealServers = (server: Plan['virtualServers'][number]): unknown => ({
  ...server,
  realServers: sortVirtualServers([...server.realServers], (real) => ({
    ...server,
    address: real.address,
    port: real.port,
  })),
})

const cases = readdirSync(`${DATA}/golden`)
  .sort()
  .filter((name) => existsSync(`${DATA}/golden/${name}/expected/plan.json`))

for (const name of cases) {
  const folder = `${DATA}/golden/${name}/expected`
  const payloads = new Map(
    readdirSync(folder).map((file) => [file, readFileSync(`${folder}/${file}`, 'utf8')]),
  )
  const plan = JSON.parse(payloads.get('plan.json') as string) as Plan
  for (const flavour of FLAVOURS) {
    test(`${name} (${flavour})`, () => comparePlan(plan, loadIntoNamespace(payloads, flavour)))
  }
  test(`${name}: its modules load`, () => {
    const { status, stderr } = spawnSync(
      'modprobe',
      ['-a', ...parseModulesConf(payloads.get('modules.conf') as string)],
      { encoding: 'utf8' },
    )
    assert.is(status, 0, stderr)
  })
}

for (const name of readdirSync(`${DATA}/test/conformance/cases`).sort()) {
  test(`${name}: what is compiled for an input that kube-proxy had`, async () => {
    const text = (file: string) => readFileSync(`${DATA}/test/conformance/cases/${name}/${file}`, 'utf8')
    const { cluster } = await read(
      ['snapshot.json', 'config.yaml'].map((file) => ({ name: file, text: text(file) })),
    )
    const [configuration] = cluster.configurations
    assert.ok(configuration)
    const { plan } = compile(cluster, {
      node: JSON.parse(text('case.json')).node,
      config: resolveConfig(configuration, ({ message }) => assert.unreachable(message)),
      interfaceAddresses: parseIpAddr(text('node-addresses.json')),
    })
    assert.ok(plan)
    for (const flavour of FLAVOURS) comparePlan(plan as Plan, loadIntoNamespace(emit(plan as Plan), flavour))
  })
}

test('IPVS timeouts are those of the plan; 0 leaves one as it is', () => {
  const folder = `${DATA}/golden/node-settings/expected`
  const payloads = new Map(
    readdirSync(folder).map((file) => [file, readFileSync(`${folder}/${file}`, 'utf8')]),
  )
  assert.is(loadIntoNamespace(payloads, 'nft').timeouts, 'Timeout (tcp tcpfin udp): 900 120 30\n')
})

test('settings are accepted by a kernel and read back', () => {
  const text = readFileSync(`${DATA}/golden/node-settings/expected/sysctl.conf`, 'utf8')
  const { sysctls } = parseSysctlConf(text)
  const set = spawnSync('sysctl', ['-p', '-'], { input: text, encoding: 'utf8' })
  assert.is(set.status, 0, set.stderr)
  assert.is(set.stderr, '')
  for (const { name, value, action } of sysctls) {
    const { stdout } = spawnSync('sysctl', ['-n', name], { encoding: 'utf8' })
    if (action === 'set') assert.is(stdout.trim(), String(value), name)
    else assert.match(stdout, /^[01]\n$/, `${name} exists`)
  }
})

test.run()
