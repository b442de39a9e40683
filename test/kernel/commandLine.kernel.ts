import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Plan } from '../../src/index.ts'
import { writeBundle } from './harness/applier.ts'
import { readBack } from './harness/bundle.ts'
import { goldenPlan } from './harness/golden.ts'
import { CLI, DATA, kernelTest, type Lab, type Namespace, type Output } from './harness/lab.ts'
import { assertHolds } from './harness/state.ts'

/** Someone on a node that has Node.js: every command that reads or changes the node. */

const test = suite('command line')

interface Shell {
  /** Runs a command of ipvsc and expects an exit status. */
  run(words: string, status?: number): Promise<Output>
  /** The same for a command that runs the script; gives the result in its report. */
  report(words: string, status?: number): Promise<string>
  holds(plan: Plan): Promise<void>
}

async function shellOn(lab: Lab, node: Namespace): Promise<Shell> {
  await lab.run('ip link set lo up', { in: node })
  const run: Shell['run'] = async (words, status = 0) => {
    const command = `'${process.execPath}' '${CLI}' ${words}`
    const output = await lab.run(command, { in: node, check: false })
    assert.is(output.status, status, `${words}: ${output.stdout}${output.stderr}`)
    return output
  }
  const options = `--output json --iptables nft --state-dir '${lab.folder}/state'`
  return {
    run,
    report: async (words, status) => JSON.parse((await run(`${words} ${options}`, status)).stdout).result,
    holds: async (plan) => assertHolds(await readBack(lab, node), plan),
  }
}

kernelTest(
  test,
  'a node from nothing to nothing',
  async (lab) => {
    const { node } = await lab.namespaces('node')
    const { run, report, holds } = await shellOn(lab, node)
    const [first, second] = [goldenPlan('load-balancer'), goldenPlan('session-affinity')]
    const [one, two] = [writeBundle(lab, first).path, writeBundle(lab, second).path]

    const facts = JSON.parse((await run('facts')).stdout)
    const own = async (command: string): Promise<string> =>
      (await lab.run(command, { in: node })).stdout.trim()
    assert.ok(facts.modules.includes('ip_vs'), JSON.stringify(facts))
    assert.is(facts.kernel, await own('uname -r'))
    assert.is(String(facts.cores), await own('nproc --all'))
    assert.equal(facts.interfaces, [
      { interface: 'lo', address: '127.0.0.1/8' },
      { interface: 'lo', address: '::1/128' },
    ])
    assert.is(String(facts.settings['net.ipv4.ip_forward']), await own('sysctl -n net.ipv4.ip_forward'))
    assert.ok(['nft', 'legacy'].includes(facts.iptables), facts.iptables)

    await run(`drift '${one}' --iptables nft`, 3)
    await run(`delta live '${one}' --iptables nft -o delta-from-nothing`)
    assert.is(await report('apply delta-from-nothing'), 'applied')
    await holds(first)
    await run(`drift '${one}' --iptables nft`)
    assert.is(await report(`apply '${one}'`), 'unchanged')

    await run('capture --iptables nft -o node.plan.json')
    await run(`delta node.plan.json '${two}' -o delta`)
    assert.is(await report('apply delta'), 'applied')
    await holds(second)
    assert.is(await report('rollback'), 'rolled back')
    await holds(first)

    await lab.run('ipvsadm -e -t 172.30.0.41:80 -r 10.0.1.21:8080 -m -w 0', { in: node })
    const drift = await run(`drift '${one}' --iptables nft`, 3)
    const server = 'real -t 172.30.0.41:80 10.0.1.21:8080 -m -w'
    assert.is(drift.stdout, `- ${server} 0\n+ ${server} 1\n`)
    assert.is(await report('apply delta', 4), 'refused')
    assert.is(await report(`apply '${one}'`), 'applied')
    await holds(first)

    assert.is(await report('cleanup'), 'cleaned up')
    const after = await readBack(lab, node)
    for (const text of Object.values(after)) assert.not.match(text, /KUBE-|kube-ipvs0|^-A -/m)
  },
  { limit: 240 },
)

kernelTest(
  test,
  'inputs are compiled and applied; what is not confirmed is undone when asked',
  async (lab) => {
    const { node } = await lab.namespaces('node')
    const { report, holds, run } = await shellOn(lab, node)
    await run(
      `apply '${DATA}/golden/cluster-ip/input.yaml' --node node-1 --state-dir '${lab.folder}/state'`,
      4,
    )
    // The InternalIPs of the Node: this machine is the one that bundles are for.
    await lab.run(
      'ip link add eth0 type dummy; ip addr add 192.168.0.1/24 dev eth0; ip addr add fd00:192:168::1/64 dev eth0 nodad',
      { in: node },
    )
    const input = (name: string): string => `'${DATA}/golden/${name}/input.yaml' --node node-1`
    assert.is(await report(`apply ${input('cluster-ip')}`), 'applied')
    await holds(goldenPlan('cluster-ip'))
    assert.is(await report(`apply ${input('session-affinity')} --confirm 600`), 'applied')
    assert.is(await report(`apply ${input('cluster-ip')}`, 4), 'refused')
    assert.is(await report('rollback'), 'rolled back')
    await holds(goldenPlan('cluster-ip'))
    assert.is(await report(`apply ${input('session-affinity')} --confirm 600`), 'applied')
    assert.is(await report('confirm'), 'confirmed')
    await holds(goldenPlan('session-affinity'))
    const { stdout } = await run(`apply ${input('cluster-ip')} --dry-run --state-dir '${lab.folder}/state'`)
    assert.match(stdout, /^-[aAdDeE] -t 172\.30\./m)
    await holds(goldenPlan('session-affinity'))
  },
  { limit: 240 },
)

test.run()
