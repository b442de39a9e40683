import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseActivity, parseConnections, parseLoad, parseOverall } from '../../src/formats/ipvsCounters.ts'
import { PayloadSyntaxError } from '../../src/formats/syntax.ts'
import { parseRun } from '../../src/host/statistics.ts'
import { formatMetrics, type NodeFigures } from '../../src/observe/metrics.ts'
import { statisticsOf } from '../../src/observe/statistics.ts'
import { formatConnections, formatStatistics, type TableOptions } from '../../src/observe/text.ts'
import type { StatisticsListings } from '../../src/observe/types.ts'
import { bar, formatBytes, formatSeconds } from '../../src/observe/units.ts'

const HEAD = 'IP Virtual Server version 1.2.1 (size=4096)\n'
const REAL = '  -> RemoteAddress:Port\n'

/** A node with a busy virtual server whose clients keep to one real server, one that nobody serves, and one of a mark. */
const LISTINGS: StatisticsListings = {
  totals: `${HEAD}Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes
${REAL}TCP  10.97.242.144:80               123456  9999999  8888888 12345678901 987654321098
  -> 10.244.1.11:8079               123000  9999000  8888000 12345670000 987654320000
  -> 10.244.2.11:8079                  456      999      888     8901     1098
UDP  [fd00:10:96::a]:53                  7       14       14      700     1400
  -> [fd00:10::1]:53                    7       14       14      700     1400
TCP  10.96.0.9:443                       0        0        0        0        0
FWM  7                                   1        2        3        4        5
  -> 10.9.9.9:0                          1        2        3        4        5
`,
  rates: `${HEAD}Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS
${REAL}TCP  10.97.242.144:80                  310     9000     8000  1200000  9800000
  -> 10.244.1.11:8079                  309     8990     7990  1199000  9790000
  -> 10.244.2.11:8079                    1       10       10     1000    10000
UDP  [fd00:10:96::a]:53                  2        4        4      200      400
  -> [fd00:10::1]:53                    2        4        4      200      400
TCP  10.96.0.9:443                       0        0        0        0        0
FWM  7                                   0        0        0        0        0
  -> 10.9.9.9:0                          0        0        0        0        0
`,
  load: `${HEAD}Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn\u0020
${REAL}TCP  10.97.242.144:80 rr persistent 10800
  -> 10.244.1.11:8079             1         3           1018       20       \u0020
  -> 10.244.2.11:8079             1         0           2          0        \u0020
UDP  [fd00:10:96::a]:53 rr
  -> [fd00:10::1]:53              0         0           0          7        \u0020
TCP  10.96.0.9:443 rr
FWM  7 rr
  -> 10.9.9.9:0                   1         0           0          0        \u0020
`,
  connections: `IPVS connection entries
pro expire state       source             virtual            destination
TCP 14:59  ESTABLISHED 198.51.100.7:40000 10.97.242.144:80   10.244.1.11:8079
TCP 14:59  ESTABLISHED 198.51.100.7:40001 10.97.242.144:80   10.244.1.11:8079
TCP 179:59 NONE        198.51.100.7:0     10.97.242.144:80   10.244.1.11:8079
UDP 04:59  UDP         [fd00:1::7]:5353 [fd00:10:96::a]:53 [fd00:10::1]:53
`,
  overall: `   Total Incoming Outgoing         Incoming         Outgoing
   Conns  Packets  Packets            Bytes            Bytes
   1E248   98967F   87A238         2DFDC1C35       E5F4C8F374

 Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s
     138     232C     1F44           124FC8           95A0C0
`,
}

const OWNERS: Readonly<Record<string, string>> = {
  '10.97.242.144': 'sock-shop/front-end:http',
  'fd00:10:96::a': 'kube-system/kube-dns:dns',
}
const statistics = statisticsOf(LISTINGS, ({ address }) =>
  OWNERS[address] === undefined ? [] : [OWNERS[address]],
)
const ALL: TableOptions = { by: 'cps', top: null, service: null, width: 200 }
const PAINT = { strong: (text: string) => text, dim: (text: string) => text, bad: (text: string) => text }

