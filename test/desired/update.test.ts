import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { desired } from '../../src/index.ts'
import { cluster, lay, live, node, pod, service } from './objects.ts'

/**
 * A Service that the snapshot has. Where a rule is known from: `kubectl apply` is a three-way merge (kubectl's
 * documentation, "How apply calculates differences"); what the API server keeps, gives and takes is in kubernetes,
 * pkg/registry/core/service (patchAllocatedValues, dropTypeDependentFields, initIPFamilyFields) and
 * pkg/apis/core/validation (ValidateServiceUpdate).
 */

const SPEC = { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] }
const NODE_PORT = {
  type: 'NodePort',
  externalTrafficPolicy: 'Cluster',
  ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080, nodePort: 30080 }],
}
const BALANCED = { ...NODE_PORT, type: 'LoadBalancer', allocateLoadBalancerNodePorts: true }
const VIP = { status: { loadBalancer: { ingress: [{ ip: '203.0.113.9', ipMode: 'VIP' }] } } }
/** What an earlier apply had set, as the annotation has it. */
const applied = (spec: Record<string, unknown>) => ({
  metadata: {
    annotations: {
      'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({
        kind: 'Service',
        metadata: { name: 'web' },
        spec,
      }),
    },
  },
})

test('what a manifest is silent on and the API server gave stays', async () => {
  const { web, marks, cluster: laid } = await lay([live()], [service(SPEC)])
  assert.is(web?.spec?.clusterIP, '10.96.7.7')
  assert.equal(marks, [])
  assert.is(laid.services[0]?.origin.document, 0)
})

test('a field that an earlier apply had set is reset, by annotation', async () => {
  const { web, codes } = await lay(
    [live({ sessionAffinity: 'ClientIP' }, applied({ ...SPEC, sessionAffinity: 'ClientIP' }))],
    [service(SPEC)],
  )
  assert.is(web?.spec?.sessionAffinity, 'None')
  assert.is(web?.spec?.sessionAffinityConfig, undefined)
  assert.not.ok(codes.includes('RESET_ASSUMED'))
})

test('a field that somebody else had set stays', async () => {
  const { web } = await lay([live({ sessionAffinity: 'ClientIP' }, applied(SPEC))], [service(SPEC)])
  assert.is(web?.spec?.sessionAffinity, 'ClientIP')
})

test('managedFields tell the same', async () => {
  const managed = (fields: object) => ({
    metadata: { managedFields: [{ manager: 'flux', operation: 'Apply', fieldsV1: { 'f:spec': fields } }] },
  })
  const now = live(
    { externalIPs: ['198.51.100.1'] },
    managed({
      'f:externalIPs': {},
      'f:ports': {
        'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {}, 'f:targetPort': {}, 'f:name': {} },
      },
    }),
  )
  assert.is((await lay([now], [service(SPEC)])).web?.spec?.externalIPs, undefined)
  const other = live({ externalIPs: ['198.51.100.1'] }, managed({ 'f:selector': {} }))
  assert.equal((await lay([other], [service(SPEC)])).web?.spec?.externalIPs, ['198.51.100.1'])
})

test('manifests from before tell the same', async () => {
  const snapshot = [live({ sessionAffinity: 'ClientIP', externalIPs: ['198.51.100.1'] })]
  const was = await cluster([service({ ...SPEC, sessionAffinity: 'ClientIP' })])
  const { web, worth } = await lay(snapshot, [service(SPEC)], { was })
  assert.is(web?.spec?.sessionAffinity, 'None')
  assert.equal(worth, [])
})

test('without evidence reset is assumed, and said once', async () => {
  const second = live(
    { sessionAffinity: 'ClientIP', clusterIP: '10.96.7.8', clusterIPs: ['10.96.7.8'] },
    { metadata: { name: 'db' } },
  )
  const { web, worth, diagnostics } = await lay(
    [live({ sessionAffinity: 'ClientIP' }), second],
    [service(SPEC), service(SPEC, { metadata: { name: 'db' } })],
  )
  assert.is(web?.spec?.sessionAffinity, 'None')
  assert.equal(worth, ['warning RESET_ASSUMED'])
  assert.match(diagnostics.find(({ code }) => code === 'RESET_ASSUMED')?.message ?? '', /shop\/db.*shop\/web/)
})

test('an explicit null resets whatever set it', async () => {
  const { web } = await lay(
    [live({ externalIPs: ['198.51.100.1'] }, applied(SPEC))],
    [service({ ...SPEC, externalIPs: null })],
  )
  assert.is(web?.spec?.externalIPs, undefined)
})

