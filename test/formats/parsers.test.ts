import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { quoteText, splitWords } from '../../src/formats/quote.ts'
import { parseRule } from '../../src/formats/ruleParser.ts'
import { formatRule } from '../../src/formats/rules.ts'
import {
  formatPlan,
  isForeign,
  PayloadSyntaxError,
  parseIpAddr,
  parseIpBatch,
  parseIpsetRestore,
  parseIptablesRestore,
  parseIpvsRestore,
} from '../../src/index.ts'
import { goldenNames, loadCase, runCase } from '../golden/cases.ts'
import { hasSharedData, ROOT, SHARED_DATA } from '../support/shared.ts'

const test = suite('emit and parse')

test('ipvsadm-save: flags, masks, weights, forwarding methods and IPv6 read as they were set', () => {
  const { virtualServers, timeouts } = parseIpvsRestore(`--set 900 120 300
-A -t 10.96.0.1:443 -s sh -p 600 -M 255.255.255.0 -b sh-fallback,sh-port
-a -t 10.96.0.1:443 -r 10.0.0.1:6443 -m -w 0
-a -t 10.96.0.1:443 -r 10.0.0.2:6443 -i --tun-type ipip -w 3
-A -u [fd00:10:96::a]:53 -s rr -p 10800 -M 64
-a -u [fd00:10:96::a]:53 -r [fd00::1]:53 -g -w 1
-A --sctp-service 10.96.0.2:3868 -s mh -b mh-port
`)
  assert.equal(timeouts, { tcp: 900, tcpFin: 120, udp: 300 })
  assert.equal(virtualServers[0], {
    address: '10.96.0.1',
    port: 443,
    protocol: 'tcp',
    scheduler: 'sh',
    flags: ['sh-fallback', 'sh-port'],
    persistence: { timeout: 600, prefixLength: 24 },
    realServers: [
      { address: '10.0.0.1', port: 6443, forwarding: 'masquerading', weight: 0 },
      { address: '10.0.0.2', port: 6443, forwarding: 'ipip', weight: 3 },
    ],
  })
  assert.equal(virtualServers[1]?.persistence, { timeout: 10800, prefixLength: 64 })
  assert.is(virtualServers[1]?.realServers[0]?.forwarding, 'gatewaying')
  assert.equal(virtualServers[2]?.flags, ['mh-port'])
})

test('texts that no tool prints are refused, with the line', () => {
  const rows: [() => unknown, number][] = [
    [() => parseIpvsRestore('-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.2:80 -r 10.0.0.1:80 -m -w 1\n'), 2],
    [() => parseIpvsRestore('-A -t web:80 -s rr\n'), 1],
    [() => parseIpvsRestore('-A -t 10.0.0.1:80 -s nonsense\n'), 1],
    [() => parseIpvsRestore('-C\n'), 1],
    [() => parseIpvsRestore('-A -t 10.0.0.1:80 -s rr\n-A -t 10.0.0.1:80 -s rr\n'), 2],
    [() => parseIpsetRestore('create A hash:ip family inet\nadd A localhost\n'), 2],
    [() => parseIpsetRestore('create A hash:ip\nflush A\n'), 2],
    [() => parseIpsetRestore('add B 10.0.0.1\n'), 1],
    [() => parseIpBatch('link add name kube-ipvs0 type dummy\nlink del eth0\n'), 2],
    [() => parseIpBatch('link add name kube-ipvs0 type dummy\naddr add 10.0.0.0/8 dev kube-ipvs0\n'), 2],
  ]
  for (const [run, line] of rows) {
    try {
      run()
      assert.unreachable()
    } catch (error) {
      assert.instance(error, PayloadSyntaxError)
      assert.is((error as PayloadSyntaxError).line, line)
    }
  }
})

test('ipset save: volatile parameters do not count, sets of other types stand apart', () => {
  const { sets, foreign } =
    parseIpsetRestore(`create A hash:ip,port family inet hashsize 2048 maxelem 131072 bucketsize 12 initval 0x12345678 comment
add A 10.0.0.2,udp:53 comment "a b"
add A 10.0.0.1,tcp:80
create KUBE-6-NODE-PORT-TCP bitmap:port range 0-65535
add KUBE-6-NODE-PORT-TCP 30080
create B hash:ip,port,net family inet6 hashsize 1024 maxelem 65536
add B fd00::1,tcp:80,::/1
add B fd00::1,tcp:80,2001:db8::7
create other list:set size 8
add other A
`)
  assert.equal(foreign, [
    { kind: 'set', set: 'A', text: 'hash:ip,port family inet maxelem 131072 comment' },
    { kind: 'set', set: 'other', text: 'list:set size 8' },
  ])
  assert.equal(
    sets.map(({ name, family }) => [name, family]),
    [
      ['A', 'ipv4'],
      ['KUBE-6-NODE-PORT-TCP', 'ipv6'],
      ['B', 'ipv6'],
    ],
  )
  assert.equal(sets[0]?.entries[0], { address: '10.0.0.1', protocol: 'tcp', port: 80 })
  assert.equal(
    sets[2]?.entries.map((entry) => 'sourceRange' in entry && entry.sourceRange),
    ['::/1', '2001:db8::7/128'],
  )
})

