import { existsSync, readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Captured,
  capture,
  compile,
  type Dumps,
  delta,
  driftOf,
  emit,
  foreignLine,
  foreignTo,
  type Plan,
  stateLines,
} from '../../src/index.ts'
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
      assert.equal(driftOf(captureOf(plan as Plan), plan as Plan), {
        changes: [],
        foreign: [],
        lacksInterface: false,
      })
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

const EMPTY: Dumps = { ipvs: '', ipset: '', iptables: '', ip6tables: null, addresses: '[]' }

/** Lines of what is foreign in listings that are empty but for these. */
const foreignIn = (dumps: Partial<Dumps>): string[] =>
  capture({ ...EMPTY, ...dumps }).foreign.map(foreignLine)

const inNat = (...rules: readonly string[]): string =>
  `*nat\n:PREROUTING ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n${rules.map((rule) => `-A ${rule}\n`).join('')}COMMIT\n`

test('a rule in a chain of ours that no plan can say is foreign, at its place', () => {
  const known = 'KUBE-SERVICES -s 127.0.0.0/8 -j RETURN'
  for (const rule of [
    '-d 10.96.0.5/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 6.6.6.6:80',
    '-m socket -j RETURN',
    '-m rpfilter -j ACCEPT',
    '-p tcp -m tcp -j ACCEPT',
    '-m comment --comment "one" -m comment --comment "two" -j ACCEPT',
    '-m socket -m mark --mark 0x1/0x1 -j ACCEPT',
    '-g KUBE-SERVICES',
    '-j LOG',
    '-j KUBE-MARK-DROP',
    '-m set --match-set theirs dst -j ACCEPT',
  ]) {
    assert.equal(foreignIn({ iptables: inNat(known, `KUBE-SERVICES ${rule}`) }), [
      `rule ipv4 nat KUBE-SERVICES 0002 ${rule}`,
    ])
    const { plan } = capture({ ...EMPTY, iptables: inNat(known, `KUBE-SERVICES ${rule}`) })
    assert.is(plan.tables[0]?.chains[0]?.rules.length, 1)
  }
})

test('a jump to a chain of ours that not every packet takes is foreign', () => {
  for (const rule of [
    '-s 10.0.0.0/8 -j KUBE-SERVICES',
    '-p tcp -m tcp --dport 80 -j KUBE-SERVICES',
    '-g KUBE-SERVICES',
  ])
    assert.equal(foreignIn({ iptables: inNat(`PREROUTING ${rule}`) }), [`jump ipv4 nat PREROUTING ${rule}`])
})

test('entries with options, and sets with other parameters or of another type, are foreign', () => {
  const create =
    'create KUBE-LOAD-BALANCER-SOURCE-CIDR hash:ip,port,net family inet hashsize 1024 maxelem 65536'
  const set = 'KUBE-LOAD-BALANCER-SOURCE-CIDR'
  const entry = '10.0.0.1,tcp:80,10.0.0.0/8'
  assert.equal(foreignIn({ ipset: `${create} bucketsize 12 initval 0x1\nadd ${set} ${entry}\n` }), [])
  for (const option of ['nomatch', 'timeout 300'])
    assert.equal(foreignIn({ ipset: `${create}\nadd ${set} ${entry} ${option}\n` }), [
      `entry ${set} ${entry} ${option}`,
    ])
  assert.equal(foreignIn({ ipset: `${create}\nadd ${set} 10.0.0.1,icmp:8/0,10.0.0.0/8\n` }), [
    `entry ${set} 10.0.0.1,icmp:8/0,10.0.0.0/8`,
  ])
  for (const parameter of ['forceadd', 'timeout 0', 'netmask 24', 'comment']) {
    const entries = `add ${set} ${entry}${parameter === 'timeout 0' ? ' timeout 0' : ''}\n`
    const { plan, foreign } = capture({ ...EMPTY, ipset: `${create} ${parameter}\n${entries}` })
    assert.equal(foreign.map(foreignLine), [
      `set ${set} hash:ip,port,net family inet maxelem 65536 ${parameter}`,
    ])
    assert.is(plan.sets[0]?.entries.length, 1, 'what a plan can say of it is in the plan')
  }
  assert.equal(
    foreignIn({ ipset: 'create KUBE-CLUSTER-IP hash:net family inet\nadd KUBE-CLUSTER-IP 10.0.0.0/8\n' }),
    ['set KUBE-CLUSTER-IP hash:net family inet'],
  )
  assert.equal(
    foreignIn({ ipset: 'create theirs hash:net family inet forceadd\nadd theirs 10.0.0.0/8 nomatch\n' }),
    [],
  )
})