test('keys of a selector are merged one by one', async () => {
  const now = live(
    { selector: { app: 'web', tier: 'front', edited: 'yes' } },
    applied({ ...SPEC, selector: { app: 'web', tier: 'front' } }),
  )
  assert.equal((await lay([now], [service(SPEC)])).web?.spec?.selector, { edited: 'yes', app: 'web' })
})

test('a renamed port of the same number keeps its node port', async () => {
  const { web, marks } = await lay(
    [live(NODE_PORT)],
    [service({ ...SPEC, type: 'NodePort', ports: [{ name: 'www', port: 80, targetPort: 8080 }] })],
  )
  assert.equal([web?.spec?.ports?.[0]?.name, web?.spec?.ports?.[0]?.nodePort], ['www', 30080])
  assert.equal(marks, [])
})

test('a new number under an old name keeps its node port', async () => {
  const { web, marks } = await lay(
    [live(NODE_PORT)],
    [service({ ...SPEC, type: 'NodePort', ports: [{ name: 'http', port: 81, targetPort: 8080 }] })],
  )
  assert.equal(
    [web?.spec?.ports?.length, web?.spec?.ports?.[0]?.port, web?.spec?.ports?.[0]?.nodePort],
    [1, 81, 30080],
  )
  assert.equal(marks, [])
})

test('one number for TCP and UDP is two ports', async () => {
  const ports = [
    { name: 'dns', port: 53, protocol: 'UDP', targetPort: 53, nodePort: 30053 },
    { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 53, nodePort: 30054 },
  ]
  const { web } = await lay(
    [live({ ...NODE_PORT, ports })],
    [
      service({
        type: 'NodePort',
        selector: { app: 'web' },
        ports: ports.map(({ nodePort: _port, ...port }) => port).reverse(),
      }),
    ],
  )
  assert.equal(
    web?.spec?.ports?.map(({ protocol, nodePort }) => `${protocol} ${nodePort}`),
    ['TCP 30054', 'UDP 30053'],
  )
})

test('a port that somebody else added stays; one that an apply had set goes', async () => {
  const ports = [SPEC.ports[0], { name: 'debug', port: 6060, protocol: 'TCP', targetPort: 6060 }] as Record<
    string,
    unknown
  >[]
  const names = async (was: Record<string, unknown>) =>
    (await lay([live({ ports }, applied(was))], [service(SPEC)])).web?.spec?.ports?.map(({ name }) => name)
  assert.equal(await names(SPEC), ['http', 'debug'])
  assert.equal(await names({ ...SPEC, ports }), ['http'])
})

/** Type before, fields of the manifest, and what is left: type, cluster IP, node port, VIP. */
const CLUSTER = live()
const PORT = live(NODE_PORT)
const BALANCER = live(BALANCED, VIP)
const EXTERNAL = service({ type: 'ExternalName', externalName: 'db.example.org' })
for (const [change, before, spec, expected] of [
  ['ClusterIP to NodePort', CLUSTER, { type: 'NodePort' }, ['10.96.7.7', 'assumed', undefined]],
  ['ClusterIP to LoadBalancer', CLUSTER, { type: 'LoadBalancer' }, ['10.96.7.7', 'assumed', undefined]],
  [
    'ClusterIP to LoadBalancer without node ports',
    CLUSTER,
    { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false },
    ['10.96.7.7', undefined, undefined],
  ],
  ['NodePort to ClusterIP', PORT, {}, ['10.96.7.7', undefined, undefined]],
  ['NodePort to LoadBalancer', PORT, { type: 'LoadBalancer' }, ['10.96.7.7', 30080, undefined]],
  ['LoadBalancer to NodePort', BALANCER, { type: 'NodePort' }, ['10.96.7.7', 30080, undefined]],
  ['LoadBalancer to ClusterIP', BALANCER, { type: 'ClusterIP' }, ['10.96.7.7', undefined, undefined]],
  [
    'LoadBalancer stays, node ports are no longer allocated',
    BALANCER,
    { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false },
    ['10.96.7.7', 30080, '203.0.113.9'],
  ],
  [
    'ClusterIP to ExternalName',
    CLUSTER,
    { type: 'ExternalName', externalName: 'a.example.org' },
    [undefined, undefined, undefined],
  ],
  [
    'LoadBalancer to ExternalName',
    BALANCER,
    { type: 'ExternalName', externalName: 'a.example.org' },
    [undefined, undefined, undefined],
  ],
  ['ExternalName to ClusterIP', EXTERNAL, { type: 'ClusterIP' }, ['assumed', undefined, undefined]],
  ['ExternalName to headless', EXTERNAL, { clusterIP: 'None' }, ['None', undefined, undefined]],
  ['ExternalName to NodePort', EXTERNAL, { type: 'NodePort' }, ['assumed', 'assumed', undefined]],
] as const) {
  test(`${change}: what is released, kept and given`, async () => {
    const { web, marks, worth } = await lay([before], [service({ ...SPEC, ...spec })])
    const value = (field: string, found: unknown) => (marks.includes(field) ? 'assumed' : found)
    assert.equal(
      [
        value('spec.clusterIPs.0', web?.spec?.clusterIP),
        value('spec.ports.0.nodePort', web?.spec?.ports?.[0]?.nodePort),
        web?.status?.loadBalancer?.ingress?.[0]?.ip,
      ],
      expected,
    )
    assert.equal(
      worth.filter((text) => !text.includes('RESET_ASSUMED')),
      [],
    )
  })
}

