import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cluster, compile, desired, read } from '../../src/index.ts'
import { cluster, lay, live, node, pod, service, withHandles } from './objects.ts'

/** A new Service: its addresses are assumed. How the API server chooses: kubernetes.io, "Service ClusterIP allocation". */

const SPEC = { selector: { app: 'web' }, ports: [{ port: 80 }] }
const named = (name: string, spec: Record<string, unknown> = SPEC) => service(spec, { metadata: { name } })
const addressOf = ({ services }: Cluster, name: string) =>
  services.find(({ object }) => object.metadata.name === name)?.object.spec?.clusterIP

test('cluster IP and node port are assumed, marked, and inside of the ranges', async () => {
  const { web, marks, codes } = await lay([], [service({ ...SPEC, type: 'NodePort' })], {
    serviceCIDRs: ['10.20.0.0/24'],
    nodePortRange: '31000-31009',
  })
  assert.match(web?.spec?.clusterIP ?? '', /^10\.20\.0\.\d+$/)
  const port = web?.spec?.ports?.[0]?.nodePort ?? 0
  assert.ok(port >= 31000 && port <= 31009)
  assert.equal(marks, ['spec.clusterIPs.0', 'spec.ports.0.nodePort'])
  assert.ok(codes.includes('ASSUMED_VALUE'))
  assert.not.ok(codes.includes('SERVICE_CIDR_INFERRED'))
})

test('they are the same in every run, and no newcomer moves another', async () => {
  const alone = await lay([], [named('web')])
  const both = await lay([], [named('a'), named('web'), named('z')])
  assert.is(alone.web?.spec?.clusterIP, both.web?.spec?.clusterIP)
})

test('one that is taken is never given', async () => {
  const { web } = await lay([], [named('web')], { serviceCIDRs: ['10.20.0.0/28'] })
  const taken = web?.spec?.clusterIP as string
  const other = live({ clusterIP: taken, clusterIPs: [taken] }, { metadata: { name: 'db' } })
  const moved = await lay([other], [named('web')], { serviceCIDRs: ['10.20.0.0/28'] })
  assert.is.not(moved.web?.spec?.clusterIP, taken)
})

test('a full range is said', async () => {
  const all = Array.from({ length: 7 }, (_, index) => named(`s${index}`))
  const { worth, cluster: laid } = await lay([], all, { serviceCIDRs: ['10.20.0.0/29'] })
  assert.equal(worth, ['error SERVICE_REFUSED'])
  assert.is(new Set(laid.services.map(({ object }) => object.spec?.clusterIP)).size, 6)
})

test('TCP and UDP of one number share a node port', async () => {
  const ports = [
    { name: 'dns', port: 53, protocol: 'UDP' },
    { name: 'dns-tcp', port: 53, protocol: 'TCP' },
  ]
  const { web } = await lay([], [service({ ...SPEC, type: 'NodePort', ports })])
  const [udp, tcp] = web?.spec?.ports ?? []
  assert.is(udp?.nodePort, tcp?.nodePort)
})

for (const [where, more] of [
  [
    'ServiceCIDR objects',
    [
      {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'ServiceCIDR',
        metadata: { name: 'kubernetes' },
        spec: { cidrs: ['172.20.0.0/16'] },
      },
    ],
  ],
  [
    "kubeadm's ClusterConfiguration",
    [
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'kubeadm-config' },
        data: { ClusterConfiguration: 'networking:\n  serviceSubnet: 172.20.0.0/16\n' },
      },
    ],
  ],
  [
    'flags of an API server',
    [
      {
        ...pod('kube-apiserver-a', '192.0.2.1', {
          spec: { containers: [{ command: ['kube-apiserver', '--service-cluster-ip-range=172.20.0.0/16'] }] },
        }),
        metadata: { name: 'kube-apiserver-a', namespace: 'kube-system' },
      },
    ],
  ],
] as const) {
  test(`networks come from ${where}`, async () => {
    const { web, codes } = await lay(more, [named('web')])
    assert.match(web?.spec?.clusterIP ?? '', /^172\.20\./)
    assert.not.ok(codes.includes('SERVICE_CIDR_INFERRED'))
  })
}

test('otherwise they are inferred from addresses in use, and that is said', async () => {
  const db = live({ clusterIP: '10.3.0.10', clusterIPs: ['10.3.0.10'] }, { metadata: { name: 'db' } })
  const { web, codes } = await lay([db], [named('web')])
  assert.match(web?.spec?.clusterIP ?? '', /^10\.3\./)
  assert.ok(codes.includes('SERVICE_CIDR_INFERRED'))
})

