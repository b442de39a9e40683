import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { excerpt } from '../../src/diagnostics/diagnostics.ts'
import { read } from '../../src/index.ts'
import { atMost } from '../../src/read/problems.ts'

const problemsOf = async (text: string, name = 'a.yaml', limits = {}) =>
  (await read([{ name, text }], { limits })).diagnostics
const codesOf = async (text: string, name = 'a.yaml', limits = {}) =>
  (await problemsOf(text, name, limits)).map(({ code, severity }) => `${severity} ${code}`)

const nested = (levels: number, open: string, close: string): string =>
  `${open.repeat(levels)}1${close.repeat(levels)}`

for (const [what, text, name] of [
  ['JSON lists', nested(10_000, '[', ']'), 'a.json'],
  ['lists of kind List', `${nested(10_000, '{"kind":"List","items":[', ']}')}`, 'a.json'],
  ['YAML lists', nested(10_000, '[', ']'), 'a.yaml'],
  ['YAML objects', `k: ${nested(10_000, '{a: ', '}')}`, 'a.yaml'],
  ['YAML with tags', `k: !x ${nested(20_000, '{a: ', '}')}`, 'a.yaml'],
] as const)
  test(`${what} nested 10,000 deep are named`, async () => {
    assert.equal(await codesOf(text, name), ['error LIMIT'])
  })

test('an object nested 10,000 deep is no crash, alone, twice, or with a problem', async () => {
  const object = (kind: string, more = '') =>
    `{"apiVersion":"v1","kind":"${kind}","metadata":{"name":"x"},${more}"spec":{"odd":${nested(10_000, '{"a":', '}')}}}`
  assert.equal(await codesOf(object('Node'), 'a.json'), [])
  assert.equal(await codesOf(object('Widget'), 'a.json'), [])
  assert.equal(await codesOf(object('Pod'), 'a.json'), [])
  assert.equal(await codesOf(`[${object('Node')},${object('Node')}]`, 'a.json'), ['error LIMIT'])
  assert.equal(await codesOf(object('Node', '"status":1,'), 'a.json'), ['error SCHEMA'])
  assert.equal(await codesOf(`${object('Node')} ${object('Node')} 7`, 'a.json'), ['error SYNTAX'])
})

test('the depth can be raised', async () => {
  const text = nested(150, '[', ']')
  assert.equal(await codesOf(text, 'a.json'), ['error LIMIT'])
  assert.equal(await codesOf(text, 'a.json', { depth: 200 }), ['warning NOT_AN_OBJECT'])
})

for (const text of ['items: &i [*i]', 'a: &a {b: {c: *a}}', 'kind: List\nitems: &i [*i, {kind: Service}]'])
  test(`${text.replace('\n', ' ')} is refused`, async () => {
    const [problem, ...others] = await problemsOf(text)
    assert.is(problem?.code, 'SYNTAX')
    assert.match(problem?.message ?? '', /an alias stands inside what it means/)
    assert.equal(others, [])
  })

test('12 KB of aliases make neither a flood of messages nor of values', async () => {
  const wide = Array.from({ length: 100 }, () => '*a').join(', ')
  const text = `a: &a [${'x, '.repeat(1000)}]\nkind: List\nitems: [${wide}]\n`
  assert.equal(await codesOf(text, 'a.yaml', { aliases: 1000 }), ['error LIMIT'])
  const problems = await problemsOf(text, 'a.yaml', { aliases: 1e9 })
  assert.is(problems.length, 1001)
  assert.match(problems.at(-1)?.message ?? '', /^9\d,\d{3}|^9\d{4} more of "warning NOT_AN_OBJECT"/)
  assert.ok(JSON.stringify(problems).length < 1e6)
})

test('messages of one code are counted beyond the limit, errors as well', async () => {
  const text = JSON.stringify(
    Array.from({ length: 50 }, (_, number) => ({ kind: 'Service', metadata: { name: `Odd ${number}` } })),
  )
  const problems = await problemsOf(text, 'a.json', { messages: 10 })
  assert.is(problems.filter(({ code }) => code === 'SCHEMA').length, 10)
  assert.match(
    problems.at(-1)?.message ?? '',
    /^40 more of "error SCHEMA" are not listed; --limit messages=N/,
  )
  assert.is(atMost(problems, 3).filter(({ code }) => code === 'SCHEMA').length, 3)
})

test('objects beyond the limit are an error, so that no part is compiled', async () => {
  const text = JSON.stringify(Array.from({ length: 50 }, () => ({ kind: 'Pod' })))
  assert.equal(await codesOf(text, 'a.json', { objects: 20 }), ['error LIMIT'])
  assert.equal(await codesOf(text, 'a.json', { objects: 51 }), [])
})

test('an excerpt is the beginning of the JSON of a value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noNegativeZero: true } as never), (value) => {
      const whole = JSON.stringify(value)
      const short = excerpt(value)
      if (whole.length <= 80) assert.is(short, whole)
      else assert.is(short, `${whole.slice(0, 77)}…`)
    }),
    { numRuns: 500 },
  )
})

test('whatever is read, every failure is a diagnostic', async () => {
  const word = fc.constantFrom(
    'valueOf',
    '__proto__',
    'constructor',
    'List',
    'Service',
    'EndpointSlice',
    'Node',
    'Pod',
    'Kustomization',
    'ConfigMap',
    'Deployment',
    'SnapshotRecord',
    'KubeProxyConfiguration',
  )
  const version = fc.constantFrom(
    'v1',
    'valueOf',
    'discovery.k8s.io/v1',
    'discovery.k8s.io/v9',
    'apps/v1',
    'kubeproxy.config.k8s.io/v1alpha1',
    'kustomize.config.k8s.io/v1',
    'networking.k8s.io/v1',
    'ipvsc.dev/v1',
  )
  const any = fc.jsonValue({ maxDepth: 2 })
  const object = fc.record(
    {
      kind: fc.oneof(word, any),
      apiVersion: fc.oneof(version, any),
      metadata: fc.oneof(
        any,
        fc.record(
          { name: fc.oneof(fc.constant('x'), any), namespace: any, labels: any, annotations: any },
          { requiredKeys: [] },
        ),
      ),
      spec: fc.oneof(
        any,
        fc.record(
          { ports: any, template: any, selector: any, cidrs: any, podCIDRs: any },
          { requiredKeys: [] },
        ),
      ),
      status: any,
      items: any,
      data: fc.oneof(any, fc.record({ ClusterConfiguration: any, 'config.conf': any })),
      endpoints: any,
      subsets: any,
      addressType: any,
      resources: any,
      patches: any,
    },
    { requiredKeys: [] },
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(object, { maxLength: 3 }),
      fc.constantFrom('a.json', 'kustomization.yaml', 'Services.json'),
      async (objects, name) => {
        await read([{ name, text: JSON.stringify(objects) }])
      },
    ),
    { numRuns: 600 },
  )
})

test.run()
