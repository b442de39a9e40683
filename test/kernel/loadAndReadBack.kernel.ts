import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Plan, parseSysctlConf } from '../../src/index.ts'
import { FLAVOURS, loadBundle, type Payloads, readBack, writePayloads } from './harness/bundle.ts'
import { compileConformanceCase } from './harness/compile.ts'
import { DATA, IN_MACHINE, kernelTest } from './harness/lab.ts'
import { assertHolds } from './harness/state.ts'

/** Every golden case and every conformance input is loaded by the real tools; what they read back is the plan. */

const test = suite('load and read back')

const goldenPayloads = (name: string): Payloads => {
  const folder = `${DATA}/golden/${name}/expected`
  return new Map(readdirSync(folder).map((file) => [file, readFileSync(`${folder}/${file}`, 'utf8')]))
}

const cases = readdirSync(`${DATA}/golden`)
  .sort()
  .filter((name) => existsSync(`${DATA}/golden/${name}/expected/plan.json`))

for (const name of cases)
  for (const flavour of FLAVOURS)
    kernelTest(test, `${name} (${flavour})`, async (lab) => {
      const payloads = goldenPayloads(name)
      const { node } = await lab.namespaces('node')
      await loadBundle(lab, node, payloads, { flavour })
      const plan = JSON.parse(payloads.get('plan.json') as string) as Plan
      assertHolds(await readBack(lab, node, flavour), plan)
    })

for (const name of readdirSync(`${DATA}/conformance`).sort()) {
  if (!existsSync(`${DATA}/conformance/${name}/snapshot.json`)) continue
  for (const flavour of FLAVOURS)
    kernelTest(
      test,
      `what is compiled for ${name}, an input that kube-proxy had (${flavour})`,
      async (lab) => {
        const { plan, payloads } = await compileConformanceCase(`${DATA}/conformance/${name}`)
        const { node } = await lab.namespaces('node')
        await loadBundle(lab, node, payloads, { flavour })
        assertHolds(await readBack(lab, node, flavour), plan)
      },
    )
}

kernelTest(test, 'IPVS timeouts are those of the plan; 0 leaves one as it is', async (lab) => {
  const { node } = await lab.namespaces('node')
  await loadBundle(lab, node, goldenPayloads('node-settings'))
  assert.is((await readBack(lab, node)).timeouts, 'Timeout (tcp tcpfin udp): 900 120 30\n')
})

kernelTest(test, 'settings that a node has for itself are accepted and read back', async (lab) => {
  const payloads = goldenPayloads('node-settings')
  const { node } = await lab.namespaces('node')
  await lab.run('modprobe br_netfilter')
  await loadBundle(lab, node, payloads)
  const wanted = parseSysctlConf(payloads.get('sysctl.conf') as string).sysctls.filter(
    ({ name }) => name !== 'net.netfilter.nf_conntrack_max',
  )
  assert.ok(wanted.length > 5)
  const { stdout } = await lab.run(`sysctl -n ${wanted.map(({ name }) => name).join(' ')}`, { in: node })
  const values = stdout.trim().split('\n')
  for (const [index, { name, value, action }] of wanted.entries())
    if (action === 'set') assert.is(values[index], String(value), name)
    else assert.match(values[index] ?? '', /^[01]$/, `${name} exists`)
})

if (IN_MACHINE)
  kernelTest(
    test,
    'the whole file of settings is accepted, also what is the kernel’s and not a node’s',
    async (lab) => {
      await lab.run('modprobe -a ip_vs nf_conntrack')
      const folder = writePayloads(lab, goldenPayloads('node-settings'))
      const { stderr } = await lab.run(`sysctl -q -p ${folder}/sysctl.conf`)
      assert.is(stderr, '')
    },
  )
else test.skip('the settings of the whole kernel are left alone where it is not ours')

test.run()
