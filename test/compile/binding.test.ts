import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compile, type ReportedFacts } from '../../src/index.ts'
import type { Node } from '../../src/kube/types.ts'
import { nodeBinding } from '../../src/node/binding.ts'
import { factsDiagnostics } from '../../src/node/reportedFacts.ts'
import { loadCase, runCase } from '../golden/cases.ts'

/** Which machine a bundle is for, and what facts of a machine rule out. */

const test = suite('binding')

const machine = '0123456789abcdef0123456789abcdef'

const node = (status: Node['status'], labels: Record<string, string> = {}): Node => ({
  kind: 'Node',
  metadata: { name: 'worker-1', labels },
  status,
})

test('the machine id goes before an InternalIP, and that before the name of the host', () => {
  const addresses = [
    { type: 'Hostname', address: 'worker-1' },
    { type: 'InternalIP', address: '192.0.2.1' },
    { type: 'ExternalIP', address: '198.51.100.1' },
    { type: 'InternalIP', address: '2001:DB8::1' },
  ]
  const full = node({ addresses })
  assert.equal(nodeBinding(full, { machine }), { kind: 'machine', values: [machine] })
  assert.equal(nodeBinding(full, { machine: null }), {
    kind: 'address',
    values: ['192.0.2.1', '2001:db8::1'],
  })
  assert.equal(nodeBinding(node({}), null), { kind: 'hostname', values: ['worker-1'] })
  const labelled = node(undefined, { 'kubernetes.io/hostname': 'Ip-10-0-0-1.internal' })
  assert.equal(nodeBinding(labelled, null), { kind: 'hostname', values: ['ip-10-0-0-1.internal'] })
  assert.is(nodeBinding(null, null), null)
  assert.equal(nodeBinding(null, { machine }), { kind: 'machine', values: [machine] })
})

test('a plan for a name that has no Node is bound to nothing', () => {
  const cluster = { services: [], endpointSlices: [], endpoints: [], nodes: [], configurations: [] }
  const { binding, plan } = compile(cluster, { node: 'worker-1', nodeIPs: ['192.0.2.1'] })
  assert.is(binding, null)
  assert.is.not(plan, null)
})

const facts = (families: ReportedFacts['families']): ReportedFacts => ({
  version: 1,
  hostname: 'worker-1',
  kernel: '6.1.0',
  cores: 2,
  interfaces: [],
  tools: {},
  iptables: 'nft',
  modules: ['ip_vs', 'nf_conntrack', 'dummy', 'br_netfilter', 'sctp'],
  schedulers: ['rr', 'wrr', 'lc', 'wlc', 'sh', 'mh'],
  settings: {},
  ...(families === undefined ? {} : { families }),
})

test('a family that the kernel lacks is an error where virtual servers need it, and else a word', async () => {
  const severities = async (name: string, families: ReportedFacts['families']) => {
    const { plan } = await runCase(await loadCase(name))
    if (plan === null) throw new Error(name)
    return factsDiagnostics(plan, facts(families))
      .filter(({ code }) => code === 'FACTS_FAMILY_MISSING')
      .map(({ severity }) => severity)
  }
  assert.equal(await severities('dual-stack', ['ipv4']), ['error'])
  assert.equal(await severities('cluster-ip', ['ipv4']), ['warning'])
  assert.equal(await severities('family-ipv4-only', ['ipv4']), [])
  assert.equal(await severities('dual-stack', ['ipv4', 'ipv6']), [])
  assert.equal(await severities('dual-stack', undefined), [])
})

test.run()