test('fields that a type has no use for go with it', async () => {
  const { web } = await lay(
    [
      live(
        { ...BALANCED, externalTrafficPolicy: 'Local', healthCheckNodePort: 31000, loadBalancerClass: 'x' },
        VIP,
      ),
    ],
    [service({ ...SPEC, type: 'ClusterIP' })],
  )
  for (const field of [
    'externalTrafficPolicy',
    'healthCheckNodePort',
    'loadBalancerClass',
    'allocateLoadBalancerNodePorts',
  ])
    assert.not.ok(field in (web?.spec ?? {}), field)
})

test('a policy that needs a health-check port gets one, and gives it back', async () => {
  const local = await lay(
    [live(BALANCED, VIP)],
    [service({ ...SPEC, type: 'LoadBalancer', externalTrafficPolicy: 'Local' })],
  )
  assert.equal(local.marks, ['spec.healthCheckNodePort'])
  assert.ok((local.web?.spec?.healthCheckNodePort ?? 0) >= 30000)
  const back = await lay(
    [live({ ...BALANCED, externalTrafficPolicy: 'Local', healthCheckNodePort: 31000 }, VIP)],
    [service({ ...SPEC, type: 'LoadBalancer', externalTrafficPolicy: 'Cluster' })],
  )
  assert.is(back.web?.spec?.healthCheckNodePort, undefined)
})

const HEADLESS = live({ clusterIP: 'None', clusterIPs: ['None'] })
for (const [change, before, spec, assumed] of [
  ['becomes headless', CLUSTER, { clusterIP: 'None' }, []],
  ['is no longer headless', HEADLESS, { clusterIP: '10.96.7.9' }, []],
  ['another cluster IP', CLUSTER, { clusterIP: '10.96.7.9' }, []],
  ['another family', CLUSTER, { ipFamilies: ['IPv6'] }, ['spec.clusterIPs.0']],
] as const) {
  test(`${change}: it has to be deleted and created again`, async () => {
    const { web, worth, marks, diagnostics } = await lay([before], [service({ ...SPEC, ...spec })], {
      serviceCIDRs: ['10.96.0.0/16', 'fd00:1::/112'],
    })
    assert.equal(
      worth.filter((text) => !text.endsWith('UNKNOWN')),
      ['warning RECREATE_NEEDED'],
    )
    assert.match(
      diagnostics.find(({ code }) => code === 'RECREATE_NEEDED')?.message ?? '',
      /deleted and created again/,
    )
    assert.equal(marks, assumed)
    if ('clusterIP' in spec) assert.is(web?.spec?.clusterIP, spec.clusterIP)
    assert.not.ok(web?.spec?.clusterIP === '10.96.7.7')
  })
}

test('a headless Service whose manifest drops clusterIP: None stays headless, with a warning', async () => {
  const { web, worth } = await lay([HEADLESS], [service(SPEC)])
  assert.is(web?.spec?.clusterIP, 'None')
  assert.equal(worth, ['warning STAYS_HEADLESS'])
})

test('a second family is added and given back in place', async () => {
  const options = { serviceCIDRs: ['10.96.0.0/16', 'fd00:1::/112'] }
  const dual = await lay([live()], [service({ ...SPEC, ipFamilyPolicy: 'PreferDualStack' })], options)
  assert.equal(dual.web?.spec?.ipFamilies, ['IPv4', 'IPv6'])
  assert.is(dual.web?.spec?.clusterIPs?.[0], '10.96.7.7')
  assert.match(dual.web?.spec?.clusterIPs?.[1] ?? '', /^fd00:1::/)
  assert.equal(dual.marks, ['spec.clusterIPs.1'])
  const before = live({
    ipFamilyPolicy: 'PreferDualStack',
    ipFamilies: ['IPv4', 'IPv6'],
    clusterIPs: ['10.96.7.7', 'fd00:1::7'],
  })
  const single = await lay([before], [service({ ...SPEC, ipFamilyPolicy: 'SingleStack' })], options)
  assert.equal(single.web?.spec?.clusterIPs, ['10.96.7.7'])
  assert.equal(single.web?.spec?.ipFamilies, ['IPv4'])
})

