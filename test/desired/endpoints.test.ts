import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cluster, desired, read } from '../../src/index.ts'
import { SHARED_DATA } from '../support/shared.ts'
import { endpointLines, lay, live, node, pod, service, slice } from './objects.ts'

/** Endpoints as the EndpointSlice controller makes them: kubernetes, staging/src/k8s.io/endpointslice. */

const SPEC = { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] }
const READY = 'ready serving'

test('slices stay while selector, ports, families and publishNotReadyAddresses mean the same', async () => {
  const before = [node(), live(), slice(['10.0.0.1']), pod('b', '10.0.0.2')]
  const same = await lay(before, [
    service({ ...SPEC, sessionAffinity: 'ClientIP', ports: [{ name: 'http', port: 81, targetPort: 8080 }] }),
  ])
  assert.equal(endpointLines(same), [`10.0.0.1 ${READY} http=8080 zone-a`])
  const other = await lay(before, [
    service({ ...SPEC, ports: [{ name: 'http', port: 80, targetPort: 9090 }] }),
  ])
  assert.equal(endpointLines(other), [`10.0.0.2 ${READY} http=9090 zone-a`])
})

test('they stay where a selector is removed', async () => {
  const was = await lay(
    [node(), live(), slice(['10.0.0.1']), pod('b', '10.0.0.2')],
    [service({ ports: SPEC.ports, selector: null })],
  )
  assert.equal(endpointLines(was), [`10.0.0.1 ${READY} http=8080 zone-a`])
})

test('slices of other makers stay beside those that are made anew', async () => {
  const own = slice(['10.9.9.9'], undefined, {
    metadata: {
      name: 'mine',
      namespace: 'shop',
      labels: { 'kubernetes.io/service-name': 'web', 'endpointslice.kubernetes.io/managed-by': 'me' },
    },
  })
  const result = await lay(
    [node(), live(), slice(['10.0.0.1']), own, pod('b', '10.0.0.2')],
    [service({ ...SPEC, publishNotReadyAddresses: true })],
  )
  assert.equal(
    endpointLines(result).map((line) => line.split(' ')[0]),
    ['10.0.0.2', '10.9.9.9'],
  )
})

/** Pods beside the one that serves, and what becomes of them. */
const other = (more: Record<string, object>) => pod('b', '10.0.0.2', more)
for (const [what, second, spec, expected] of [
  ['labels that do not match', other({ labels: { app: 'db' } }), {}, []],
  ['another namespace', other({ metadata: { namespace: 'other' } }), {}, []],
  [
    'not ready',
    other({ status: { conditions: [{ type: 'Ready', status: 'False' }] } }),
    {},
    ['10.0.0.2 http=8080 zone-a'],
  ],
  [
    'not ready, and published all the same',
    other({ status: { conditions: [] } }),
    { publishNotReadyAddresses: true },
    ['10.0.0.2 ready http=8080 zone-a'],
  ],
  [
    'terminating and still serving',
    other({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }),
    {},
    ['10.0.0.2 serving terminating http=8080 zone-a'],
  ],
  ['succeeded', other({ status: { phase: 'Succeeded' } }), {}, []],
  ['failed', other({ status: { phase: 'Failed' } }), {}, []],
  ['pending, without an address', other({ status: { phase: 'Pending', podIP: '', podIPs: [] } }), {}, []],
  [
    'on the network of its host',
    other({ spec: { hostNetwork: true }, status: { podIP: '192.0.2.11', podIPs: [{ ip: '192.0.2.11' }] } }),
    {},
    [`192.0.2.11 ${READY} http=8080 zone-a`],
  ],
  ['of a Node that is gone', other({ spec: { nodeName: 'gone' } }), {}, []],
  [
    'without the named port',
    other({ spec: { containers: [{ ports: [{ name: 'www', containerPort: 8080 }] }] } }),
    {},
    [`10.0.0.2 ${READY} zone-a`],
  ],
  [
    'with the name for another protocol',
    other({ spec: { containers: [{ ports: [{ name: 'http', containerPort: 53, protocol: 'UDP' }] }] } }),
    {},
    [`10.0.0.2 ${READY} zone-a`],
  ],
  [
    'with another number under the name',
    other({ spec: { containers: [{ ports: [{ name: 'http', containerPort: 9000 }] }] } }),
    {},
    [`10.0.0.2 ${READY} http=9000 zone-a`],
  ],
  [
    'with the name in a sidecar',
    other({
      spec: {
        containers: [],
        initContainers: [{ restartPolicy: 'Always', ports: [{ name: 'http', containerPort: 9001 }] }],
      },
    }),
    {},
    [`10.0.0.2 ${READY} http=9001 zone-a`],
  ],
] as const) {
  test(`a Pod ${what}`, async () => {
    const manifest = service({ ...SPEC, ports: [{ name: 'http', port: 80, targetPort: 'http' }], ...spec })
    const result = await lay(
      [node(), pod('a', '10.0.0.1'), second, slice([], [], { metadata: { name: 'x', namespace: 'shop' } })],
      [manifest],
    )
    assert.equal(
      endpointLines(result).filter((line) => !line.startsWith('10.0.0.1 ')),
      expected,
    )
  })
}

