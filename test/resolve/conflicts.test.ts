import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cluster, compile } from '../../src/index.ts'

const test = suite('conflicts')

const origin = { source: 'test', document: 0, path: [] }
const NODE = {
  kind: 'Node',
  metadata: { name: 'node-1' },
  status: { addresses: [{ type: 'InternalIP', address: '192.168.0.1' }] },
}

const service = (name: string, created: string | null, spec: object) => ({
  object: {
    kind: 'Service',
    metadata: { name, namespace: 'shop', ...(created === null ? {} : { creationTimestamp: created }) },
    spec,
  },
  origin,
})

const cluster = (...services: readonly object[]): Cluster =>
  ({
    services,
    endpointSlices: [],
    endpoints: [],
    nodes: [{ object: NODE, origin }],
    configurations: [],
  }) as unknown as Cluster

/** A node port is claimed at each address of the node, which another Service has as its external IP. */
const onNode = (port: string | null, external: string | null): readonly [object, object] => [
  service('a', port, {
    type: 'NodePort',
    clusterIP: '10.96.0.1',
    ports: [{ name: 'http', protocol: 'TCP', port: 80, nodePort: 30080 }],
  }),
  service('a-b', external, {
    clusterIP: '10.96.0.2',
    externalIPs: ['192.168.0.1'],
    ports: [{ name: 'http', protocol: 'TCP', port: 30080 }],
  }),
]

test('on a node, the older Service has an address that two claim, in whatever order they come', () => {
  const [early, late] = ['2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z']
  for (const [port, external, winner, loser] of [
    [early, late, 'a', 'a-b'],
    [late, early, 'a-b', 'a'],
    [early, null, 'a', 'a-b'],
    [null, null, 'a', 'a-b'],
  ] as const) {
    const services = onNode(port, external)
    for (const list of [services, [...services].reverse()])
      for (const onConflict of ['error', 'first'] as const) {
        const { owners, diagnostics } = compile(cluster(...list), { node: 'node-1', onConflict })
        const found = diagnostics.filter(({ code }) => code === 'ADDRESS_DUPLICATE')
        assert.equal(
          found.map(({ subject, severity, found }) => [subject?.name, severity, found]),
          [[loser, onConflict === 'error' ? 'error' : 'warning', 'tcp 192.168.0.1:30080']],
        )
        if (onConflict === 'error') continue
        const key = { address: '192.168.0.1', port: 30080, protocol: 'tcp' } as const
        assert.equal(
          owners?.virtualServer(key).map((owner) => owner.service),
          [`shop/${winner}`],
        )
      }
  }
})

test('in a cluster, an IPv6 address is written in brackets, and a node port without its family', () => {
  const spec = (port: object) => ({ type: 'NodePort', ports: [{ protocol: 'TCP', ...port }] })
  const { diagnostics } = compile(
    cluster(
      service('one', null, { ...spec({ port: 80, nodePort: 30080 }), clusterIP: 'fd00::1' }),
      service('two', null, { ...spec({ port: 80, nodePort: 30081 }), clusterIP: 'fd00::1' }),
      service('three', null, { ...spec({ port: 80, nodePort: 30080 }), clusterIP: '10.96.0.3' }),
      service('four', null, { ...spec({ port: 80, nodePort: 30080 }), clusterIP: '10.96.0.4' }),
    ),
    { node: 'node-1' },
  )
  assert.equal(
    diagnostics.filter(({ code }) => code === 'ADDRESS_DUPLICATE').map(({ found }) => found),
    ['tcp node port 30080', 'tcp [fd00::1]:80'],
  )
})

test.run()
