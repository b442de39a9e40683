import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CONFIG_REF } from '../../src/config/fields.ts'
import {
  type Change,
  type Cluster,
  type ClusterStep,
  Compilation,
  type CompileOptions,
  type CompileResult,
  changes,
  compile,
  type FollowedObject,
  formatPlan,
  formatProvenance,
  type Plan,
  type Sourced,
} from '../../src/index.ts'
import { type KubeObject, refOf } from '../../src/kube/names.ts'
import { loadCase } from '../golden/cases.ts'
import { clusters } from '../support/arbitraries.ts'
import { THOROUGH } from '../support/sample.ts'

const test = suite('compile: following')

const OPTIONS: CompileOptions = { node: 'node-1', onConflict: 'first', quarantine: true }

type Slices = Cluster['endpointSlices']
type Ref = ReturnType<typeof refOf>

const LISTS = {
  Service: 'services',
  EndpointSlice: 'endpointSlices',
  Endpoints: 'endpoints',
  Node: 'nodes',
  KubeProxyConfiguration: 'configurations',
} as const

const refTo = (object: FollowedObject): Ref =>
  object.kind === 'KubeProxyConfiguration' ? CONFIG_REF : refOf(object as KubeObject)

const listOf = (cluster: Cluster, kind: string): readonly Sourced<FollowedObject>[] =>
  cluster[LISTS[kind as keyof typeof LISTS]]

const without = (cluster: Cluster, ref: Ref): Cluster => ({
  ...cluster,
  [LISTS[ref.kind as keyof typeof LISTS]]: listOf(cluster, ref.kind).filter(
    ({ object }) => JSON.stringify(refTo(object)) !== JSON.stringify(ref),
  ),
})

const withObject = (cluster: Cluster, sourced: Sourced<FollowedObject>): Cluster => {
  const rest = without(cluster, refTo(sourced.object))
  const { kind } = sourced.object
  return { ...rest, [LISTS[kind]]: [...listOf(rest, kind), sourced] }
}

const after = (cluster: Cluster, { set = [], gone = [] }: ClusterStep): Cluster =>
  set.reduce(withObject, gone.reduce(without, cluster))

const planText = ({ plan }: CompileResult): string => (plan === null ? 'errors' : formatPlan(plan))

const sorted = (items: readonly unknown[]): string[] => items.map((item) => JSON.stringify(item)).sort()

const origin = { source: 'generated', document: 0, path: [] }

const nodes = fc
  .record({
    zone: fc.constantFrom('zone-a', 'zone-b'),
    kernelVersion: fc.constantFrom('5.4.0', '6.1.0'),
    address: fc.constantFrom('192.168.0.1', '10.0.1.1', 'fd00:192::1'),
  })
  .map(({ zone, kernelVersion, address }) => ({
    object: {
      kind: 'Node' as const,
      metadata: { name: 'node-1', labels: { 'topology.kubernetes.io/zone': zone } },
      status: { addresses: [{ type: 'InternalIP', address }], nodeInfo: { kernelVersion } },
    },
    origin,
  }))

const configurations = fc
  .record({
    scheduler: fc.constantFrom('rr', 'wlc', 'nonsense'),
    masqueradeAll: fc.boolean(),
    clusterCIDR: fc.constantFrom('', '10.0.0.0/8'),
  })
  .map(({ scheduler, masqueradeAll, clusterCIDR }) => ({
    object: {
      apiVersion: 'kubeproxy.config.k8s.io/v1alpha1' as const,
      kind: 'KubeProxyConfiguration' as const,
      clusterCIDR,
      ipvs: { scheduler },
      iptables: { masqueradeAll },
    },
    origin,
  }))

/** Objects of a second cluster come or change one by one; every other step, one of those that are there goes. */
const journeys = fc
  .record({ first: clusters, second: clusters, node: nodes, configuration: configurations, seed: fc.nat() })
  .map(({ first, second, node, configuration, seed }) => {
    const fresh = [
      ...second.services,
      ...second.endpointSlices,
      ...second.endpoints,
      node,
      configuration,
    ] as Sourced<FollowedObject>[]
    const steps: ClusterStep[] = []
    const there: Ref[] = [...first.services, ...first.endpointSlices, ...first.endpoints, ...first.nodes].map(
      ({ object }) => refOf(object),
    )
    for (const [index, sourced] of shuffled(fresh, seed).entries()) {
      steps.push({ set: [sourced] })
      there.push(refTo(sourced.object))
      const gone = there[(seed + index * 7) % there.length]
      if (index % 3 === 0 && gone !== undefined) steps.push({ gone: [gone] })
    }
    return { first, steps: [...steps, { set: first.nodes, gone: [CONFIG_REF] }] }
  })

