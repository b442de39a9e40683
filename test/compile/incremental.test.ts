import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Cluster,
  Compilation,
  type CompileOptions,
  compile,
  formatPlan,
  type Plan,
} from '../../src/index.ts'
import { loadCase } from '../golden/cases.ts'
import { clusters } from '../support/arbitraries.ts'

const test = suite('compile: incremental')

const OPTIONS: CompileOptions = { node: 'node-1', onConflict: 'first', quarantine: true }

type Slices = Cluster['endpointSlices']

const nameOf = ({ object: { metadata } }: Slices[number]): string => `${metadata.namespace}/${metadata.name}`

const withSlice = (cluster: Cluster, slice: Slices[number]): Cluster => ({
  ...cluster,
  endpointSlices: [...cluster.endpointSlices.filter((known) => nameOf(known) !== nameOf(slice)), slice],
})

test('a slice that is taken over gives the plan that compiling anew gives', () => {
  let taken = 0
  fc.assert(
    fc.property(clusters, clusters, (first, second) => {
      let cluster = first
      let compilation = new Compilation(cluster, OPTIONS)
      for (const slice of second.endpointSlices) {
        cluster = withSlice(cluster, slice)
        const plan = compile(cluster, OPTIONS).plan as Plan
        if (compilation.update(slice)) {
          taken++
          assert.is(formatPlan(compilation.plan), formatPlan(plan))
        } else compilation = new Compilation(cluster, OPTIONS)
      }
    }),
    { numRuns: 500 },
  )
  assert.ok(taken > 50, `only ${taken} were taken over`)
})

test('an ordinary change is taken over: an endpoint that comes, goes, or is no longer ready', async () => {
  const { cluster, options } = await loadCase('cluster-ip')
  const [slice] = cluster.endpointSlices
  assert.ok(slice)
  const [first, ...others] = slice?.object.endpoints ?? []
  const compilation = new Compilation(cluster, options)
  const changes = [
    [first],
    [first, ...others, { addresses: ['10.0.0.99'], nodeName: 'node-1', conditions: { ready: true } }],
    [{ ...first, conditions: { ready: false } }, ...others],
    [first, ...others],
  ]
  for (const endpoints of changes) {
    const next = { ...slice, object: { ...slice?.object, endpoints } } as Slices[number]
    assert.ok(compilation.update(next))
    assert.is(
      formatPlan(compilation.plan),
      formatPlan(compile(withSlice(cluster, next), options).plan as Plan),
    )
  }
})

test('a pod that a legacy Endpoints object serves, too, keeps its loop-back entry when a slice loses it', () => {
  const origin = { source: 'test', document: 0, path: [] }
  const port = { name: 'http', protocol: 'TCP', port: 8080 }
  const service = (name: string, clusterIP: string) => ({
    object: {
      kind: 'Service',
      metadata: { name, namespace: 'shop' },
      spec: { clusterIP, ports: [{ ...port, port: 80 }] },
    },
    origin,
  })
  for (const [pod, written] of [
    ['10.0.0.4', '10.0.0.4'],
    ['fd00::4', 'FD00:0::4'],
  ] as const) {
    const isIPv6 = pod.includes(':')
    const slice = (...addresses: readonly string[]) =>
      ({
        object: {
          kind: 'EndpointSlice',
          metadata: {
            name: 'cart-1',
            namespace: 'shop',
            labels: { 'kubernetes.io/service-name': 'cart' },
          },
          addressType: isIPv6 ? 'IPv6' : 'IPv4',
          endpoints: addresses.map((address) => ({ addresses: [address], nodeName: 'node-1' })),
          ports: [port],
        },
        origin,
      }) as Slices[number]
    const other = isIPv6 ? 'fd00::5' : '10.0.0.5'
    const subsets = [{ addresses: [{ ip: written, nodeName: 'node-1' }], ports: [port] }]
    const cluster = {
      services: isIPv6
        ? [service('cart', 'fd00:96::1'), service('web', 'fd00:96::2')]
        : [service('cart', '10.96.0.1'), service('web', '10.96.0.2')],
      endpointSlices: [slice(pod, other)],
      endpoints: [
        { object: { kind: 'Endpoints', metadata: { name: 'web', namespace: 'shop' }, subsets }, origin },
      ],
      nodes: [{ object: { kind: 'Node', metadata: { name: 'node-1' } }, origin }],
      configurations: [],
    } as unknown as Cluster
    const options = { node: 'node-1', nodeIPs: ['192.168.0.1', 'fd00:192::1'] }
    const compilation = new Compilation(cluster, options)
    const taken = compilation.update(slice(other))
    const wanted = compile(withSlice(cluster, slice(other)), options).plan as Plan
    if (taken) assert.is(formatPlan(compilation.plan), formatPlan(wanted))
    const set = isIPv6 ? 'KUBE-6-LOOP-BACK' : 'KUBE-LOOP-BACK'
    assert.ok(
      compilation.plan.sets
        .find(({ name }) => name === set)
        ?.entries.some((entry) => 'source' in entry && entry.source === pod),
      `${written} is still served by web`,
    )
  }
})

test('what reaches further is left to compiling anew', async () => {
  const { cluster, options } = await loadCase('cluster-ip')
  const [slice] = cluster.endpointSlices
  const compilation = new Compilation(cluster, options)
  const before = compilation.plan
  const change = (object: object): boolean =>
    compilation.update({ ...slice, object: { ...slice?.object, ...object } } as Slices[number])
  assert.not.ok(change({ endpoints: [{ addresses: ['010.0.0.1'] }] }), 'an address that is none')
  assert.not.ok(change({ endpoints: [] }), 'the last local endpoint takes a rule with it')
  assert.not.ok(
    change({ metadata: { ...slice?.object.metadata, labels: { 'kubernetes.io/service-name': 'other' } } }),
    'a slice that changes hands',
  )
  assert.is(compilation.plan, before)
})

test.run()
