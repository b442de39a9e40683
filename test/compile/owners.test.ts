import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cluster, compile, formatPath, type Owner, type Owners, type Plan } from '../../src/index.ts'
import { goldenNames, loadCase } from '../golden/cases.ts'

const test = suite('owners')

const OPTIONS = { node: 'node-1' }
const NODE = {
  kind: 'Node' as const,
  metadata: { name: 'node-1' },
  status: { addresses: [{ type: 'InternalIP', address: '192.168.0.1' }] },
}
const at = (source: string) => ({ source, document: 0, path: [] })

const service = (name: string, clusterIP: string, spec: object = {}) => ({
  object: {
    kind: 'Service' as const,
    metadata: { name, namespace: 'shop' },
    spec: { clusterIP, ports: [{ name: 'http', protocol: 'TCP', port: 80 }], ...spec },
  },
  origin: at(`${name}.yaml`),
})

const slice = (name: string, owner: string, ...addresses: readonly string[]) => ({
  object: {
    kind: 'EndpointSlice' as const,
    metadata: { name, namespace: 'shop', labels: { 'kubernetes.io/service-name': owner } },
    addressType: 'IPv4' as const,
    endpoints: addresses.map((address) => ({ addresses: [address], nodeName: 'node-1' })),
    ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
  },
  origin: at(`${name}.json`),
})

const SHARED = {
  services: [
    service('cart', '10.96.0.2', { externalIPs: ['203.0.113.9'] }),
    service('web', '10.96.0.1', { externalIPs: ['203.0.113.8'], type: 'NodePort' }),
  ],
  endpointSlices: [
    slice('cart-1', 'cart', '10.0.0.4', '10.0.0.5'),
    slice('web-1', 'web', '10.0.0.4'),
    slice('web-2', 'web', '10.0.0.4'),
  ],
  endpoints: [],
  nodes: [{ object: NODE, origin: at('node.json') }],
  configurations: [],
} as unknown as Cluster

const told = (owners: readonly Owner[]): string[] =>
  owners.map(({ servicePort, origin, path }) => `${servicePort} ${origin.source} ${formatPath(path)}`)

const ownersOf = (cluster: Cluster): Owners => compile(cluster, OPTIONS).owners as Owners

test('an entry that several Services want has them all as owners, and provenance names them', () => {
  const { owners, provenance } = compile(SHARED, OPTIONS)
  const entry = { address: '10.0.0.4', protocol: 'tcp', port: 8080, source: '10.0.0.4' } as const
  assert.equal(told((owners as Owners).entry('KUBE-LOOP-BACK', entry)), [
    'shop/cart:http cart-1.json endpoints[0].addresses[0]',
    'shop/web:http web-1.json endpoints[0].addresses[0]',
    'shop/web:http web-2.json endpoints[0].addresses[0]',
  ])
  const item = '10.0.0.4,tcp:8080,10.0.0.4'
  assert.equal(
    provenance?.sets['KUBE-LOOP-BACK']?.filter((line) => line.item === item),
    [
      { item, servicePort: 'shop/cart:http', field: 'endpoints' },
      { item, servicePort: 'shop/web:http', field: 'endpoints' },
    ],
  )
})

test('virtual and real servers, addresses and entries lead to their fields', () => {
  const owners = ownersOf(SHARED)
  const key = { address: '203.0.113.8', port: 80, protocol: 'tcp' } as const
  assert.equal(told(owners.virtualServer(key)), ['shop/web:http web.yaml spec.externalIPs[0]'])
  assert.equal(told(owners.address('203.0.113.8')), ['shop/web:http web.yaml spec.externalIPs[0]'])
  assert.equal(told(owners.entry('KUBE-IPVS-IPS', { address: '10.96.0.1' })), [
    'shop/web:http web.yaml spec.clusterIP',
  ])
  assert.equal(told(owners.entry('KUBE-EXTERNAL-IP', key)), ['shop/web:http web.yaml spec.externalIPs[0]'])
  assert.equal(
    told(owners.realServer({ ...key, address: '203.0.113.9' }, { address: '10.0.0.5', port: 8080 })),
    ['shop/cart:http cart-1.json endpoints[1].addresses[0]'],
  )
  assert.equal(owners.realServer(key, { address: '10.0.0.5', port: 8080 }), [], 'of another virtual server')
  assert.equal(owners.virtualServer({ ...key, port: 81 }), [])
})

test('equal owners are one object', () => {
  const owners = ownersOf(SHARED)
  const key = { address: '10.96.0.1', port: 80, protocol: 'tcp' } as const
  assert.is(owners.virtualServer(key)[0], owners.entry('KUBE-CLUSTER-IP', key)[0])
  assert.is(owners.virtualServer(key)[0], owners.address('10.96.0.1')[0])
})

test('endpoints of an Endpoints object lead to its subsets', () => {
  const endpoints = {
    kind: 'Endpoints',
    metadata: { name: 'web', namespace: 'shop' },
    subsets: [
      {
        addresses: [{ ip: '10.0.0.7' }, { ip: '10.0.0.8' }],
        ports: [{ name: 'http', protocol: 'TCP', port: 1 }],
      },
    ],
  }
  const owners = ownersOf({
    ...SHARED,
    services: SHARED.services.slice(1),
    endpointSlices: [],
    endpoints: [{ object: endpoints, origin: at('legacy.json') }],
  } as unknown as Cluster)
  const key = { address: '10.96.0.1', port: 80, protocol: 'tcp' } as const
  assert.equal(told(owners.realServer(key, { address: '10.0.0.8', port: 1 })), [
    'shop/web:http legacy.json subsets[0].addresses[1].ip',
  ])
})

test('every item of every golden plan has owners, and rules have reasons', async () => {
  let items = 0
  for (const name of goldenNames()) {
    const { cluster, options } = await loadCase(name)
    const { plan, owners } = compile(cluster, options)
    if (plan === null || owners === null) continue
    const has = (found: readonly unknown[], what: string): void => {
      items++
      assert.ok(found.length > 0, `${name}: ${what}`)
    }
    for (const server of (plan as Plan).virtualServers) {
      has(owners.virtualServer(server), server.address)
      for (const real of server.realServers) has(owners.realServer(server, real), real.address)
    }
    for (const address of plan.dummyInterface.addresses) has(owners.address(address), address)
    for (const set of plan.sets)
      for (const entry of set.entries) has(owners.entry(set.name, entry), JSON.stringify(entry))
    for (const { name: setting } of plan.sysctls) has(owners.setting(setting), setting)
    for (const { family, name: table, chains } of plan.tables)
      for (const chain of chains)
        for (const [index, rule] of chain.rules.entries()) {
          const place = { family, table, chain: chain.name, position: index + 1 }
          const { owners: asking, fields } = owners.rule(place)
          has(fields, JSON.stringify(place))
          const sets = rule.matches.flatMap((match) => (match.kind === 'set' ? match.set : []))
          const filled = plan.sets.some(({ name, entries }) => sets.includes(name) && entries.length > 0)
          const answers = rule.matches.some(({ kind }) => kind === 'ipvs')
          assert.is(asking.length > 0, filled || answers, `${name}: ${JSON.stringify(place)}`)
        }
  }
  assert.ok(items > 2000, `${items} items`)
})

test.run()
