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