test('servers with options or thresholds are foreign, and a plan has them without', () => {
  const ipvs = '-A -t 10.96.0.1:443 -s rr -o\n-a -t 10.96.0.1:443 -r 10.0.0.1:6443 -m -w 1 -x 100 -y 50\n'
  const { plan, foreign } = capture({ ...EMPTY, ipvs })
  assert.equal(foreign.map(foreignLine), [
    'virtual -t 10.96.0.1:443 -s rr -o',
    'real -t 10.96.0.1:443 10.0.0.1:6443 -m -w 1 -x 100 -y 50',
  ])
  assert.is(plan.virtualServers[0]?.realServers.length, 1)
  const sip = foreignIn({ ipvs: '-A -u 10.96.0.1:5060 -s rr --pe sip -p 300\n' })
  assert.equal(sip, ['virtual -u 10.96.0.1:5060 -s rr --pe sip -p 300'])
  const thresholds = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn
  -> RemoteAddress:Port
TCP  10.96.0.1:443 rr
  -> 10.0.0.1:6443                0          0          0          0
  -> 10.0.0.2:6443                200        0          3          1
FWM  7 rr
  -> 10.0.0.9:0                   5          5          0          0
UDP  [fd00::a]:53 rr persistent 10800
  -> [fd00::1]:53                 9          4          0          0
`
  assert.equal(foreignIn({ thresholds }), [
    'real -t 10.96.0.1:443 10.0.0.2:6443 -x 200 -y 0',
    'real -u [fd00::a]:53 [fd00::1]:53 -x 9 -y 4',
  ])
  assert.equal(capture({ ...EMPTY, thresholds }).untold, [])
  assert.equal(capture(EMPTY).untold, ['thresholds of real servers'])
})

const listed = (ifname: string, rest: object, ...addresses: readonly string[]): object => ({
  ifname,
  link_type: 'ether',
  addr_info: addresses.map((text) => {
    const [local = '', length] = text.split('/')
    return {
      family: local.includes(':') ? 'inet6' : 'inet',
      local,
      prefixlen: Number(length),
      scope: 'global',
    }
  }),
  ...rest,
})

test('an address of a Service elsewhere, one of a network, and an interface that is no dummy are foreign', () => {
  const dummy = { promiscuity: 0, linkinfo: { info_kind: 'dummy' } }
  const foreign = (...links: readonly object[]): string[] => foreignIn({ addresses: JSON.stringify(links) })
  const well = listed('kube-ipvs0', dummy, '10.96.0.1/32', 'fe80::1/64')
  assert.equal(foreign(well, listed('eth0', {}, '192.0.2.1/24')), [])
  assert.equal(foreign(well, listed('eth0', {}, '10.96.0.1/24')), ['address 10.96.0.1 dev eth0'])
  assert.equal(foreign(listed('kube-ipvs0', dummy, '10.96.0.1/24')), ['address 10.96.0.1/24'])
  assert.equal(foreign(listed('kube-ipvs0', { linkinfo: { info_kind: 'bridge' } })), [
    'link kube-ipvs0 bridge',
  ])
  assert.equal(foreign(listed('kube-ipvs0', { promiscuity: 0 })), ['link kube-ipvs0 device'])
  assert.equal(foreign(listed('kube-ipvs0', { link_type: 'loopback' })), ['link kube-ipvs0 loopback'])
  assert.ok(capture({ ...EMPTY, addresses: JSON.stringify([listed('kube-ipvs0', {})]) }).untold.length > 1)
})

test('what is foreign to a plan: of its families, outside of what it excludes, its own addresses elsewhere', () => {
  const captured = capture({
    ...EMPTY,
    ipvs: '-A -t 192.0.2.7:80 -s rr -o\n-A -t [fd00::1]:80 -s rr -o\n',
    addresses: JSON.stringify([listed('eth0', {}, '10.96.0.9/24')]),
  })
  const plan = { ...captured.plan, dummyInterface: { name: 'kube-ipvs0', addresses: ['10.96.0.9'] } } as Plan
  const lines = (wanted: Partial<Plan>): string[] =>
    foreignTo(captured, { ...plan, ...wanted }).map(foreignLine)
  assert.equal(lines({ virtualServers: [] }), [
    'virtual -t 192.0.2.7:80 -s rr -o',
    'address 10.96.0.9 dev eth0',
  ])
  assert.equal(lines({ virtualServers: [], excludeCIDRs: ['192.0.2.0/24'] }), ['address 10.96.0.9 dev eth0'])
  assert.equal(lines({ families: ['ipv6'] }), [
    'virtual -t [fd00::1]:80 -s rr -o',
    'address 10.96.0.9 dev eth0',
  ])
})

test('a table that iptables cannot show is refused, and not read as empty', () => {
  for (const table of ['nat', 'filter'])
    assert.throws(
      () => capture({ ...EMPTY, iptables: `# Table \`${table}' is incompatible, use 'nft' tool.\n` }),
      /rules that iptables cannot show/,
    )
  capture({ ...EMPTY, iptables: "# Table `mangle' is incompatible, use 'nft' tool.\n" })
})

test.run()
