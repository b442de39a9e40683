import { readdirSync, readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { formatJump, formatRule } from '../../src/formats/rules.ts'
import {
  compile,
  type Family,
  formatEntry,
  type IpSet,
  ownedTables,
  type Plan,
  parseIpAddr,
  parseIpsetRestore,
  parseIptablesRestore,
  parseIpvsRestore,
  read,
  resolveConfig,
  type SetEntry,
  type TableName,
} from '../../src/index.ts'
import { virtualServerKey } from '../../src/plan/keys.ts'
import { hasSharedData, ROOT, SHARED_DATA } from '../support/shared.ts'

/** What a real kube-proxy programmed for given inputs: every case must compile to the same state. */
const OWN_CASES = `${ROOT}test/conformance/cases`
const SHARED_CASES = `${SHARED_DATA}/kube-proxy`

/** Where ipvsc differs on purpose, by case: a line of kube-proxy's state and the lines that stand for it. */
interface Deviation {
  readonly reason: string
  /** Lines that only ipvsc has. */
  readonly added: readonly RegExp[]
  /** Lines that only kube-proxy has. */
  readonly removed: readonly RegExp[]
}

const DEVIATIONS: readonly Deviation[] = [
  {
    reason: 'a source range that holds everything is entered as two halves; kube-proxy fails to enter it',
    added: [/^KUBE-(6-)?LOAD-BALANCER-SOURCE-CIDR? \S+,(0\.0\.0\.0|128\.0\.0\.0|::|8000::)\/1$/],
    removed: [],
  },
]

const foldersIn = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)

const own = foldersIn(OWN_CASES)
const cases = [
  ...own.map((name) => `${OWN_CASES}/${name}`),
  ...(hasSharedData ? foldersIn(SHARED_CASES) : [])
    .filter((name) => !own.includes(name))
    .map((name) => `${SHARED_CASES}/${name}`),
]

async function compileCase(folder: string): Promise<Plan> {
  const text = (name: string) => readFileSync(`${folder}/${name}`, 'utf8')
  const input = await read(['snapshot.json', 'config.yaml'].map((name) => ({ name, text: text(name) })))
  const [configuration] = input.cluster.configurations
  assert.ok(configuration, 'the case has a configuration')
  const problems: unknown[] = []
  const { plan, diagnostics } = compile(input.cluster, {
    node: JSON.parse(text('case.json')).node,
    config: resolveConfig(configuration, (problem) => problems.push(problem)),
    interfaceAddresses: parseIpAddr(text('node-addresses.json')),
  })
  const errors = [...input.diagnostics, ...diagnostics].filter(({ severity }) => severity === 'error')
  assert.equal([...errors, ...problems], [])
  return plan as Plan
}

/** Both sides as lines, so that a difference reads as one. */
function compareLines(actual: readonly string[], expected: readonly string[]): void {
  const [ours, theirs] = [new Set(actual), new Set(expected)]
  const isDeviation = (line: string, side: 'added' | 'removed') =>
    DEVIATIONS.some((deviation) => deviation[side].some((pattern) => pattern.test(line)))
  const added = [...ours].filter((line) => !theirs.has(line) && !isDeviation(line, 'added'))
  const removed = [...theirs].filter((line) => !ours.has(line) && !isDeviation(line, 'removed'))
  assert.equal({ added, removed }, { added: [], removed: [] })
}

const virtualServerLines = (servers: Plan['virtualServers']): string[] =>
  servers.flatMap((server) => {
    const { realServers, address, port, protocol, ...rest } = server
    const key = virtualServerKey({ address, port, protocol })
    return [
      `${key} ${JSON.stringify(rest)}`,
      ...realServers.map(
        (real) => `${key} -> ${real.address} ${real.port} ${real.forwarding} ${real.weight}`,
      ),
    ]
  })

const setLines = (sets: readonly IpSet[]): string[] =>
  sets.flatMap((set) => [
    `${set.name} ${set.type} ${set.family} ${set.type === 'bitmap:port' ? set.range : set.maxElements}`,
    ...(set.entries as readonly SetEntry[]).map((entry) => `${set.name} ${formatEntry(set.type, entry)}`),
  ])