test('addresses by family', async () => {
  const dual = pod('a', '10.0.0.1', { status: { podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }] } })
  const result = await lay([node(), dual], [service({ ...SPEC, ipFamilyPolicy: 'RequireDualStack' })])
  assert.equal(
    result.cluster.endpointSlices.map(({ object }) => [
      object.addressType,
      object.endpoints?.[0]?.addresses[0],
    ]),
    [
      ['IPv4', '10.0.0.1'],
      ['IPv6', 'fd00::1'],
    ],
  )
})

for (const [wanted, expected] of [
  ['PreferClose', 'for zone-a'],
  ['PreferSameZone', 'for zone-a'],
  ['PreferSameNode', 'for zone-a for n1'],
] as const) {
  test(`hints of ${wanted}, on new slices and on those that stay`, async () => {
    const fresh = await lay(
      [node(), pod('a', '10.0.0.1')],
      [service({ ...SPEC, trafficDistribution: wanted })],
    )
    assert.equal(endpointLines(fresh), [`10.0.0.1 ${READY} http=8080 zone-a ${expected}`])
    const kept = await lay(
      [node(), live(), slice(['10.0.0.3'])],
      [service({ ...SPEC, trafficDistribution: wanted })],
    )
    assert.equal(endpointLines(kept), [`10.0.0.3 ${READY} http=8080 zone-a ${expected}`])
  })
}

test('hints of Auto are unknown, and said to be', async () => {
  const { diagnostics } = await lay(
    [node(), pod('a', '10.0.0.1')],
    [service(SPEC, { metadata: { annotations: { 'service.kubernetes.io/topology-mode': 'Auto' } } })],
  )
  assert.ok(diagnostics.some(({ code, message }) => code === 'ENDPOINTS_UNKNOWN' && message.includes('Auto')))
})

test('without Pods: a numeric target port of the same Pods is derived', async () => {
  const result = await lay(
    [node(), live(), slice(['10.0.0.1'])],
    [service({ ...SPEC, ports: [{ name: 'http', port: 80, targetPort: 9090 }] })],
  )
  assert.equal(endpointLines(result), [`10.0.0.1 ${READY} http=9090 zone-a`])
  assert.equal(result.worth, [])
})

test('without Pods: another Service of the same selector has the same Pods', async () => {
  const result = await lay(
    [node(), live(), slice(['10.0.0.1'])],
    [
      service(
        { ...SPEC, ports: [{ name: 'metrics', port: 81, targetPort: 9100 }] },
        { metadata: { name: 'metrics' } },
      ),
    ],
  )
  assert.ok(endpointLines(result).includes(`10.0.0.1 ${READY} metrics=9100 zone-a`))
})

test('without Pods: a named port that nobody resolved is said, never guessed', async () => {
  const result = await lay(
    [node(), live(), slice(['10.0.0.1'])],
    [service({ ...SPEC, ports: [{ name: 'http', port: 80, targetPort: 'web' }] })],
  )
  assert.equal(result.worth, ['warning ENDPOINTS_UNKNOWN'])
  assert.equal(endpointLines(result), [`10.0.0.1 ${READY} zone-a`])
})

test('without Pods: another selector is unknown', async () => {
  const result = await lay(
    [node(), live(), slice(['10.0.0.1'])],
    [service({ ...SPEC, selector: { app: 'other' } })],
  )
  assert.equal(result.worth, ['warning ENDPOINTS_UNKNOWN'])
  assert.equal(endpointLines(result), [])
})

test('a snapshot that lists Pods and holds none has none, which is known', async () => {
  const record = {
    apiVersion: 'ipvsc.dev/v1',
    kind: 'Snapshot',
    metadata: { name: 'a', creationTimestamp: '2026-01-01T00:00:00Z' },
    kubernetesVersion: null,
    ipvscVersion: '0.1.0',
    listed: ['services', 'pods'],
  }
  const result = await lay([record, node()], [service(SPEC)])
  assert.equal(result.worth, ['warning SELECTS_NOTHING'])
})

