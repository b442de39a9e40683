import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Cluster,
  type CompileOptions,
  type CompileResult,
  compile,
  compileNodes,
  formatPlan,
  formatProvenance,
  makeBundle,
  SharedBytes,
} from '../../src/index.ts'
import { clusters } from '../support/arbitraries.ts'
import { SEED } from '../support/sample.ts'
import { deepFreeze } from '../support/shuffle.ts'

const test = suite('compile: several nodes')

const origin = { source: 'generated', document: 0, path: [] }

const nodeOf = (name: string, zone: string | null, addresses: readonly string[]) => ({
  object: {
    kind: 'Node' as const,
    metadata: { name, labels: zone === null ? {} : { 'topology.kubernetes.io/zone': zone } },
    spec: { podCIDRs: [`10.9.${name.slice(-1)}.0/24`] },
    status: { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) },
  },
  origin,
})

/** Zones, families and addresses differ; some of the addresses are such as Services ask for, too. */
const NODES = [
  nodeOf('node-1', 'zone-a', ['192.168.0.1', 'fd00:192::1']),
  nodeOf('node-2', 'zone-b', ['192.168.0.2']),
  nodeOf('node-3', null, ['fd00:192::3']),
  nodeOf('node-4', 'zone-a', []),
  nodeOf('node-5', 'zone-b', ['10.0.0.1', '172.1.1.2', 'fd00:1::2']),
  nodeOf('node-6', 'zone-b', ['10.1.1.1', '203.2.2.3', '10.0.1.2', '10.2.0.4', 'fd00:0::1']),
]
const NAMES = NODES.map(({ object }) => object.metadata.name)

/** With many nodes, and node ports that are ports of Services: where a node has the address of one, both claim it. */
const manyNodes = fc
  .tuple(clusters, fc.array(fc.constantFrom(53, 80, 443, 8080, null), { minLength: 6, maxLength: 6 }))
  .map(([cluster, nodePorts]) => ({
    ...cluster,
    nodes: NODES,
    services: cluster.services.map((service, index) => {
      const { spec } = service.object
      const ports = spec?.ports?.map((port) => ({ ...port, nodePort: nodePorts[index] ?? port.nodePort }))
      return { ...service, object: { ...service.object, spec: { ...spec, ports } } }
    }),
  })) as fc.Arbitrary<Cluster>

/** All that a result says, in texts that can be compared. */
const told = ({ plan, provenance, owners, ...rest }: CompileResult) => ({
  plan: plan && formatPlan(plan),
  provenance: provenance && formatProvenance(provenance),
  addresses: plan?.dummyInterface.addresses.map((address) => owners?.address(address)),
  servers: plan?.virtualServers.map((server) => owners?.virtualServer(server)),
  ...rest,
})

const OPTIONS: readonly Omit<CompileOptions, 'node'>[] = [
  { onConflict: 'first', quarantine: true },
  { onConflict: 'error', quarantine: true },
  { families: ['ipv6'], quarantine: true, prerequisites: 'set' },
]

test('each of several nodes is compiled as if it were alone', () => {
  fc.assert(
    fc.property(manyNodes, fc.constantFrom(...OPTIONS), (cluster, options) => {
      const together = compileNodes(deepFreeze(cluster), { ...options, nodes: NAMES })
      for (const [index, node] of NAMES.entries())
        assert.equal(told(together[index] as CompileResult), told(compile(cluster, { ...options, node })))
    }),
    { numRuns: 150, seed: SEED },
  )
})

test('bundles that are laid out together are those that are laid out alone', () => {
  fc.assert(
    fc.property(manyNodes, (cluster) => {
      const shared = new SharedBytes()
      for (const [index, result] of compileNodes(cluster, { ...OPTIONS[0], nodes: NAMES }).entries()) {
        const { plan, provenance, counts } = result
        assert.ok(plan)
        const input = { node: NAMES[index] as string, plan, provenance, counts, quarantined: [] }
        const [together, alone] = [makeBundle({ ...input, shared }), makeBundle(input)]
        assert.equal(together.manifest, alone.manifest)
        for (const [name, bytes] of alone.files)
          assert.is(
            Buffer.from(together.files.get(name) ?? []).toString(),
            Buffer.from(bytes).toString(),
            name,
          )
      }
    }),
    { numRuns: 25, seed: SEED },
  )
})

test('a plan that has a virtual server twice is refused, laid out together or alone', () => {
  const server = {
    address: '10.5.0.1',
    port: 80,
    protocol: 'tcp',
    scheduler: 'rr',
    flags: [],
    persistence: null,
    realServers: [],
  } as const
  const { plan } = compile(
    { services: [], endpointSlices: [], endpoints: [], nodes: NODES, configurations: [] },
    { node: 'node-1' },
  )
  assert.ok(plan)
  const input = {
    node: 'node-1',
    plan: { ...plan, virtualServers: [server, server] },
    provenance: null,
    counts: {},
    quarantined: [],
  }
  assert.throws(() => makeBundle(input), /ipvs.restore does not read back/)
  assert.throws(() => makeBundle({ ...input, shared: new SharedBytes() }), /ipvs.restore does not read back/)
})

test('what nodes have in common is one object', () => {
  const service = (name: string, address: string, spec: object = {}) => ({
    object: {
      kind: 'Service' as const,
      metadata: { name, namespace: 'default' },
      spec: { clusterIP: address, ports: [{ name: 'a', port: 80, nodePort: 30080 }], ...spec },
    },
    origin,
  })
  const cluster: Cluster = {
    services: [service('one', '10.5.0.1', { type: 'NodePort' })],
    endpointSlices: [],
    endpoints: [],
    nodes: NODES,
    configurations: [],
  }
  const [one, two] = compileNodes(cluster, { nodes: ['node-1', 'node-2'], families: ['ipv4'] })
  assert.ok(one?.plan && two?.plan)
  assert.is(one.plan.virtualServers.length, 2)
  assert.is(one.plan.virtualServers[0], two.plan.virtualServers[0])
  assert.is.not(one.plan.virtualServers[1], two.plan.virtualServers[1])
  assert.is(one.plan.tables[0], two.plan.tables[0])
  assert.is(one.plan.dummyInterface.addresses, two.plan.dummyInterface.addresses)
  const shared = one.plan.sets.filter((set) => two.plan?.sets.includes(set)).map(({ name }) => name)
  assert.ok(shared.includes('KUBE-CLUSTER-IP') && shared.includes('KUBE-NODE-PORT-TCP'))
})

test.run()