test('every way to write a rule is read as the one that iptables-save prints', () => {
  const rows: [string, string][] = [
    ['-j MARK --or-mark 0x00004000', '-j MARK --set-xmark 0x4000/0x4000'],
    ['-j MARK --xor-mark 0x4000', '-j MARK --set-xmark 0x4000/0x0'],
    ['-j MARK --set-mark 0x1', '-j MARK --set-xmark 0x1/0xffffffff'],
    ['-m mark ! --mark 0x00004000/0x00004000 -j RETURN', '-m mark ! --mark 0x4000/0x4000 -j RETURN'],
    ['-s 10.0.0.1 -j DROP', '-s 10.0.0.1/32 -j DROP'],
    [
      '-m set --match-set A dst -j REJECT',
      '-m set --match-set A dst -j REJECT --reject-with icmp-port-unreachable',
    ],
    ['-p tcp -m comment --comment plain -j RETURN', '-p tcp -m comment --comment "plain" -j RETURN'],
    [
      '-m comment --comment "type \\\'hash ip:port\\\'" -j ACCEPT',
      '-m comment --comment "type \'hash ip:port\'" -j ACCEPT',
    ],
    [
      '-m ipvs --vaddr 10.0.0.1/32 --vport 80 --vproto tcp -j DROP',
      '-m ipvs --vproto 6 --vaddr 10.0.0.1 --vport 80 -j DROP',
    ],
    ['! -i cali+ -j KUBE-MARK-MASQ', '! -i cali+ -j KUBE-MARK-MASQ'],
  ]
  for (const [text, canonical] of rows) assert.is(formatRule(parseRule(text, 'ipv4')), canonical)
})

test("iptables-save: other people's tables and rules are kept as they stand", () => {
  const tables = parseIptablesRestore(
    `# Generated by iptables-save
*mangle
:KUBE-IPTABLES-HINT - [0:0]
COMMIT
*filter
:INPUT DROP [12:345]
:cali-INPUT - [0:0]
[7:420] -A INPUT -m comment --comment "cali:abc" -j cali-INPUT
[1:60] -A cali-INPUT -p tcp -m multiport --dports 22,80 -j ACCEPT
-I INPUT 1 -j KUBE-FIREWALL
COMMIT
`,
    'ipv4',
  )
  assert.equal(
    tables.map(({ name }) => name),
    ['mangle', 'filter'],
  )
  const [input, calico] = tables[1]?.chains ?? []
  assert.is(input?.policy, 'DROP')
  assert.equal(
    input?.rules.map((rule) => (isForeign(rule) ? rule.text : formatRule(rule))),
    ['-j KUBE-FIREWALL', '-m comment --comment "cali:abc" -j cali-INPUT'],
  )
  assert.equal(calico?.rules, [{ kind: 'foreign', text: '-p tcp -m multiport --dports 22,80 -j ACCEPT' }])
})

test('text is quoted so that it reads back, and what cannot be quoted is refused', () => {
  for (const text of ['plain', 'a "quoted" word', "it's", 'back\\slash', '$(reboot) `x` {{y}}', ''])
    assert.equal(splitWords(`x ${quoteText(text)} y`), ['x', ...(text === '' ? [''] : [text]), 'y'])
  for (const text of ['a\nb', '\u0000', '\u001b[2J', 'a\rb'])
    assert.throws(() => quoteText(text), /control character/)
})

test('ip -j addr: addresses by interface, canonical', () => {
  const text = readFileSync(`${ROOT}test/conformance/cases/dual-stack/ip-addr.json`, 'utf8')
  const bound = parseIpAddr(text).filter((entry) => entry.interface === 'kube-ipvs0')
  assert.equal(bound.map(({ address, prefixLength }) => `${address}/${prefixLength}`).sort(), [
    '10.96.0.1/32',
    '10.96.41.79/32',
    'fd00:10:96::5fd2/128',
  ])
  for (const wrong of ['{}', 'x', '[{"ifname": 3}]'])
    assert.throws(() => parseIpAddr(wrong), /ip -j addr|lacks/)
})

test('dumps of nodes that others kept are read', () => {
  if (!hasSharedData) return
  const dump = (file: string) => readFileSync(`${SHARED_DATA}/node-dumps/${file}`, 'utf8')
  const lines = dump('g-nodeport-externalip-early/iptables-excerpt.txt')
  const chains = '*nat\n:KUBE-POSTROUTING - [0:0]\n:KUBE-SERVICES - [0:0]\n'
  const [nat] = parseIptablesRestore(`${chains}${lines}COMMIT\n`, 'ipv4')
  assert.is(nat?.chains.flatMap(({ rules }) => rules).filter(isForeign).length, 0)
  assert.is(nat?.chains.find(({ name }) => name === 'KUBE-SERVICES')?.rules.length, 6)
  const broken = dump('j-issue-excerpts/lijiaocn-missing-cluster-cidr-1.9-iptables.txt')
  const ipvs = broken
    .split('\n')
    .filter((line) => /^-[Aa] -t/.test(line))
    .join('\n')
  const [server] = parseIpvsRestore(ipvs).virtualServers
  assert.equal(server?.persistence, { timeout: 10800, prefixLength: 32 })
  assert.is(server?.realServers.length, 3)
})

test('formatPlan is JSON of the plan, and its keys keep their order', async () => {
  for (const name of goldenNames()) {
    const { plan } = await runCase(await loadCase(name))
    if (plan !== null) assert.is(JSON.stringify(JSON.parse(formatPlan(plan))), JSON.stringify(plan))
  }
})

test.run()
