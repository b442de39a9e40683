import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fingerprint, type Plan } from '../src/index.ts'
import { runScript, writeBundle } from '../test/kernel/harness/applier.ts'
import { compileTexts } from '../test/kernel/harness/compile.ts'
import { kernelTest, type Lab, type Namespace } from '../test/kernel/harness/lab.ts'
import { generateCluster } from './generate.ts'

/**
 * How long the script of a bundle takes, as ratios against the stock tools in the same run, each of the fastest of several
 * rounds: what else the machine does only ever adds. It runs where the kernel suites do: `npm run bench:apply`.
 */

const test = suite('speed of apply')

const [SERVICES, ENDPOINTS] = [2000, 10]

/** What limits are multiplied with. Who allows for more than nothing needs fewer rounds. */
const MARGIN = Number(process.env.IPVSC_MARGIN ?? '1')
const [ROUNDS, MOST_ROUNDS] = MARGIN > 1 ? [1, 2] : [3, 6]

/** What is measured, against which floor, and what it may be at most. */
const RATIOS = [
  ['to an empty node, against the tools fed the same payloads', 'apply', 'raw', 1.5],
  ['again, unchanged, against reading the state', 'again', 'readBack', 1.5],
  ['one endpoint by delta bundle, against reading the state', 'delta', 'readBack', 1.2],
] as const

const RAW = `ipset restore < ipset.restore
iptables-nft-restore --noflush < iptables.restore
ip6tables-nft-restore --noflush < ip6tables.restore
ipvsadm -R < ipvs.restore
ip -batch ip.batch`

const READ_BACK = `ipvsadm -S -n > /tmp/bench-1; ipvsadm -L --timeout > /tmp/bench-2; ipset save > /tmp/bench-3
iptables-nft-save > /tmp/bench-4; ip6tables-nft-save > /tmp/bench-5; ip -o addr > /tmp/bench-6`

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return (performance.now() - started) / 1000
}

async function freshNode(lab: Lab, role: string): Promise<Namespace> {
  const made = await lab.namespaces(role)
  const node = made[role] as Namespace
  await lab.run('ip link set lo up', { in: node })
  return node
}

/** The same plan with one endpoint in the place of another. */
function withOneEndpointChanged(plan: Plan): Plan {
  const virtualServers = plan.virtualServers.map((server, index) =>
    index !== SERVICES >> 1
      ? server
      : {
          ...server,
          realServers: server.realServers.map((real, number) =>
            number === server.realServers.length - 1 ? { ...real, address: '10.254.254.254' } : real,
          ),
        },
  )
  return { ...plan, virtualServers }
}

kernelTest(
  test,
  `${SERVICES} Services of ${ENDPOINTS} endpoints`,
  async (lab) => {
    await lab.run('modprobe -a ip_vs ip_vs_rr nf_conntrack dummy')
    const { plan } = await compileTexts(
      [generateCluster({ services: SERVICES, endpoints: ENDPOINTS, isMixed: false })],
      { node: 'node-1' },
    )
    const bundle = writeBundle(lab, plan)
    const changed = withOneEndpointChanged(plan)
    const steps = [writeBundle(lab, changed, plan), writeBundle(lab, plan, changed)]
    const fastest = new Map<string, number>()
    const measure = async (name: string, work: () => Promise<unknown>): Promise<void> => {
      fastest.set(name, Math.min(await seconds(work), fastest.get(name) ?? Number.POSITIVE_INFINITY))
    }
    const ratios = () =>
      RATIOS.map(([what, name, floor, most]) => {
        const [time, base] = [fastest.get(name) ?? 0, fastest.get(floor) ?? 0]
        return { what, time, base, ratio: time / base, most }
      })
    const isSlow = (): boolean => ratios().some(({ ratio, most }) => ratio > most * MARGIN)
    let round = 0
    while (round < ROUNDS || (round < MOST_ROUNDS && isSlow())) {
      const raw = await freshNode(lab, `raw-${round}`)
      await measure('raw', () => lab.run(`cd '${bundle.path}'; ${RAW}`, { in: raw }))
      // No other node lives in the kernel of a node.
      await lab.run('ipvsadm -C', { in: raw })
      const node = await freshNode(lab, `node-${round}`)
      const script = async (folder: typeof bundle): Promise<void> => {
        const { status, stdout } = await runScript(lab, node, folder)
        if (status !== 0) throw new Error(stdout)
      }
      await measure('apply', () => script(bundle))
      await measure('readBack', () => lab.run(READ_BACK, { in: node }))
      await measure('again', () => script(bundle))
      for (const step of [...steps, ...steps]) await measure('delta', () => script(step))
      await lab.run('ipvsadm -C', { in: node })
      round++
    }
    console.log(
      [
        '',
        `${plan.virtualServers.length} virtual servers, plan ${fingerprint(plan).slice(0, 12)}, fastest of ${round}`,
        '| what | seconds | floor | ratio | at most |',
        '| --- | --- | --- | --- | --- |',
        ...ratios().map(
          ({ what, time, base, ratio, most }) =>
            `| ${what} | ${time.toFixed(2)} | ${base.toFixed(2)} | ${ratio.toFixed(2)} | ${most} |`,
        ),
      ].join('\n'),
    )
    for (const { what, ratio, most } of ratios())
      assert.ok(ratio <= most * MARGIN, `${what}: ${ratio.toFixed(2)}, and ${most * MARGIN} is the most`)
  },
  { limit: 1200 },
)

test.run()