test('a cluster that became dual-stack leaves its Services as they are', async () => {
  const before = live({ ipFamilyPolicy: 'PreferDualStack' })
  const { web, marks } = await lay([before], [service({ ...SPEC, ipFamilyPolicy: 'PreferDualStack' })], {
    serviceCIDRs: ['10.96.0.0/16', 'fd00:1::/112'],
  })
  assert.equal(web?.spec?.clusterIPs, ['10.96.7.7'])
  assert.equal(marks, [])
})

test('two families on a cluster of one are refused', async () => {
  const { worth } = await lay([live()], [service({ ...SPEC, ipFamilyPolicy: 'RequireDualStack' })], {
    serviceCIDRs: ['10.96.0.0/16'],
  })
  assert.equal(worth, ['error SERVICE_REFUSED'])
})

test('a misspelt field is named with the nearest, and decides nothing', async () => {
  const { worth, diagnostics } = await lay(
    [live(BALANCED, VIP)],
    [service({ ...SPEC, type: 'LoadBalancer', LoadBalancerIP: '203.0.113.7' })],
  )
  assert.equal(worth, ['warning FIELD_UNKNOWN'])
  assert.is(diagnostics.find(({ code }) => code === 'FIELD_UNKNOWN')?.expected, 'loadBalancerIP')
})

test('a load balancer address that is asked for anew is assumed', async () => {
  const { web, marks } = await lay(
    [live(BALANCED, VIP)],
    [service({ ...SPEC, type: 'LoadBalancer', loadBalancerIP: '203.0.113.7' })],
  )
  assert.is(web?.status?.loadBalancer?.ingress?.[0]?.ip, '203.0.113.7')
  assert.equal(marks, ['status.loadBalancer.ingress.0.ip'])
})

test('an address that was asked for before and not given is none', async () => {
  const { web, marks } = await lay(
    [live({ ...BALANCED, loadBalancerIP: '203.0.113.7' }, VIP)],
    [service({ ...SPEC, type: 'LoadBalancer', loadBalancerIP: '203.0.113.7' })],
  )
  assert.is(web?.status?.loadBalancer?.ingress?.[0]?.ip, '203.0.113.9')
  assert.equal(marks, [])
})

test('labels and annotations that decide nothing are noise', async () => {
  const { web } = await lay(
    [live({}, { metadata: { labels: { a: 'b' } } })],
    [service(SPEC, { metadata: { labels: { app: 'web' } } })],
  )
  assert.equal(web?.metadata.labels, { a: 'b', app: 'web' })
})

test('a Service that belongs to a controller is named with its owner', async () => {
  const owned = live(
    {},
    { metadata: { ownerReferences: [{ kind: 'Cluster', name: 'pg', controller: true }] } },
  )
  assert.equal((await lay([owned], [service(SPEC)])).worth, ['warning OWNED_BY_CONTROLLER'])
})

test('what only the manifests from before hold is gone, with its endpoints', async () => {
  const was = await cluster([service(SPEC)])
  const result = desired(await cluster([live()]), await cluster([]), { was })
  assert.equal(result.cluster.services, [])
  assert.equal(
    result.diagnostics.map(({ code }) => code),
    ['OBJECT_GONE'],
  )
  assert.match(result.diagnostics[0]?.message ?? '', /if your tool prunes/)
})

test('what may lie in a part that is not rendered stays', async () => {
  const was = await cluster([service(SPEC)])
  const now = {
    ...(await cluster([])),
    unrendered: [{ kind: 'template' as const, source: 't.yaml', services: ['web'] }],
  }
  const result = desired(await cluster([live()]), now, { was })
  assert.is(result.cluster.services.length, 1)
  assert.equal(
    result.diagnostics.map(({ code }) => code),
    ['OBJECT_UNKNOWN'],
  )
})

test('a snapshot given as manifests is named, and nothing is lost', async () => {
  const { worth, web } = await lay([live()], [live(), node(), pod('a', '10.0.0.1')])
  assert.equal(worth, ['warning MANIFEST_IS_SNAPSHOT'])
  assert.is(web?.spec?.clusterIP, '10.96.7.7')
})

test.run()
