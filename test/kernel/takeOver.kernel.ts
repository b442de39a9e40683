import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { assertResult, runScript, writeBundle } from './harness/applier.ts'
import { readBack } from './harness/bundle.ts'
import { compileConformanceCase } from './harness/compile.ts'
import { DATA, kernelTest } from './harness/lab.ts'
import { loadRecorded } from './harness/nodeState.ts'
import { assertHolds } from './harness/state.ts'

/** A node that kube-proxy programmed is taken over: nothing changes but what ipvsc does differently on purpose. */

const test = suite('take over')

/** What a bundle changes on a node that kube-proxy programmed from the same input, besides settings. */
const DEVIATIONS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  // A source range that holds everything is entered as two halves; kube-proxy fails to enter it.
  'small-node1': { entriesAdded: 2 },
  'small-node2': { entriesAdded: 2 },
}

const cases = readdirSync(`${DATA}/conformance`)
  .sort()
  .filter((name) => existsSync(`${DATA}/conformance/${name}/ipset-save`))

for (const name of cases)
  kernelTest(test, `${name}, as kube-proxy left it`, async (lab) => {
    const folder = `${DATA}/conformance/${name}`
    const { node } = await lab.namespaces('node')
    const [{ plan }] = await Promise.all([compileConformanceCase(folder), loadRecorded(lab, node, folder)])
    const bundle = writeBundle(lab, plan)
    const run = await runScript(lab, node, bundle)
    const { settings: _, timeouts: __, ...changes } = run.changes
    assert.equal(changes, DEVIATIONS[name] ?? {}, run.stdout)
    assert.is(run.status, 0)
    assertHolds(await readBack(lab, node), plan)
    assertResult(await runScript(lab, node, bundle), 0, 'unchanged')
  })

kernelTest(test, 'chains of the iptables mode are reported, and removed when asked', async (lab) => {
  const { node } = await lab.namespaces('node')
  const { plan } = await compileConformanceCase(`${DATA}/conformance/dual-stack`)
  const bundle = writeBundle(lab, plan)
  await lab.run(
    `ip link set lo up; iptables-nft-restore <<'END'
*nat
:KUBE-SERVICES - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-SVC-ABCDEFGHIJKLMNOP - [0:0]
:KUBE-SEP-ABCDEFGHIJKLMNOP - [0:0]
:KUBE-KUBELET-CANARY - [0:0]
:DOCKER - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A PREROUTING -j DOCKER
-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m tcp --dport 443 -j KUBE-SVC-ABCDEFGHIJKLMNOP
-A KUBE-SERVICES -j KUBE-NODEPORTS
-A KUBE-SVC-ABCDEFGHIJKLMNOP -j KUBE-SEP-ABCDEFGHIJKLMNOP
-A KUBE-SEP-ABCDEFGHIJKLMNOP -p tcp -m tcp -j DNAT --to-destination 10.0.0.1:6443
COMMIT
*filter
:KUBE-PROXY-CANARY - [0:0]
:KUBE-EXTERNAL-SERVICES - [0:0]
-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
COMMIT
*mangle
:KUBE-PROXY-CANARY - [0:0]
COMMIT
END
ip6tables-nft-restore <<'END'
*mangle
:KUBE-PROXY-CANARY - [0:0]
COMMIT
END
`,
    { in: node },
  )
  const first = await runScript(lab, node, bundle)
  assertResult(first, 0, 'applied')
  assert.ok(
    first.messages.some((text) => text.includes('7 chains of kube-proxy’s iptables mode'.replace('’', "'"))),
  )
  const listed = await readBack(lab, node)
  assert.match(listed.iptables, /:KUBE-SEP-ABCDEFGHIJKLMNOP/)
  assertResult(
    await runScript(lab, node, bundle, { arguments: ['apply', '--remove-leftovers'] }),
    0,
    'applied',
  )
  const { iptables, ip6tables } = await readBack(lab, node)
  assert.not.match(iptables + ip6tables, /KUBE-(SVC|SEP|NODEPORTS|PROXY-CANARY|EXTERNAL-SERVICES)/)
  assert.match(iptables, /:KUBE-KUBELET-CANARY/, "kubelet's chains are not kube-proxy's")
  assert.match(iptables, /-A PREROUTING -j DOCKER/)
  assert.is(iptables.match(/-j KUBE-SERVICES/g)?.length, 2, 'one jump from PREROUTING, one from OUTPUT')
})

/** More than an argument of a program can name. */
const CHAINS = 5000

kernelTest(
  test,
  `${CHAINS} chains of the iptables mode are removed`,
  async (lab) => {
    const { node } = await lab.namespaces('node')
    const { plan } = await compileConformanceCase(`${DATA}/conformance/dual-stack`)
    const bundle = writeBundle(lab, plan)
    const chains = Array.from({ length: CHAINS }, (_, index) => `KUBE-SEP-${String(index).padStart(16, 'A')}`)
    writeFileSync(
      join(lab.folder, 'chains'),
      ['*nat', ...chains.map((name) => `:${name} - [0:0]`), 'COMMIT', ''].join('\n'),
    )
    await lab.run(`ip link set lo up; iptables-nft-restore --noflush < '${lab.folder}/chains'`, { in: node })
    const warned = await runScript(lab, node, bundle)
    assertResult(warned, 0, 'applied')
    assert.match(warned.messages.join(), new RegExp(`${CHAINS} chains of kube-proxy's iptables mode`))
    const removed = await runScript(lab, node, bundle, { arguments: ['apply', '--remove-leftovers'] })
    assertResult(removed, 0, 'applied')
    assert.is(removed.changes.chainsRemoved, CHAINS)
    assertHolds(await readBack(lab, node), plan)
  },
  { limit: 180 },
)

test.run()