function shuffled<T>(items: readonly T[], seed: number): T[] {
  return items
    .map((item, index) => ({ item, turn: (seed * 31 + index * 7919) % 101 }))
    .sort((a, b) => a.turn - b.turn)
    .map(({ item }) => item)
}

test('after each step, whatever comes, changes or goes, all is as if it were compiled anew', () => {
  let mended = 0
  let broken = 0
  fc.assert(
    fc.property(journeys, ({ first, steps }) => {
      let cluster = first
      const compilation = new Compilation(cluster, OPTIONS)
      let last: Plan | null = compilation.plan
      for (const step of steps) {
        cluster = after(cluster, step)
        const found = compilation.update(step)
        const wanted = compile(cluster, OPTIONS)
        assert.is(compilation.plan === null ? 'errors' : formatPlan(compilation.plan), planText(wanted))
        assert.equal(sorted(compilation.diagnostics), sorted(wanted.diagnostics))
        const provenance = [compilation.result.provenance, wanted.provenance]
        const [told, expected] = provenance.map((one) => (one === null ? '' : formatProvenance(one)))
        assert.is(told, expected)
        const between: readonly Change[] =
          wanted.plan === null || last === null ? [] : changes(last, wanted.plan)
        assert.equal(sorted(found), sorted(between))
        if (wanted.plan === null) broken++
        else mended++
        last = wanted.plan ?? last
      }
    }),
    { numRuns: THOROUGH ? 300 : 60 },
  )
  assert.ok(mended > 200 && broken > 20, `${mended} steps with a plan, ${broken} without`)
})

test('an ordinary change of endpoints compiles its Service alone', async () => {
  const { cluster, options } = await loadCase('cluster-ip')
  const [slice] = cluster.endpointSlices
  assert.ok(slice)
  const [first, ...others] = slice.object.endpoints ?? []
  const compilation = new Compilation(cluster, options)
  const added = { addresses: ['10.0.0.99'], nodeName: 'node-1', conditions: { ready: true } }
  const versions = [
    [first],
    [first, ...others, added],
    [{ ...first, conditions: { ready: false } }, ...others],
  ]
  for (const endpoints of versions) {
    const tables = compilation.plan?.tables
    const next = { ...slice, object: { ...slice.object, endpoints } } as Slices[number]
    const found = compilation.update({ set: [next] })
    assert.ok(found.every(({ kind }) => kind === 'realServer' || kind === 'entry'))
    assert.is(compilation.plan?.tables, tables, 'what cannot change is not made again')
    assert.is(planText(compilation.result), planText(compile(withObject(cluster, next), options)))
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
    compilation.update({ set: [slice(other)] })
    const wanted = compile(withObject(cluster, slice(other)), options)
    assert.is(planText(compilation.result), planText(wanted))
    const set = isIPv6 ? 'KUBE-6-LOOP-BACK' : 'KUBE-LOOP-BACK'
    assert.ok(
      compilation.plan?.sets
        .find(({ name }) => name === set)
        ?.entries.some((entry) => 'source' in entry && entry.source === pod),
      `${written} is still served by web`,
    )
  }
})

test('a cluster with errors has no plan, and what mends it gives all changes since the last one', async () => {
  const { cluster, options } = await loadCase('cluster-ip')
  const [slice] = cluster.endpointSlices
  const [service] = cluster.services
  assert.ok(slice && service)
  const compilation = new Compilation(cluster, options)
  const { plan } = compilation
  const broken = { ...slice, object: { ...slice.object, endpoints: [{ addresses: ['010.0.0.1'] }] } }
  assert.equal(compilation.update({ set: [broken] }), [])
  assert.is(compilation.plan, null)
  assert.is(compilation.owners, null)
  assert.ok(compilation.diagnostics.some(({ severity }) => severity === 'error'))
  const mended = compilation.update({ set: [slice], gone: [refOf(service.object)] })
  assert.ok(plan && compilation.plan)
  assert.equal(sorted(mended), sorted(changes(plan, compilation.plan)))
  assert.ok(mended.some(({ kind }) => kind === 'virtualServer'))
})

test.run()