const deployment = (labels: Record<string, string>, replicas = 3) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'shop' },
  spec: {
    replicas,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [] } },
  },
})
const said = (result: { diagnostics: readonly { code: string; message: string }[] }) =>
  result.diagnostics.filter(({ code }) => /EXPECTED|NOTHING/.test(code)).map(({ message }) => message)

test('a workload of the manifests tells what is to come', async () => {
  const result = await lay(
    [node(), pod('x', '10.0.0.9', { labels: { app: 'x' } })],
    [service(SPEC), deployment({ app: 'web' })],
  )
  assert.equal(said(result), ['It selects Deployment shop/web, 3 replicas: 3 real servers to come.'])
})

test('Pods that run and no longer match are told from those to come', async () => {
  const owner = { ownerReferences: [{ kind: 'ReplicaSet', name: 'web-5d8f', controller: true }] }
  const pods = ['a', 'b', 'c'].map((name, index) => pod(name, `10.0.0.${index + 1}`, { metadata: owner }))
  const result = await lay(
    [node(), live(), slice(['10.0.0.1']), ...pods],
    [service({ ...SPEC, selector: { run: 'web' } }), deployment({ run: 'web' })],
  )
  assert.equal(said(result), ['0 of 3 running Pods match; 3 to come from Deployment shop/web.'])
  assert.equal(endpointLines(result), [])
})

test('a typo in a selector is a warning with the nearest labels', async () => {
  const result = await lay(
    [node(), pod('x', '10.0.0.9', { labels: { app: 'x' } })],
    [service({ ...SPEC, selector: { app: 'wbe' } }), deployment({ app: 'web', tier: 'front' })],
  )
  assert.equal(result.worth, ['warning SELECTS_NOTHING'])
  const found = result.diagnostics.find(({ code }) => code === 'SELECTS_NOTHING')
  assert.equal([found?.found, found?.expected], ['app=wbe', 'app=web of Deployment shop/web, perhaps'])
})

test('Pods of an operator are enough', async () => {
  assert.equal(said(await lay([node(), pod('a', '10.0.0.1')], [service(SPEC)])), [])
})

test('slices and Endpoints of manifests count as they are', async () => {
  const made = slice(['10.5.5.5'], undefined, {
    metadata: { name: 'mine', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web' } },
  })
  const result = await lay([node()], [service({ ports: SPEC.ports }), made])
  assert.equal(endpointLines(result), [`10.5.5.5 ${READY} http=8080 zone-a`])
})

const RECORDED = `${SHARED_DATA}/pods-and-endpoints`
for (const name of existsSync(RECORDED)
  ? readdirSync(RECORDED).filter((entry) => !entry.endsWith('.md'))
  : []) {
  test(`recorded cluster ${name}: endpoints made of Pods say what a controller made`, async () => {
    const { cluster } = await read([
      { name: 'cluster.json', text: readFileSync(`${RECORDED}/${name}/cluster.json`, 'utf8') },
    ])
    const services = cluster.services.filter(({ object }) => object.spec?.selector)
    const without: Cluster = { ...cluster, services: [], endpoints: [], endpointSlices: [] }
    const made = desired(without, { ...without, services, pods: [], nodes: [] })
    for (const { object } of services) {
      const { name: own, namespace } = object.metadata
      const recorded = cluster.endpoints.find(
        ({ object: { metadata } }) => metadata.name === own && metadata.namespace === namespace,
      )
      const expected = (recorded?.object.subsets ?? []).flatMap(({ addresses, notReadyAddresses, ports }) =>
        [
          ...(addresses ?? []).map((address) => ({ ...address, ready: true })),
          ...(notReadyAddresses ?? []).map((address) => ({ ...address, ready: false })),
        ].flatMap(({ ip, nodeName, ready }) =>
          (ports ?? []).map(
            (port) => `${ip} ${nodeName} ${ready} ${port.name ?? ''} ${port.protocol} ${port.port}`,
          ),
        ),
      )
      const found = made.cluster.endpointSlices
        .filter(
          ({ object: { metadata } }) =>
            metadata.namespace === namespace && metadata.labels?.['kubernetes.io/service-name'] === own,
        )
        .flatMap(({ object: { endpoints, ports } }) =>
          (endpoints ?? []).flatMap(({ addresses, nodeName, conditions }) =>
            (ports ?? []).map(
              (port) =>
                `${addresses[0]} ${nodeName} ${conditions?.ready} ${port.name} ${port.protocol} ${port.port}`,
            ),
          ),
        )
      assert.equal(found.sort(), expected.sort(), `${namespace}/${own}`)
    }
  })
}

test.run()