test('headless and ExternalName Services have nothing to assume', async () => {
  for (const spec of [
    { ...SPEC, clusterIP: 'None' },
    { type: 'ExternalName', externalName: 'a.example.org' },
  ])
    assert.equal((await lay([], [service(spec)])).marks, [])
})

test('what a manifest states is not assumed', async () => {
  const { web, marks } = await lay(
    [],
    [service({ ...SPEC, clusterIP: '10.96.1.1', type: 'NodePort', ports: [{ port: 80, nodePort: 30080 }] })],
  )
  assert.is(web?.spec?.clusterIP, '10.96.1.1')
  assert.equal(marks, [])
})

test('two families get an address each', async () => {
  const { web } = await lay([], [service({ ...SPEC, ipFamilyPolicy: 'RequireDualStack' })])
  assert.is(web?.spec?.clusterIPs?.length, 2)
  assert.equal(web?.spec?.ipFamilies, ['IPv4', 'IPv6'])
})

test('a LoadBalancer without status has no VIP and says so', async () => {
  const { web, codes } = await lay(
    [],
    [
      service(
        { ...SPEC, type: 'LoadBalancer' },
        { status: { loadBalancer: { ingress: [{ ip: '203.0.113.1' }] } } },
      ),
    ],
  )
  assert.is(web?.status, undefined)
  assert.ok(codes.includes('LOAD_BALANCER_PENDING'))
})

test('values assumed on one side stay on the other', async () => {
  const [a, b] = [
    await cluster([named('web')]),
    await cluster([named('a'), named('web', { ...SPEC, type: 'NodePort' })]),
  ]
  const from = desired(await cluster([]), a)
  const to = withHandles(desired(from.cluster, b, { was: a }))
  assert.is(to.web?.spec?.clusterIP, addressOf(from.cluster, 'web'))
  assert.equal(to.marks, ['spec.clusterIPs.0', 'spec.ports.0.nodePort'])
})

test('a value that somebody states makes an assumed one move', async () => {
  const from = desired(await cluster([]), await cluster([named('web')]))
  const address = addressOf(from.cluster, 'web') as string
  const to = withHandles(desired(from.cluster, await cluster([named('a', { ...SPEC, clusterIP: address })])))
  assert.is(addressOf(to.cluster, 'a'), address)
  assert.is.not(to.web?.spec?.clusterIP, address)
  assert.equal(to.marks, ['spec.clusterIPs.0'])
})

test('what is stated later is no longer assumed', async () => {
  const from = desired(await cluster([]), await cluster([named('web')]))
  const address = addressOf(from.cluster, 'web') as string
  const to = withHandles(
    desired(from.cluster, await cluster([named('web', { ...SPEC, clusterIP: address })])),
  )
  assert.equal(to.marks, [])
  assert.equal(to.assumed, [])
})

test('provenance marks what is assumed', async () => {
  const { cluster: laid } = await lay(
    [node()],
    [service({ ...SPEC, type: 'NodePort', externalIPs: ['198.51.100.1'] })],
  )
  const { provenance } = compile(laid, { node: 'n1' })
  const marks = new Map(
    provenance?.virtualServers.map(({ item, field, assumed }) => [
      field,
      assumed ? `${item.split(' ')[0]} assumed` : '',
    ]),
  )
  assert.is(marks.get('spec.externalIPs'), '')
  assert.match(marks.get('spec.clusterIPs') ?? '', /assumed$/)
  assert.match(marks.get('spec.ports.nodePort') ?? '', /assumed$/)
})

test('objects without a namespace go where they are told', async () => {
  const { cluster: manifests } = await read([
    {
      name: 'a.json',
      text: JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: SPEC }),
    },
  ])
  assert.is(
    desired(await cluster([]), manifests, { namespace: 'prod' }).cluster.services[0]?.object.metadata
      .namespace,
    'prod',
  )
  assert.is(desired(await cluster([]), manifests).cluster.services[0]?.object.metadata.namespace, 'default')
})

test('a namespace that the snapshot does not have is a note', async () => {
  const { codes } = await lay([live()], [service(SPEC, { metadata: { namespace: 'other' } })])
  assert.ok(codes.includes('NAMESPACE_UNKNOWN'))
})

test('a node port of a ClusterIP Service is refused', async () => {
  assert.equal((await lay([], [service({ ...SPEC, ports: [{ port: 80, nodePort: 30080 }] })])).worth, [
    'error SERVICE_REFUSED',
  ])
})

test('a variable in a selector is an error', async () => {
  assert.equal((await lay([], [service({ ...SPEC, selector: { app: '$' + '{APP}' } })])).worth, [
    'error VARIABLE_NOT_SUBSTITUTED',
  ])
})

test.run()
