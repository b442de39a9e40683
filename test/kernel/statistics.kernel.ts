import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { assertResult, runScript, writeBundle } from './harness/applier.ts'
import { askFor, clusterWith, planFor } from './harness/cluster.ts'
import { CLI, kernelTest, type Lab, type Namespace, type Output } from './harness/lab.ts'

/** What IPVS does, counted by a kernel: told by Service, carried off a node, and as metrics. */

const test = suite('statistics')

const TCP = { protocol: 'TCP', port: 80 } as const
const UDP = { protocol: 'UDP', port: 53 } as const
const SERVICES = [
  { name: 'web', family: 'ipv4', clusterIP: '172.30.0.41', ports: [TCP, UDP], pods: ['podA', 'podC'] },
  { name: 'six', family: 'ipv6', clusterIP: 'fd00:172:30::41', ports: [TCP], pods: ['podC'] },
] as const

async function ipvsc(lab: Lab, node: Namespace, words: string, status = 0): Promise<Output> {
  const output = await lab.run(`'${process.execPath}' '${CLI}' ${words}`, { in: node, check: false })
  assert.is(output.status, status, `${words}: ${output.stdout}${output.stderr}`)
  return output
}

kernelTest(
  test,
  'counted for the Services that asked for it, also from lists that were carried off',
  async (lab) => {
    const { node1, podB } = await clusterWith(lab, { services: SERVICES })
    const bundle = writeBundle(lab, await planFor({ services: SERVICES }))
    assertResult(await runScript(lab, node1, bundle), 0, 'unchanged')
    await askFor(podB, '172.30.0.41', TCP, 4)
    await askFor(podB, '172.30.0.41', UDP, 2)
    await askFor(podB, 'fd00:172:30::41', TCP, 3)
    const held = await podB.open({ transport: 'tcp', address: '172.30.0.41', port: 80 })
    await held()
    // The kernel adds its counters up every two seconds.
    await lab.run('sleep 3', { in: node1 })
    const lists = join(lab.folder, 'lists')
    const state = `--state-dir '${lab.folder}/state-${node1.role}'`
    const collected = await runScript(lab, node1, bundle, {
      arguments: ['collect', '--connections', '--out', `'${lists}'`],
    })
    assert.is(collected.status, 0, collected.stdout + collected.stderr)
    assert.match(collected.stdout, /"event":"collected"/)

    for (const from of ['', `--from-dumps '${lists}'`]) {
      const { stdout } = await ipvsc(lab, node1, `stats --output json --connections --by name ${from}`)
      const { virtualServers, connections, overall } = JSON.parse(stdout)
      const [six, web, dns] = ['tcp [fd00:172:30::41]:80', 'tcp 172.30.0.41:80', 'udp 172.30.0.41:53'].map(
        (item) => virtualServers.find((server: { item: string }) => server.item === item),
      )
      assert.is(web.total.connections, 5)
      assert.is(web.active, 1)
      assert.is(web.realServers.length, 2)
      assert.is(dns.total.connections, 2)
      assert.is(six.total.connections, 3)
      assert.ok(six.total.bytesOut > 0 && web.total.packetsIn > 5, stdout)
      assert.is(overall.total.connections, 10)
      const open = connections.filter((group: { state: string }) => group.state === 'ESTABLISHED')
      assert.equal(
        open.map(({ item, client, count }: { item: string; client: string; count: number }) => [
          item,
          client,
          count,
        ]),
        [['tcp 172.30.0.41:80', '10.0.0.21', 1]],
      )
    }
    const table = (await ipvsc(lab, node1, `stats --top 1 --by connections --from-dumps '${lists}'`)).stdout
    assert.match(table, /^Service +address +conn\/s/)
    assert.match(table, /172\.30\.0\.41:80\/tcp/)
    assert.match(table, /2 more virtual servers/)
    await ipvsc(lab, node1, `capture --from-dumps '${lists}' -o /dev/null`)

    const metrics = (await ipvsc(lab, node1, `metrics '${bundle.path}' --compat ${state} --iptables nft`))
      .stdout
    assert.match(metrics, /^ipvsc_connections_total 10$/m)
    assert.match(metrics, /^ipvsc_drift_items\{kind="missing"\} 0$/m)
    assert.match(metrics, /^node_ipvs_connections_total 10$/m)
    const plain = await runScript(lab, node1, bundle, { arguments: ['metrics'] })
    assert.is(plain.status, 0, plain.stderr)
    for (const name of [
      'ipvsc_connections_total',
      'ipvsc_virtual_servers',
      'ipvsc_real_servers',
      'ipvsc_virtual_servers_without_real_servers',
      'ipvsc_set_entries{set="KUBE-CLUSTER-IP"}',
      'ipvsc_set_max_entries{set="KUBE-CLUSTER-IP"}',
      'ipvsc_conntrack_max_entries',
    ])
      assert.is(sampleOf(plain.stdout, name), sampleOf(metrics, name), name)
    assert.is(sampleOf(plain.stdout, 'ipvsc_virtual_servers'), 3)
    const textfile = join(lab.folder, 'ipvsc.prom')
    await runScript(lab, node1, bundle, { arguments: ['metrics', '--textfile', `'${textfile}'`] })
    for (const text of [`'${textfile}'`, '-'])
      if ((await lab.run('command -v promtool', { in: node1, check: false })).status === 0) {
        const source =
          text === '-'
            ? `'${process.execPath}' '${CLI}' metrics '${bundle.path}' --compat --iptables nft`
            : `cat ${text}`
        const checked = await lab.run(`${source} | promtool check metrics`, { in: node1, check: false })
        assert.is(checked.stdout + checked.stderr, '')
      }
  },
  { limit: 240 },
)

/** The value of a sample. */
function sampleOf(text: string, name: string): number {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `))
  assert.ok(line, `${name} in\n${text}`)
  return Number(line.slice(name.length + 1))
}

test.run()
