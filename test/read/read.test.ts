import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { read } from '../../src/index.ts'

const SERVICE = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default' },
  spec: { clusterIP: '10.96.0.1', ports: [{ port: 80 }] },
}
const { kind: _kind, apiVersion: _version, ...BARE } = SERVICE

const readText = (text: string, name = 'input.yaml') => read([{ name, text }])
const codes = (diagnostics: readonly { code: string; severity: string }[]) =>
  diagnostics.filter(({ severity }) => severity !== 'info').map(({ code }) => code)

for (const [shape, name, value] of [
  ['a single object', 'a.json', SERVICE],
  ['a List', 'a.json', { apiVersion: 'v1', kind: 'List', items: [SERVICE] }],
  [
    'a typed list whose items have no kind',
    'a.json',
    { apiVersion: 'v1', kind: 'ServiceList', items: [BARE] },
  ],
  ['a bare array', 'a.json', [SERVICE]],
  ['a bare array without kinds, in a file named after its kind', 'ns/default/Services.json', [BARE]],
  ['a bare array without kinds, in a file of a newer dump', 'core_v1_services.json', [BARE]],
  [
    'a list within a list',
    'a.json',
    { kind: 'List', items: [{ kind: 'ServiceList', apiVersion: 'v1', items: [BARE] }] },
  ],
] as const) {
  test(`${shape} is read`, async () => {
    const { cluster, diagnostics } = await readText(JSON.stringify(value), name)
    assert.is(cluster.services[0]?.object.metadata.name, 'web')
    assert.is(cluster.services.length, 1)
    assert.equal(codes(diagnostics), [])
  })
}

test('YAML of several documents, with comments, anchors and merge keys', async () => {
  const text = `---
# a comment
apiVersion: v1
kind: Service
metadata: &meta {name: one, namespace: default}
spec: &spec
  clusterIP: 10.96.0.1
  ports: [{port: 80}]
---

---
apiVersion: v1
kind: Service
metadata: {<<: *meta, name: two}
spec: {clusterIP: 10.96.0.2, ports: [{port: 80}]}
`
  const { cluster, diagnostics } = await readText(text.replace('&meta', '').replace('<<: *meta, ', ''))
  assert.equal(
    cluster.services.map(({ object }) => object.metadata.name),
    ['one', 'two'],
  )
  assert.equal(codes(diagnostics), [])
  const anchored = await readText(
    'a: &x {kind: Service, apiVersion: v1}\nkind: List\nitems: [{<<: *x, metadata: {name: m}}]',
  )
  assert.is(anchored.cluster.services[0]?.object.metadata.name, 'm')
})

test('JSON objects one after the other are all read', async () => {
  const second = JSON.stringify({ ...SERVICE, metadata: { name: 'two' } }, null, 2)
  const { cluster } = await readText(`${JSON.stringify(SERVICE)}\n${second}\n`, '-')
  assert.equal(
    cluster.services.map(({ object }) => object.metadata.name),
    ['web', 'two'],
  )
})

test('a byte order mark does not matter', async () => {
  assert.is((await readText(`\ufeff${JSON.stringify(SERVICE)}`, 'a.json')).cluster.services.length, 1)
})

test('other kinds are passed over and counted, also a Service of another group', async () => {
  const { passedOver, cluster } = await readText(`kind: Deployment
apiVersion: apps/v1
---
{kind: Deployment, apiVersion: apps/v1}
---
{kind: Service, apiVersion: serving.knative.dev/v1, metadata: {name: x}}
`)
  assert.equal(
    [...passedOver],
    [
      ['apps/v1 Deployment', 2],
      ['serving.knative.dev/v1 Service', 1],
    ],
  )
  assert.is(cluster.services.length, 0)
})

test('identical copies count once, whatever their resource version', async () => {
  const copy = { ...SERVICE, metadata: { ...SERVICE.metadata, resourceVersion: '7', managedFields: [] } }
  const { cluster, copies, diagnostics } = await readText(JSON.stringify([SERVICE, copy]), 'a.json')
  assert.is(cluster.services.length, 1)
  assert.is(copies, 1)
  assert.equal(codes(diagnostics), [])
})

