import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type CompileOptions,
  compile,
  emit,
  formatPlan,
  formatProvenance,
  ownedTables,
  type Plan,
  parseIpBatch,
  parseIpsetRestore,
  parseIptablesRestore,
  parseIpvsRestore,
  parseModulesConf,
  parseSysctlConf,
  read,
} from '../../src/index.ts'
import { schemaDiagnostics } from '../../src/read/validate.ts'
import { clusters } from '../support/arbitraries.ts'
import { deepFreeze, randomNumbers, shuffled } from '../support/shuffle.ts'

const test = suite('compile: properties')

/** Conflicts and errors are common in generated clusters; the rest still has to compile. */
const OPTIONS: CompileOptions = { node: 'node-1', onConflict: 'first', quarantine: true }

const planOf = (...args: Parameters<typeof compile>): Plan => {
  const { plan } = compile(...args)
  assert.ok(plan !== null, 'a cluster always compiles in quarantine')
  return plan as Plan
}

test('compile is total and pure, and the order of lists does not matter', () => {
  fc.assert(
    fc.property(clusters, fc.integer(), (cluster, seed) => {
      const one = compile(deepFreeze(cluster), OPTIONS)
      const two = compile(shuffled(cluster, randomNumbers(seed)), OPTIONS)
      assert.is(formatPlan(two.plan as Plan), formatPlan(one.plan as Plan))
      assert.is(
        two.provenance && formatProvenance(two.provenance),
        one.provenance && formatProvenance(one.provenance),
      )
    }),
    { numRuns: 300 },
  )
})

test('every payload parses back to the part of the plan that it carries', () => {
  fc.assert(
    fc.property(clusters, (cluster) => {
      const plan = planOf(cluster, OPTIONS)
      const payloads = emit(plan)
      const text = (name: Parameters<typeof payloads.get>[0]) => payloads.get(name) as string
      assert.equal(parseIpvsRestore(text('ipvs.restore')).virtualServers, plan.virtualServers)
      assert.equal(parseIpsetRestore(text('ipset.restore')).sets, plan.sets)
      assert.equal(parseIpBatch(text('ip.batch')), plan.dummyInterface)
      assert.equal(parseModulesConf(text('modules.conf')), plan.modules)
      assert.equal(parseSysctlConf(text('sysctl.conf')), { sysctls: plan.sysctls, conntrack: plan.conntrack })
      const tables = (['ipv4', 'ipv6'] as const).flatMap((family) => {
        const names = (table: string) =>
          plan.tables
            .filter((each) => each.family === family && each.name === table)
            .flatMap(({ chains }) => chains.map(({ name }) => name))
        const parsed = parseIptablesRestore(
          text(family === 'ipv4' ? 'iptables.restore' : 'ip6tables.restore'),
          family,
        )
        return ownedTables(parsed, family, { nat: names('nat'), filter: names('filter') }).tables
      })
      assert.equal(tables, plan.tables)
    }),
    { numRuns: 200 },
  )
})

test('every local endpoint of every service port has its hairpin entry', () => {
  fc.assert(
    fc.property(clusters, (cluster) => {
      const { plan, provenance } = compile(cluster, OPTIONS)
      const local = new Set(
        cluster.endpointSlices.flatMap(({ object }) =>
          (object.endpoints ?? [])
            .filter(({ nodeName }) => nodeName === 'node-1')
            .flatMap(({ addresses }) => addresses),
        ),
      )
      const entries = new Set(
        plan?.sets
          .filter(({ name }) => name.endsWith('LOOP-BACK'))
          .flatMap((set) => set.entries.map((entry) => JSON.stringify(entry))),
      )
      for (const { realServers, protocol } of plan?.virtualServers ?? [])
        for (const { address, port } of realServers) {
          const isLocalOnly = local.has(address) && !isElsewhereToo(cluster, address)
          if (isLocalOnly)
            assert.ok(
              entries.has(JSON.stringify({ address, protocol, port, source: address })),
              `${address}:${port}`,
            )
        }
      assert.ok(provenance)
    }),
    { numRuns: 200 },
  )
})

const isElsewhereToo = (cluster: Parameters<typeof compile>[0], address: string): boolean =>
  cluster.endpointSlices.some(({ object }) =>
    (object.endpoints ?? []).some(
      ({ addresses, nodeName }) => addresses.includes(address) && nodeName !== 'node-1',
    ),
  )