test('lists of one node are put together by virtual and real server', () => {
  const [web, dns, idle, marked] = statistics.virtualServers
  assert.equal(
    statistics.virtualServers.map(({ item }) => item),
    ['tcp 10.97.242.144:80', 'udp [fd00:10:96::a]:53', 'tcp 10.96.0.9:443', 'mark 7'],
  )
  assert.is(web?.total.bytesOut, 987_654_321_098)
  assert.is(web?.persistence, 10_800)
  assert.is(web?.active, 1020)
  assert.is(Math.round((web?.realServers[0]?.share ?? 0) * 1000), 997)
  assert.equal(dns?.servicePorts, ['kube-system/kube-dns:dns'])
  assert.equal(idle?.servicePorts, [])
  assert.equal(marked?.servicePorts, [])
  assert.equal(statistics.overall?.perSecond.connections, 312)
})

test('what should be looked at is marked, with what is known of why', () => {
  assert.equal(
    statistics.virtualServers.map(({ marks }) => marks),
    [
      ['uneven: 100 % on one of 2, 10.244.1.11:8079 (persistence 3 h: 1 client)'],
      ['all real servers are at weight 0: new connections are refused'],
      ['no real server: connections are refused'],
      [],
    ],
  )
  const even = LISTINGS.rates.replace(/ {4}309 /, '    155 ').replace(/ {6}1 {7}10 /, '    155       10 ')
  const [web] = statisticsOf({ ...LISTINGS, rates: even }, () => []).virtualServers
  assert.equal(web?.marks, [])
})

test('the table shows the busiest first, and says what it leaves out', () => {
  const text = formatStatistics(statistics, { ...ALL, top: 1 }, PAINT)
  assert.is(
    text,
    `Service                   address               conn/s  active  inactive      in/s     out/s
sock-shop/front-end:http  10.97.242.144:80/tcp     310   1,020        20  1.2 MB/s  9.8 MB/s
  10.244.1.11:8079        ████████████████         309   1,018        20  1.2 MB/s  9.8 MB/s
  10.244.2.11:8079        ▏                          1       2         0  1.0 kB/s   10 kB/s
  ! uneven: 100 % on one of 2, 10.244.1.11:8079 (persistence 3 h: 1 client)
all: 312 connections/s, 1.2 MB/s in, 9.8 MB/s out; 123,464 connections since IPVS was loaded
3 more virtual servers: --top 4
`,
  )
  assert.match(
    formatStatistics(statistics, { ...ALL, service: 'a/b' }, PAINT),
    /^No virtual server is of a\/b; 4 are/,
  )
  const dns = formatStatistics(statistics, { ...ALL, service: 'kube-system/kube-dns' }, PAINT)
  assert.match(dns, /weight 0/)
  assert.not.match(dns, /front-end/)
  for (const line of formatStatistics(statistics, { ...ALL, width: 60 }, PAINT).split('\n'))
    if (!/^( {2}!|all:)/.test(line)) assert.ok(line.length <= 60, line)
})

test('connections stand together by client, real server and state', () => {
  const text = formatConnections(statistics.connections ?? [], { top: null, service: 'sock-shop/front-end' })
  const [, ...lines] = text.trimEnd().split('\n')
  assert.equal(
    lines.map((line) => line.split(/ {2,}/).slice(2)),
    [
      ['198.51.100.7', '10.244.1.11:8079', 'ESTABLISHED', '2'],
      ['198.51.100.7', '10.244.1.11:8079', 'persistence', '1'],
    ],
  )
})

test('a list that no tool prints is refused with its line', () => {
  const refused: readonly (readonly [() => unknown, RegExp])[] = [
    [() => parseActivity('TCP  10.0.0.1:80  1 2 3 4\n'), /line 1: five numbers are wanted/],
    [() => parseActivity('  -> 10.0.0.1:80  1 2 3 4 5\n'), /a real server without its virtual server/],
    [() => parseActivity('XTP  10.0.0.1:80  1 2 3 4 5\n'), /not a line of a list/],
    [() => parseActivity('TCP  10.0.0.999:80  1 2 3 4 5\n'), /is not an address and port/],
    [() => parseLoad('TCP  10.0.0.1:80 rr\n  -> 10.0.0.2:80 1 2\n'), /line 2: four numbers are wanted/],
    [() => parseConnections('TCP soon  ESTABLISHED 10.0.0.1:1 10.0.0.2:2 10.0.0.3:3\n'), /is not a time/],
    [() => parseOverall('nothing\n'), /not the text of \/proc/],
  ]
  for (const [parse, message] of refused)
    assert.throws(parse, (error: Error) => error instanceof PayloadSyntaxError && message.test(error.message))
})