test('two different definitions are an error that names both places, and neither counts', async () => {
  const other = { ...SERVICE, spec: { ...SERVICE.spec, clusterIP: '10.96.0.2' } }
  const { cluster, diagnostics } = await read([
    { name: 'one.json', text: JSON.stringify(SERVICE) },
    { name: 'two.json', text: `\n\n  ${JSON.stringify(other)}` },
  ])
  const [problem] = diagnostics
  assert.equal(codes(diagnostics), ['DUPLICATE_OBJECT'])
  assert.is(problem?.origin?.source, 'two.json')
  assert.equal(problem?.position, { line: 3, column: 3 })
  assert.is(problem?.related[0]?.origin?.source, 'one.json')
  assert.equal(problem?.related[0]?.position, { line: 1, column: 1 })
  assert.is(cluster.services.length, 0)
})

test('every problem of an object is reported, each with its place in JSON and in YAML', async () => {
  const json = `{
  "apiVersion": "v1", "kind": "Service",
  "metadata": {"name": "web"},
  "spec": {"clusterIP": "x y", "ports": [{"port": 0}, {"port": 80, "protocol": "ICMP"}]}
}`
  const yaml = `apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  clusterIP: x y
  ports:
    - port: 0
    - port: 80
      protocol: ICMP
`
  const places = async (text: string, name: string) =>
    (await readText(text, name)).diagnostics.map(({ path, position }) => [
      path.join('.'),
      position?.line,
      position?.column,
    ])
  assert.equal(await places(json, 'a.json'), [
    ['spec.clusterIP', 4, 25],
    ['spec.ports.0.port', 4, 51],
    ['spec.ports.1.protocol', 4, 80],
  ])
  assert.equal(await places(yaml, 'a.yaml'), [
    ['spec.clusterIP', 5, 14],
    ['spec.ports.0.port', 7, 13],
    ['spec.ports.1.protocol', 9, 17],
  ])
})

test('a text that is neither JSON nor YAML is an error with its place', async () => {
  const json = await readText('{\n  "a": 1,\n  "b": }', 'a.json')
  assert.equal(
    json.diagnostics.map(({ code, position }) => [code, position]),
    [['SYNTAX', { line: 3, column: 8 }]],
  )
  const yaml = await readText('a: [1\nb: 2\n')
  assert.is(yaml.diagnostics[0]?.code, 'SYNTAX')
  assert.is(yaml.diagnostics[0]?.position?.line, 2)
})

test('what is no object is passed over with a warning', async () => {
  const { diagnostics } = await readText('just a line')
  assert.equal(codes(diagnostics), ['NOT_AN_OBJECT'])
})

test('a slice of an unknown version is skipped with a warning', async () => {
  const { diagnostics } = await readText(
    '{kind: EndpointSlice, apiVersion: discovery.k8s.io/v1alpha1, metadata: {name: x}}',
  )
  assert.equal(codes(diagnostics), ['VERSION_UNSUPPORTED'])
})

test('aliases that would grow without bound are refused', async () => {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
  for (let level = 1; level < 9; level++) {
    const before = `*a${level - 1}`
    lines.push(`a${level}: &a${level} [${Array(10).fill(before).join(', ')}]`)
  }
  const { diagnostics } = await readText(lines.join('\n'))
  assert.is(diagnostics[0]?.code, 'LIMIT')
})

test('a proxy configuration inside a ConfigMap is checked, and its problems name the key and the line', async () => {
  const { cluster, diagnostics } = await readText(`apiVersion: v1
kind: ConfigMap
metadata: {name: kube-proxy}
data:
  config.conf: |-
    apiVersion: kubeproxy.config.k8s.io/v1alpha1
    kind: KubeProxyConfiguration
    mode: ipvs
    ipvs:
      schedular: rr
`)
  assert.is(cluster.configurations.length, 0)
  assert.equal(
    diagnostics.map(({ code, path, origin, position }) => [
      code,
      path.join('.'),
      origin?.source,
      position?.line,
    ]),
    [['SCHEMA', 'ipvs.schedular', 'input.yaml#config.conf', 5]],
  )
})

test.run()
