import fc from 'fast-check'
import type { Cluster } from '../../src/index.ts'

/** Clusters as an API server could hold them: every feature of a Service, some of its values wrong. */

const ipv4 = fc
  .tuple(fc.constantFrom(10, 172, 203), fc.nat(3), fc.nat(3), fc.integer({ min: 1, max: 9 }))
  .map((parts) => parts.join('.'))
const ipv6 = fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 9 })).map(([a, b]) => `fd00:${a}::${b}`)
const address = fc.oneof({ weight: 3, arbitrary: ipv4 }, { weight: 1, arbitrary: ipv6 })
const port = fc.constantFrom(53, 80, 443, 8080)
const nodePort = fc.integer({ min: 30000, max: 32767 })
const protocol = fc.constantFrom('TCP', 'UDP', 'SCTP')
const policy = fc.constantFrom('Cluster', 'Local', null)
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null })
const name = fc.constantFrom('web', 'dns', 'db', 'cache', 'mail')
const portName = fc.constantFrom('a', 'b')
const nodeName = fc.constantFrom('node-1', 'node-2')

const origin = { source: 'generated', document: 0, path: [] }

const service = fc.record({
  kind: fc.constant('Service' as const),
  metadata: fc.record({
    name,
    namespace: fc.constantFrom('default', 'shop'),
    creationTimestamp: maybe(fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z')),
    annotations: maybe(fc.record({ 'ipvsc.dev/scheduler': fc.constantFrom('rr', 'sh', 'mh', 'nonsense') })),
  }),
  spec: fc.record({
    type: fc.constantFrom('ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName', null),
    clusterIP: fc.oneof(address, fc.constantFrom('None', '', null)),
    clusterIPs: maybe(fc.array(address, { maxLength: 2 })),
    externalIPs: maybe(fc.array(address, { maxLength: 3 })),
    ports: maybe(
      fc.array(fc.record({ name: portName, protocol, port, nodePort: maybe(nodePort) }), { maxLength: 3 }),
    ),
    sessionAffinity: fc.constantFrom('None', 'ClientIP', null),
    externalTrafficPolicy: policy,
    internalTrafficPolicy: policy,
    healthCheckNodePort: maybe(nodePort),
    loadBalancerSourceRanges: maybe(
      fc.array(fc.constantFrom('0.0.0.0/0', '::/0', '10.0.0.0/8', '192.168.0.0/16', '203.0.113.7/32'), {
        maxLength: 3,
      }),
    ),
  }),
  status: fc.record({
    loadBalancer: fc.record({
      ingress: maybe(
        fc.array(fc.record({ ip: maybe(address), ipMode: fc.constantFrom('VIP', 'Proxy', null) }), {
          maxLength: 2,
        }),
      ),
    }),
  }),
})

const hints = fc.record({
  forZones: maybe(fc.array(fc.record({ name: fc.constantFrom('zone-a', 'zone-b') }), { maxLength: 2 })),
  forNodes: maybe(fc.array(fc.record({ name: nodeName }), { maxLength: 2 })),
})

const slice = fc
  .record({
    service: name,
    namespace: fc.constantFrom('default', 'shop'),
    number: fc.nat(9),
    addressType: fc.constantFrom('IPv4' as const, 'IPv6' as const),
    endpoints: maybe(
      fc.array(
        fc.record({
          addresses: fc.array(address, { minLength: 1, maxLength: 1 }),
          conditions: maybe(
            fc.record({
              ready: maybe(fc.boolean()),
              serving: maybe(fc.boolean()),
              terminating: maybe(fc.boolean()),
            }),
          ),
          nodeName: maybe(nodeName),
          hints: maybe(hints),
        }),
        { maxLength: 4 },
      ),
    ),
    ports: maybe(fc.array(fc.record({ name: portName, protocol, port: maybe(port) }), { maxLength: 3 })),
  })
  .map(({ service: owner, namespace, number, ...rest }) => ({
    kind: 'EndpointSlice' as const,
    metadata: { name: `${owner}-${number}`, namespace, labels: { 'kubernetes.io/service-name': owner } },
    ...rest,
  }))

const subsetAddress = fc.record({ ip: address, nodeName: maybe(nodeName) })

/** Legacy objects, which count where a Service has no slice: some of their pods serve others, too. */
const endpoints = fc.record({
  kind: fc.constant('Endpoints' as const),
  metadata: fc.record({ name, namespace: fc.constantFrom('default', 'shop') }),
  subsets: maybe(
    fc.array(
      fc.record({
        addresses: maybe(fc.array(subsetAddress, { maxLength: 3 })),
        notReadyAddresses: maybe(fc.array(subsetAddress, { maxLength: 1 })),
        ports: maybe(fc.array(fc.record({ name: portName, protocol, port }), { maxLength: 2 })),
      }),
      { maxLength: 2 },
    ),
  ),
})

const NODE = {
  kind: 'Node' as const,
  metadata: { name: 'node-1', labels: { 'topology.kubernetes.io/zone': 'zone-a' } },
  spec: { podCIDRs: ['10.0.0.0/24'] },
  status: {
    addresses: [
      { type: 'InternalIP', address: '192.168.0.1' },
      { type: 'InternalIP', address: 'fd00:192::1' },
    ],
  },
}

const byName = <T extends { metadata: { name: string; namespace: string } }>(objects: readonly T[]) => [
  ...new Map(
    objects.map((object) => [`${object.metadata.namespace}/${object.metadata.name}`, { object, origin }]),
  ).values(),
]

export const clusters: fc.Arbitrary<Cluster> = fc
  .record({
    services: fc.array(service, { maxLength: 6 }),
    slices: fc.array(slice, { maxLength: 8 }),
    legacy: fc.array(endpoints, { maxLength: 3 }),
  })
  .map(({ services, slices, legacy }) => ({
    services: byName(services),
    endpointSlices: byName(slices),
    endpoints: byName(legacy),
    nodes: [{ object: NODE, origin }],
    configurations: [],
  })) as fc.Arbitrary<Cluster>