test('numbers that ipvsadm rounds are read', () => {
  const [server] = parseActivity('TCP  10.0.0.1:80  12345K 2M 3G 4T 5\n')
  assert.equal(server?.said, {
    connections: 12_345_000,
    packetsIn: 2e6,
    packetsOut: 3e9,
    bytesIn: 4e12,
    bytesOut: 5,
  })
})

test('numbers are shown as people read them', () => {
  assert.equal([0, 999, 1000, 1e6, 9_800_000, 12_345_678].map(formatBytes), [
    '0 B',
    '999 B',
    '1.0 kB',
    '1.0 MB',
    '9.8 MB',
    '12 MB',
  ])
  assert.equal([10_800, 90, 120, 0].map(formatSeconds), ['3 h', '90 s', '2 min', '0 s'])
  assert.equal(
    [0, 0.001, 0.5, 1, 7].map((share) => bar(share, 4)),
    ['', '▏', '██', '████', '████'],
  )
})

const FIGURES: NodeFigures = {
  toolVersion: '1.2.3',
  statistics,
  sets: [{ set: 'KUBE-CLUSTER-IP', entries: 3, most: 65_536 }],
  conntrack: { entries: 10, most: 100 },
  bundle: { fingerprint: 'abc', node: 'odd"\\\nname' },
  drift: { missing: 1, surplus: 0, foreign: 2 },
  lastRun: { time: 1_700_000_000, command: 'apply', result: 'applied' },
  draining: 4,
}

test('metrics have the labels of Services, and other names only when they are asked for', () => {
  const text = formatMetrics(FIGURES, { compat: false, servers: true })
  for (const line of [
    'ipvsc_bundle_info{fingerprint="abc",node="odd\\"\\\\\\nname"} 1',
    'ipvsc_last_run_result{command="apply",result="applied"} 1',
    'ipvsc_drift_items{kind="foreign"} 2',
    'ipvsc_virtual_servers_without_real_servers 2',
    'ipvsc_virtual_server_connections_total{namespace="sock-shop",service="front-end",service_port="http",virtual_server="10.97.242.144:80",protocol="tcp"} 123456',
    'ipvsc_real_server_weight{namespace="kube-system",service="kube-dns",service_port="dns",virtual_server="[fd00:10:96::a]:53",protocol="udp",real_server="[fd00:10::1]:53"} 0',
  ])
    assert.ok(text.split('\n').includes(line), line)
  assert.not.match(text, /^(node_|kubeproxy_)/m)
  assert.not.match(formatMetrics(FIGURES, { compat: false, servers: false }), /real_server=/)
  const compat = formatMetrics(FIGURES, { compat: true, servers: false })
  assert.match(compat, /^kubeproxy_sync_proxy_rules_last_timestamp_seconds 1700000000$/m)
  assert.match(
    compat,
    /^node_ipvs_backend_weight\{local_address="",local_port="0",local_mark="00000007",remote_address="10.9.9.9",remote_port="0",proto="FWM"\} 1$/m,
  )
  const failed = { ...FIGURES, lastRun: { time: 1, command: 'apply', result: 'restored' } }
  assert.not.match(formatMetrics(failed, { compat: true, servers: false }), /kubeproxy_/)
})

test('a line of the record of runs says when, what and how it ended', () => {
  assert.equal(
    parseRun('2026-11-24T10:00:00+0100 user 0: apply: applied, node n1, bundle 0123, virtualServersAdded 1'),
    {
      time: Date.parse('2026-11-24T09:00:00Z') / 1000,
      command: 'apply',
      result: 'applied',
    },
  )
  assert.is(parseRun('2026-11-24T10:00:00+0100 nonsense'), null)
})

test.run()
