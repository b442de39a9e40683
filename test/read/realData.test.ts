import { readdirSync, readFileSync, statSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compile, type ReadResult, read } from '../../src/index.ts'
import { hasSharedData, SHARED_DATA } from '../support/shared.ts'

/** Dumps of real clusters and manifests that others wrote: each reads as its MANIFEST says it should. */
const test = suite('real data')

const filesBelow = (path: string): string[] =>
  statSync(path).isDirectory()
    ? readdirSync(path)
        .sort()
        .flatMap((name) => filesBelow(`${path}/${name}`))
    : [path]

const readData = (path: string): Promise<ReadResult> =>
  read(filesBelow(`${SHARED_DATA}/${path}`).map((name) => ({ name, text: readFileSync(name, 'utf8') })))

const counts = ({ cluster }: ReadResult) => [
  cluster.services.length,
  cluster.endpoints.length,
  cluster.endpointSlices.length,
  cluster.nodes.length,
]
const codes = (diagnostics: ReadResult['diagnostics'], severity: string) => [
  ...new Set(diagnostics.filter((problem) => problem.severity === severity).map(({ code }) => code)),
]

/** Services, Endpoints, EndpointSlices, Nodes; then identical copies and objects of other kinds. */
const ROWS: readonly (readonly [path: string, counts: readonly number[], copies: number, others: number])[] =
  [
    ['dumps/cilium-kind-dualstack-1.20', [2, 2, 3, 0], 0, 0],
    ['dumps/cilium-kind-graceful-termination/state1.yaml', [1, 0, 1, 0], 0, 0],
    ['dumps/cilium-kind-graceful-termination/state2.yaml', [1, 0, 1, 0], 0, 0],
    ['dumps/cilium-kind-graceful-termination/state3.yaml', [1, 0, 1, 0], 0, 0],
    ['dumps/sonobuoy-kubeadm-aws-1.8-calico', [5, 7, 0, 3], 0, 0],
    ['dumps/sonobuoy-kind-1.14-duplicated-lists', [3, 5, 0, 1], 32, 0],
    ['dumps/openshift-4.18-must-gather', [1, 1, 1, 2], 0, 0],
    ['dumps/popeye-fixtures/core-svc-1.yaml', [5, 0, 0, 0], 0, 0],
    ['k8s-testdata/apimachinery', [0, 1, 0, 1], 0, 0],
    ['manifests/k8s-ha-addons', [4, 0, 0, 0], 0, 8],
    ['manifests/oke', [1, 0, 0, 0], 0, 0],
    ['manifests/sock-shop', [7, 0, 0, 0], 0, 5],
  ]

if (hasSharedData) {
  for (const [path, expected, copies, others] of ROWS) {
    test(`${path} is read`, async () => {
      const result = await readData(path)
      assert.equal(codes(result.diagnostics, 'error'), [])
      assert.equal(counts(result), expected)
      assert.is(result.copies, copies)
      assert.is(
        [...result.passedOver.values()].reduce((sum, count) => sum + count, 0),
        others,
      )
    })
  }

  test('round-trip fixtures of the API, all nonsense, are refused field by field', async () => {
    const result = await readData('k8s-testdata/api-testdata-HEAD')
    assert.equal(counts(result), [0, 0, 0, 0])
    const errors = result.diagnostics.filter(({ severity }) => severity === 'error')
    assert.ok(errors.length > 20)
    for (const { position, found, expected } of errors)
      assert.ok(position !== null && found !== null && expected !== null)
    const service = errors
      .filter(({ subject }) => subject?.kind === 'Service')
      .map(({ path }) => path.join('.'))
    for (const field of [
      'spec.ports.0.port',
      'spec.ports.0.nodePort',
      'spec.ports.0.protocol',
      'spec.type',
      'spec.sessionAffinity',
      'spec.healthCheckNodePort',
    ])
      assert.ok(service.includes(field), field)
  })

  test('a thousand copies of one address are one real server', async () => {
    const { cluster } = await readData('k8s-testdata/apimachinery')
    const [endpoints] = cluster.endpoints
    assert.is(endpoints?.object.subsets?.[0]?.addresses?.length, 1000)
    const port = endpoints?.object.subsets?.[0]?.ports?.[0]
    const service = {
      kind: 'Service' as const,
      metadata: {
        name: endpoints?.object.metadata.name ?? '',
        namespace: endpoints?.object.metadata.namespace ?? null,
      },
      spec: {
        clusterIP: '10.96.0.1',
        ports: [{ port: 80, name: port?.name ?? '', protocol: port?.protocol ?? 'TCP' }],
      },
    }
    const origin = { source: 'test', document: 0, path: [] }
    const { plan } = compile(
      { ...cluster, services: [{ object: service, origin }] },
      { node: 'n', nodeIPs: ['192.168.0.1'] },
    )
    assert.is(plan?.virtualServers[0]?.realServers.length, 1)
  })

  test('fixtures in which Services share a cluster IP and port are refused, each pair named', async () => {
    const { cluster } = await readData('dumps/popeye-fixtures/core-svc-1.yaml')
    const { plan, diagnostics } = compile(cluster, { node: 'n', nodeIPs: ['192.168.0.1'] })
    assert.is(plan, null)
    const pairs = diagnostics
      .filter(({ code }) => code === 'ADDRESS_DUPLICATE')
      .map(({ subject, related }) => [subject?.name, related[0]?.subject?.name])
    assert.equal(pairs, [
      ['svc4', 'svc2'],
      ['svc5', 'svc2'],
    ])
  })

  test('a terminating endpoint that still serves stands in, and a slice of nulls leaves no real server', async () => {
    const serversOf = async (state: string) => {
      const { cluster } = await readData(`dumps/cilium-kind-graceful-termination/${state}.yaml`)
      const { plan } = compile(cluster, { node: 'n', nodeIPs: ['192.168.0.1'] })
      return plan?.virtualServers.map(({ realServers }) => realServers.map(({ address }) => address))
    }
    assert.equal(await serversOf('state1'), [['10.244.0.10']])
    assert.equal(await serversOf('state2'), [['10.244.0.180']])
    assert.equal(await serversOf('state3'), [[]])
  })

  test('every node of every dump compiles', async () => {
    for (const path of [
      'dumps/sonobuoy-kubeadm-aws-1.8-calico',
      'dumps/sonobuoy-kind-1.14-duplicated-lists',
      'dumps/openshift-4.18-must-gather',
    ]) {
      const { cluster } = await readData(path)
      assert.ok(cluster.nodes.length > 0)
      for (const { object } of cluster.nodes) {
        const { plan, diagnostics } = compile(cluster, { node: object.metadata.name })
        assert.equal(codes(diagnostics, 'error'), [])
        assert.ok(plan)
      }
    }
  })
}

test.run()