test('the plan of a generated cluster satisfies its schema, and what it names exists', async () => {
  await fc.assert(
    fc.asyncProperty(clusters, async (cluster) => {
      const plan = planOf(cluster, OPTIONS)
      assert.equal(await schemaDiagnostics('Plan', JSON.parse(formatPlan(plan)), null), [])
      const sets = new Set(plan.sets.map(({ name }) => name))
      for (const { chains, jumps } of plan.tables) {
        const names = new Set(chains.map(({ name }) => name))
        for (const jump of jumps) assert.ok(names.has(jump.to))
        for (const { matches, target } of chains.flatMap(({ rules }) => rules)) {
          if (target.kind === 'jump') assert.ok(names.has(target.chain), target.chain)
          for (const match of matches) if (match.kind === 'set') assert.ok(sets.has(match.set), match.set)
        }
      }
      const bound = new Set(plan.dummyInterface.addresses)
      for (const set of plan.sets.filter(({ name }) => name.endsWith('IPVS-IPS')))
        for (const entry of set.entries) assert.ok('address' in entry && bound.has(entry.address))
    }),
    { numRuns: 100 },
  )
})

/** Everything a line of a payload may hold: nothing that a shell, a restore command or a terminal would act on. */
const SAFE_TEXT: readonly RegExp[] = [
  /^# Settings of IPVS mode\. Those marked "check" belong to the owner of the node and are not set\.$/,
  /^[A-Za-z0-9 .,:/_+*[\]#=-]*$/,
  /^-[AI] [A-Z-]+ (?:! )?[A-Za-z0-9 .,:/_+!-]*(?:-m comment --comment "[A-Za-z0-9 .,:+='-]*" )?[A-Za-z0-9 .,:/_+!-]*$/,
]

const hostile = fc.oneof(
  fc.constantFrom(
    'a"\n-A INPUT -j ACCEPT',
    "'; reboot; '",
    '$(reboot)',
    '`reboot`',
    '{{constructor}}',
    '{{{this}}}',
    'x\nflush',
    '-t',
    '10.0.0.1\n-C',
    '10.0.0.1,tcp:80 timeout 0',
    'localhost',
    '\u001b[2J',
    '10.0.0.1/0',
    '__proto__',
  ),
  fc.string(),
  fc.string({ unit: 'binary' }),
)

test('nothing that a user typed breaks out of its place in a payload', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(hostile, { minLength: 12, maxLength: 12 }), async (texts) => {
      const [a, b, c, d, e, f, g, h, i, j, k, l] = texts
      const objects = [
        {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: {
            name: 'web',
            namespace: 'default',
            annotations: { 'ipvsc.dev/scheduler': 'rr', note: a, [b as string]: c },
            labels: { note: d },
          },
          spec: {
            clusterIP: '10.96.0.1',
            ports: [{ port: 80, appProtocol: e }],
            externalName: f,
            loadBalancerIP: g,
          },
        },
        {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: { name: h, namespace: 'default' },
          spec: { clusterIP: '10.96.0.2', ports: [{ port: 80 }] },
        },
        {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: { name: 'two' },
          spec: {
            clusterIP: '10.96.0.3',
            externalIPs: [i],
            ports: [{ port: 80, name: j }],
            loadBalancerSourceRanges: [k],
          },
        },
        {
          apiVersion: 'discovery.k8s.io/v1',
          kind: 'EndpointSlice',
          addressType: 'IPv4',
          metadata: { name: 'web-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
          endpoints: [
            { addresses: [l], nodeName: a },
            { addresses: ['10.0.0.1'], nodeName: b },
          ],
          ports: [{ port: 80 }],
        },
        {
          apiVersion: 'v1',
          kind: 'Node',
          metadata: { name: 'node-1', labels: { note: c } },
          status: { addresses: [{ type: 'InternalIP', address: d }] },
        },
      ]
      const { cluster } = await read([{ name: 'hostile.json', text: JSON.stringify(objects) }])
      const { plan } = compile(cluster, { ...OPTIONS, nodeIPs: ['192.168.0.1'] })
      assert.ok(plan)
      for (const [name, text] of emit(plan as Plan))
        for (const line of text.split('\n'))
          assert.ok(
            SAFE_TEXT.some((pattern) => pattern.test(line)),
            `${name}: ${JSON.stringify(line)}`,
          )
    }),
    { numRuns: 300 },
  )
})

test.run()