/** Rules with their place in the chain; the out filter is a set of rules, which kube-proxy orders at random. */
const tableLines = (tables: Plan['tables']): string[] =>
  tables.flatMap(({ name, chains, jumps }) => [
    ...jumps.map((jump, index) => `${name} ${jump.from} ${rankOfJump(jumps, index)} ${formatJump(jump)}`),
    ...chains.flatMap((chain) => [
      `${name} ${chain.name}`,
      ...chain.rules.map((rule, index) =>
        [name, chain.name, chain.name === 'KUBE-IPVS-OUT-FILTER' ? '' : index, formatRule(rule)].join(' '),
      ),
    ]),
  ])

const rankOfJump = (jumps: Plan['tables'][number]['jumps'], index: number): number =>
  jumps.slice(0, index).filter(({ from }) => from === jumps[index]?.from).length

const chainNames = (plan: Plan, family: Family): Record<TableName, string[]> => {
  const names = (name: TableName) =>
    plan.tables
      .filter((table) => table.family === family && table.name === name)
      .flatMap(({ chains }) => chains.map((chain) => chain.name))
  return { nat: names('nat'), filter: names('filter') }
}

for (const folder of cases) {
  const test = suite(`kube-proxy: ${folder.split('/').at(-1)}`)
  const text = (name: string) => readFileSync(`${folder}/${name}`, 'utf8')

  test('virtual servers and real servers are equal', async () => {
    const { virtualServers } = await compileCase(folder)
    const expected = parseIpvsRestore(text('ipvsadm-save')).virtualServers
    compareLines(virtualServerLines(virtualServers), virtualServerLines(expected))
  })

  test('sets are equal', async () => {
    const { sets } = await compileCase(folder)
    const saved = parseIpsetRestore(text('ipset-save'))
    assert.equal(saved.foreign, [])
    compareLines(setLines(sets), setLines(saved.sets))
  })

  test('addresses bound to kube-ipvs0 are equal', async () => {
    const { dummyInterface } = await compileCase(folder)
    const bound = parseIpAddr(text('ip-addr.json')).filter((entry) => entry.interface === 'kube-ipvs0')
    const isLinkLocal = (address: string) => address.startsWith('fe80:')
    compareLines(
      dummyInterface.addresses,
      bound.map(({ address }) => address).filter((address) => !isLinkLocal(address)),
    )
  })

  for (const [family, file] of [
    ['ipv4', 'iptables-save'],
    ['ipv6', 'ip6tables-save'],
  ] as const) {
    test(`every KUBE chain of ${family} is equal, rule by rule`, async () => {
      const plan = await compileCase(folder)
      const parsed = parseIptablesRestore(text(file), family)
      const saved = ownedTables(parsed, family, chainNames(plan, family))
      assert.equal(saved.foreign, [])
      const theirChains = parsed
        .flatMap(({ chains }) => chains.map(({ name }) => name))
        .filter((name) => name.startsWith('KUBE-'))
      assert.is(
        theirChains.length,
        saved.tables.flatMap(({ chains }) => chains).length,
        'no chain of kube-proxy is left out',
      )
      compareLines(
        tableLines(plan.tables.filter((table) => table.family === family)),
        tableLines(saved.tables),
      )
    })
  }

  test('IPVS timeouts and settings are what kube-proxy set', async () => {
    const plan = await compileCase(folder)
    const [, tcp, tcpFin, udp] = /: (\d+) (\d+) (\d+)/.exec(text('ipvsadm-timeout')) ?? []
    const kernelDefaults = { tcp: 900, tcpFin: 120, udp: 300 }
    const wanted = plan.ipvsTimeouts ?? { tcp: 0, tcpFin: 0, udp: 0 }
    assert.equal(
      { tcp: Number(tcp), tcpFin: Number(tcpFin), udp: Number(udp) },
      {
        tcp: wanted.tcp || kernelDefaults.tcp,
        tcpFin: wanted.tcpFin || kernelDefaults.tcpFin,
        udp: wanted.udp || kernelDefaults.udp,
      },
    )
    const saved = new Map(
      text('sysctl')
        .split('\n')
        .map((line) => line.split(' = ') as [string, string])
        .map(([name, value]) => [name.replaceAll('/', '.'), Number(value)]),
    )
    for (const { name, value, action } of plan.sysctls) {
      if (action === 'check') continue
      // The recorded kernel is newer than the one that the Node of an old dump names.
      if (name === 'net.ipv4.vs.conn_reuse_mode') continue
      assert.is(saved.get(name), value, name)
    }
  })

  test.run()
}
