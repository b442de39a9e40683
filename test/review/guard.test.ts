import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type ReadResult, read } from '../../src/index.ts'
import type { AllowedChange } from '../../src/review/lint/types.ts'
import { narrow } from '../../src/review/narrow.ts'
import type { Review } from '../../src/review/types.ts'
import { changeOf } from '../golden/lintCases.ts'

const test = suite('guard')

const NODE = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'node-1' },
  spec: { podCIDR: '10.0.1.0/24' },
  status: { addresses: [{ type: 'InternalIP', address: '192.168.0.1' }] },
}

interface Given {
  readonly name?: string
  readonly spec?: object
  readonly annotations?: object
  readonly servers?: readonly string[]
}

const web = ({ name = 'web', spec = {}, annotations = {}, servers = ['10.0.1.11'] }: Given): object[] => [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop', annotations },
    spec: { clusterIP: '10.96.0.10', selector: { app: name }, ports: [{ port: 80 }], ...spec },
  },
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-1`, namespace: 'shop', labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    endpoints: servers.map((address) => ({ addresses: [address], nodeName: 'node-1' })),
    ports: [{ port: 8080 }],
  },
]

const api = web({ name: 'api', spec: { clusterIP: '10.96.0.11' }, servers: ['10.0.1.12'] })

const config = (fields: object): object => ({
  apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
  kind: 'KubeProxyConfiguration',
  ...fields,
})

const readAll = (objects: readonly object[]): Promise<ReadResult> =>
  read([{ name: 'state.json', text: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }) }])

interface Options {
  readonly allow?: readonly AllowedChange[]
  readonly onto?: boolean
}

/** Codes with their Services. */
async function said(
  before: readonly object[],
  after: readonly object[],
  options: Options = {},
): Promise<string[]> {
  const nodes = options.onto ? [] : [NODE]
  const { findings } = await changeOf(
    await readAll([NODE, ...before]),
    await readAll([...nodes, ...after]),
    options,
  )
  return findings.map(({ code, service }) => `${code} ${service ?? 'of no Service'}`)
}

test('a Service that goes whole loses no endpoint, but its address', async () => {
  assert.equal(await said([...web({}), ...api], api), ['ADDRESS_GONE shop/web'])
})

test('a port that gets other endpoints at once is told of, one that gets more is not', async () => {
  const before = web({ servers: ['10.0.1.11', '10.0.1.12'] })
  assert.equal(await said(before, web({ servers: ['10.0.1.13', '10.0.1.14'] })), ['ENDPOINTS_LOST shop/web'])
  assert.equal(await said(before, web({ servers: ['10.0.1.11', '10.0.1.12', '10.0.1.13'] })), [])
})

test('another scheduler is told for the Service that asks for it, and for all where the configuration does', async () => {
  assert.equal(
    await said([...web({}), ...api], [...web({ annotations: { 'ipvsc.dev/scheduler': 'lc' } }), ...api]),
    ['CHANGED_UNDER_LOAD shop/web'],
  )
  assert.equal(
    await said([...web({}), ...api], [...web({}), ...api, config({ ipvs: { scheduler: 'lc' } })]),
    ['CHANGED_UNDER_LOAD shop/api', 'CHANGED_UNDER_LOAD shop/web'],
  )
})

test('rules that stand or fall with the sets that they ask are no change of their own', async () => {
  const spec = { type: 'NodePort', ports: [{ port: 80, nodePort: 30080 }] }
  const added = web({ name: 'front', spec: { ...spec, clusterIP: '10.96.0.12' }, servers: ['10.0.1.13'] })
  assert.equal(await said(api, [...api, ...added], { allow: ['add'] }), [])
  assert.equal(
    await said(api, [...api, ...added, config({ iptables: { masqueradeAll: true } })], { allow: ['add'] }),
    ['CHANGE_NOT_ALLOWED shop/api', 'CHANGE_NOT_ALLOWED of no Service'],
  )
  assert.equal(await said(api, [...api, config({ iptables: { masqueradeAll: true } })], { allow: ['add'] }), [
    'CHANGE_NOT_ALLOWED shop/api',
    'CHANGE_NOT_ALLOWED of no Service',
  ])
})

test('each kind of change is refused where it is not allowed', async () => {
  const refused = (allow: readonly AllowedChange[], before: object[], after: object[]) =>
    said(before, after, { allow }).then((all) => all.filter((one) => one.startsWith('CHANGE_NOT')))
  const changed = web({ servers: ['10.0.1.11', '10.0.1.13'] })
  assert.equal(await refused(['add'], web({}), changed), ['CHANGE_NOT_ALLOWED shop/web'])
  assert.equal(await refused(['update'], web({}), changed), [])
  assert.equal(await refused(['add', 'update'], [...web({}), ...api], api), ['CHANGE_NOT_ALLOWED shop/web'])
  assert.equal(await refused(['delete'], [...web({}), ...api], api), [])
})

test('an address that the cluster has yet to choose is told of', async () => {
  const open = (name: string): object => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop' },
    spec: { selector: { app: name }, ports: [{ port: 80 }] },
  })
  assert.equal(await said(api, [open('web')], { onto: true }), ['ADDRESS_ASSUMED shop/web'])
})

test('source ranges that are split or narrowed widen nothing; that there are none any more does', async () => {
  const balanced = (loadBalancerSourceRanges: readonly string[]): object[] =>
    web({ spec: { type: 'LoadBalancer', loadBalancerSourceRanges } })
  const before = balanced(['192.0.2.0/24'])
  assert.equal(await said(before, balanced(['192.0.2.0/25', '192.0.2.128/25'])), [])
  assert.equal(await said(before, balanced(['192.0.2.0/23'])), ['SOURCE_RANGES_WIDENED shop/web'])
  assert.equal(await said(before, balanced([])), ['SOURCE_RANGES_WIDENED shop/web'])
  assert.equal(await said(balanced([]), before), [])
})

test('a review that is narrowed keeps the findings of what it shows, and those of no Service', () => {
  const finding = (service: string | null) =>
    ({
      code: 'X',
      severity: 'error',
      message: '',
      why: '',
      mend: '',
      subject: null,
      service,
      place: null,
      nodes: [],
      silenced: null,
    }) as const
  const one = (service: string) =>
    ({ service, fate: 'changed', origin: null, fields: [], groups: [] }) as const
  const whole: Review = {
    version: 1,
    nodes: [],
    onlyBefore: [],
    onlyAfter: [],
    services: [one('shop/api'), one('shop/web')],
    unchanged: 0,
    others: [],
    findings: [finding('shop/api'), finding('shop/web'), finding(null)],
  }
  assert.equal(
    narrow(whole, { services: ['shop/web'] }).findings?.map(({ service }) => service),
    ['shop/web', null],
  )
})

test.run()
