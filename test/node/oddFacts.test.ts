import fc from 'fast-check'
import { test } from 'uvu'
import { emit } from '../../src/formats/emit.ts'
import { compile, read } from '../../src/index.ts'
import type { ReportedFacts } from '../../src/node/reportedFacts.ts'

const SERVICE = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default' },
  spec: { type: 'NodePort', clusterIP: '10.96.0.1', ports: [{ port: 53, nodePort: 30053, protocol: 'UDP' }] },
}

const CONFIG = {
  apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
  kind: 'KubeProxyConfiguration',
  mode: 'ipvs',
  conntrack: { maxPerCore: 32768 },
}

const node = (cpu: unknown) => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'node-1' },
  spec: { podCIDR: '10.0.0.0/24' },
  status: {
    addresses: [{ type: 'InternalIP', address: '192.168.0.1' }],
    capacity: { cpu },
    nodeInfo: { kernelVersion: '6.1.0' },
  },
})

const FACTS = {
  version: 1,
  hostname: 'node-1',
  kernel: '6.1.0',
  cores: 4,
  interfaces: [],
  tools: {},
  iptables: 'nft',
  modules: ['ip_vs', 'nf_conntrack'],
  schedulers: ['rr'],
  settings: {},
} as const

/** Compiles, lays out, and reads every payload back against the plan, as `emit` does. */
async function emitted(cpu: unknown, odd: object | null): Promise<void> {
  const { cluster } = await read([{ name: 'a.json', text: JSON.stringify([SERVICE, node(cpu), CONFIG]) }])
  const facts = odd === null ? null : ({ ...FACTS, ...odd } as unknown as ReportedFacts)
  const { plan } = compile(cluster, { node: 'node-1', facts })
  if (plan !== null) emit(plan)
}

test('a capacity that no machine has changes no setting', async () => {
  for (const cpu of ['9007199254740992', 2 ** 53, '1'.repeat(400), '0', '0m', `${'9'.repeat(30)}m`])
    await emitted(cpu, null)
})

test('odd facts compile to payloads that read back as the plan', async () => {
  const texts =
    '192.168.0.1/24 ::ffff:10.0.0.1/96 FD00::1/64 0:0:0:0:0:0:0:1 1.2.3.4/999 010.0.0.1 1:2 ... ::: 10.0.0.1 0.0.0.0/0'
  const facts = fc.record({
    cores: fc.constantFrom(1, 4, 65_536, 2 ** 31, 2 ** 53, 1e300),
    kernel: fc.constantFrom('6.1.0', '4.0', 'x', '999999999999.1', '5.9\u0000'),
    interfaces: fc.array(
      fc.record({
        interface: fc.constantFrom('eth0', 'kube-ipvs0', 'a b', 'x\n-A INPUT', '', '*', 'lo'),
        address: fc.constantFrom(...texts.split(' ')),
      }),
      { maxLength: 5 },
    ),
    modules: fc.array(fc.constantFrom('ip_vs', 'x y', ''), { maxLength: 3 }),
    settings: fc.dictionary(fc.string(), fc.option(fc.maxSafeInteger(), { nil: null })),
  })
  await fc.assert(
    fc.asyncProperty(facts, fc.constantFrom('4', 8, '500m', 2 ** 53), async (odd, cpu) => emitted(cpu, odd)),
    { numRuns: 300 },
  )
})

test.run()
