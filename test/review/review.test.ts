import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cluster, read } from '../../src/index.ts'
import { kernelState } from '../../src/proof/state.ts'
import { review } from '../../src/review/review.ts'
import { formatReview } from '../../src/review/text.ts'
import type { Review } from '../../src/review/types.ts'
import { goldenNames, loadCase } from '../golden/cases.ts'
import { randomNumbers, shuffled } from '../support/shuffle.ts'
import { sideOf } from './sides.ts'

const test = suite('review')

const NODES = ['node-1', 'node-2'].map((name, index) => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  spec: { podCIDR: `10.0.${index}.0/24` },
  status: { addresses: [{ type: 'InternalIP', address: `192.168.0.${index + 1}` }] },
}))

interface Web {
  readonly name?: string
  readonly spec?: object
  readonly servers?: readonly string[]
}

const webObjects = ({ name = 'web', spec = {}, servers = ['10.0.0.11', '10.0.1.21'] }: Web): object[] => [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop' },
    spec: { clusterIP: '10.96.0.10', ports: [{ name: 'http', port: 80 }], selector: { app: 'web' }, ...spec },
  },
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-a`, namespace: 'shop', labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    endpoints: servers.map((address) => ({
      addresses: [address],
      nodeName: address.startsWith('10.0.0.') ? 'node-1' : 'node-2',
    })),
    ports: [{ name: 'http', port: 8080 }],
  },
]

const clusterOf = async (objects: readonly object[]): Promise<Cluster> => {
  const text = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [...NODES, ...objects] })
  return (await read([{ name: 'cluster.json', text }])).cluster
}

const reviewOf = async (before: readonly object[], after: readonly object[]): Promise<Review> =>
  review(
    sideOf(await clusterOf(before), ['node-1', 'node-2']),
    sideOf(await clusterOf(after), ['node-1', 'node-2']),
  )

test('nothing changes between a cluster and the same in another order', async () => {
  for (const name of goldenNames()) {
    const { cluster, options } = await loadCase(name)
    if (cluster.nodes.every(({ object }) => object.metadata.name !== options.node)) continue
    if (name.startsWith('refused-')) continue
    const one = sideOf(cluster, [options.node], options)
    const two = sideOf(shuffled(cluster, randomNumbers(7)), [options.node], options)
    const found = review(one, two)
    assert.equal(found.services, [], name)
    assert.equal(found.others, [], name)
    assert.match(formatReview(found), new RegExp(`^nothing changes on node ${options.node}\n`))
  }
})

test('a Service that loses its endpoints is unreachable, on all nodes at once', async () => {
  const text = formatReview(await reviewOf(webObjects({}), webObjects({ servers: [] })))
  assert.match(
    text,
    /^1 Service changes on all 2 nodes: −2 real servers; .*shop\/web becomes UNREACHABLE for some clients\.\n/,
  )
  assert.match(text, /\n {4}on (all 2 nodes|1 of 2 nodes: node-1)\n/)
  assert.match(
    text,
    /✗ tcp 10\.96\.0\.10:80 is no longer answered for the node itself; a pod of the node.*: refused: no real server\n/,
  )
})

test('session affinity that ends is told as such, and nothing else is claimed', async () => {
  const sticky = { spec: { sessionAffinity: 'ClientIP' } }
  const found = await reviewOf(webObjects(sticky), webObjects({}))
  assert.equal(
    found.services.map(({ fields }) => fields.map(({ field }) => field)),
    [['sessionAffinity']],
  )
  assert.equal(
    found.services[0]?.groups.map(({ nodes }) => nodes),
    [['node-1', 'node-2']],
  )
  assert.equal(
    found.services[0]?.groups[0]?.effects.map(({ kind }) => kind),
    ['affinity'],
  )
  assert.equal(found.services[0]?.groups[0]?.virtualServers[0]?.settings, ['persistence 10800 s → none'])
  assert.match(formatReview(found), /Nothing becomes unreachable\./)
})

test('a policy that becomes Local shows servers the client, and cuts who is answered', async () => {
  const nodePort = { type: 'NodePort', ports: [{ name: 'http', port: 80, nodePort: 30080 }] }
  const found = await reviewOf(
    webObjects({ spec: nodePort, servers: ['10.0.0.11'] }),
    webObjects({ spec: { ...nodePort, externalTrafficPolicy: 'Local' }, servers: ['10.0.0.11'] }),
  )
  const groups = found.services[0]?.groups ?? []
  const kinds = (node: string) =>
    groups
      .filter(({ nodes }) => nodes.includes(node))
      .flatMap(({ effects }) => effects.map(({ kind }) => kind))
  assert.ok(kinds('node-1').includes('source'), 'servers see the client on the node that has them')
  assert.ok(kinds('node-2').includes('unreachable'), 'nobody answers outside clients on the other node')
})

test('a Service that comes and one that goes', async () => {
  const found = await reviewOf(webObjects({}), webObjects({ name: 'shop-front' }))
  assert.equal(
    found.services.map(({ service, fate }) => [service, fate]),
    [
      ['shop/shop-front', 'added'],
      ['shop/web', 'removed'],
    ],
  )
})

test('no other packet changes its fate, or those that do are told', async () => {
  const cluster = await read([
    {
      name: 'a',
      text: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [...NODES, ...webObjects({})] }),
    },
  ])
  const side = sideOf(cluster.cluster, ['node-1'])
  const fewer = await read([
    {
      name: 'a',
      text: JSON.stringify({
        apiVersion: 'v1',
        kind: 'List',
        items: [...NODES, ...webObjects({ servers: ['10.0.0.11'] })],
      }),
    },
  ])
  const found = review(side, sideOf(fewer.cluster, ['node-1']))
  assert.equal(found.packets, { followed: 1, differing: 1, changed: [] })
  assert.match(formatReview(found), /no other packet changes its fate/)
  // The rule that refuses what no Service has is lost: ports of the node are open at an address of a Service that stays.
  const { state, promises } = side.nodes.get('node-1') as NonNullable<ReturnType<typeof side.nodes.get>>
  const tables = state.plan.tables.map((table) => ({
    ...table,
    chains: table.chains.map((chain) => ({
      ...chain,
      rules: chain.rules.filter(({ target }) => target.kind !== 'reject'),
    })),
  }))
  const open = { state: kernelState({ ...state.plan, tables }, state.node), promises }
  const told = review(side, { ...side, nodes: new Map([['node-1', open]]) })
  assert.equal(told.services, [])
  assert.ok(
    told.packets?.changed.some(({ before, after }) => /^refused/.test(before) && /own programs/.test(after)),
  )
  assert.match(formatReview(told), /\nother packets that change their fate\n {4}\S+ 10\.96\.0\.10 \d+ for /)
})

test.run()
