import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatMetrics, type NodeFigures } from '../../src/observe/metrics.ts'
import { ROOT } from '../support/shared.ts'
import { needs } from '../support/tools.ts'

/** Figures and alerts, by Prometheus and node_exporter themselves, on the loopback of a network namespace of their own. */

const RULES = `${ROOT}integrations/prometheus/alerts.yaml`

const WELL: NodeFigures = {
  toolVersion: '1.2.3',
  statistics: { version: 1, overall: null, virtualServers: [], connections: null },
  sets: [{ set: 'KUBE-CLUSTER-IP', entries: 10, most: 100 }],
  conntrack: { entries: 10, most: 100 },
  bundle: { fingerprint: 'abc', node: 'worker-1' },
  drift: { missing: 0, surplus: 0, foreign: 0 },
  lastRun: { time: 1_700_000_000, command: 'apply', result: 'applied' },
  draining: 0,
}
const IDLE = { connections: 0, packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0 }
const UNWELL: NodeFigures = {
  ...WELL,
  statistics: {
    ...WELL.statistics,
    virtualServers: [
      {
        ...{ item: 'tcp 10.96.0.9:443', key: { address: '10.96.0.9', port: 443, protocol: 'tcp' } },
        ...{
          servicePorts: ['shop/web:https'],
          scheduler: 'rr',
          persistence: null,
          realServers: [],
          marks: [],
        },
        ...{ total: IDLE, perSecond: IDLE, active: 0, inactive: 0, templates: 0 },
      },
    ],
  },
  sets: [{ set: 'KUBE-CLUSTER-IP', entries: 95, most: 100 }],
  conntrack: { entries: 99, most: 100 },
  drift: { missing: 1, surplus: 0, foreign: 0 },
  lastRun: { time: 1_700_000_000, command: 'apply', result: 'restored' },
  draining: 2,
}

const textOf = (figures: NodeFigures): string => formatMetrics(figures, { compat: true, servers: true })

needs('promtool')(test, 'promtool has nothing to say of the figures and of the alerts', () => {
  for (const figures of [WELL, UNWELL]) {
    const { stdout, stderr, status } = spawnSync('promtool', ['check', 'metrics'], {
      input: textOf(figures),
      encoding: 'utf8',
    })
    assert.equal([stdout, stderr, status], ['', '', 0])
  }
  const { stdout, status } = spawnSync('promtool', ['check', 'rules', RULES], { encoding: 'utf8' })
  assert.is(status, 0, stdout)
})

/** Asks for alerts until both nodes were scraped and evaluated, and one of them has as many as are wanted. */
const POLL = `
const [wanted, ports] = [Number(process.argv[1]), process.argv.slice(2)]
const ask = async (path) => (await (await fetch('http://127.0.0.1:9090/api/v1/' + path)).json()).data
const until = Date.now() + 60000
let said = 'nothing'
for (;;) {
  try {
    const up = (await ask('query?query=up')).result.filter(({ value }) => value[1] === '1').length
    const alerts = (await ask('alerts')).alerts.map(({ labels }) => [labels.instance, labels.alertname])
    said = JSON.stringify({ up, alerts })
    if (up === ports.length && alerts.length >= wanted) break
  } catch (error) { said = String(error) }
  if (Date.now() > until) break
  await new Promise((resolve) => setTimeout(resolve, 300))
}
console.log(said)
`

needs(
  'prometheus',
  'prometheus-node-exporter',
  'unshare',
  'ip',
)(test, 'each alert speaks of a node that is unwell, and none of one that is well', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ipvsc-prometheus-'))
  try {
    const nodes = { '127.0.0.1:9101': WELL, '127.0.0.1:9102': UNWELL }
    for (const [address, figures] of Object.entries(nodes)) {
      mkdirSync(join(folder, address))
      const file = join(folder, address, 'ipvsc.prom')
      writeFileSync(file, textOf(figures))
      const old = Date.now() / 1000 - 3600
      if (figures === UNWELL) utimesSync(file, old, old)
    }
    const targets = JSON.stringify(Object.keys(nodes))
    writeFileSync(
      join(folder, 'prometheus.yaml'),
      `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [${JSON.stringify(RULES)}]
scrape_configs: [{ job_name: nodes, static_configs: [{ targets: ${targets} }] }]
`,
    )
    const alerts = [...readFileSync(RULES, 'utf8').matchAll(/- alert: (\w+)/g)].map(([, name]) => name)
    const exporters = Object.keys(nodes).map(
      (address) =>
        `prometheus-node-exporter --collector.disable-defaults --collector.textfile --web.listen-address=${address} \\
  --collector.textfile.directory='${folder}/${address}' 2> '${folder}/${address}/log' &`,
    )
    const script = `ip link set lo up
trap 'kill $(jobs -p)' EXIT
${exporters.join('\n')}
prometheus --config.file='${folder}/prometheus.yaml' --storage.tsdb.path='${folder}/data' \\
  --web.listen-address=127.0.0.1:9090 > '${folder}/log' 2>&1 &
'${process.execPath}' --input-type=module -e "$POLL" ${alerts.length} ${Object.keys(nodes).join(' ')}`
    const said = await output('unshare', ['-n', 'bash', '-c', script], { ...process.env, POLL })
    const { up, alerts: found } = JSON.parse(said) as { up: number; alerts: [string, string][] }
    assert.is(up, 2)
    assert.equal([...new Set(found.map(([instance]) => instance))], ['127.0.0.1:9102'])
    assert.equal(found.map(([, name]) => name).sort(), [...alerts].sort())
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

function output(program: string, words: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { env, stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.on('data', (data) => {
      text += data
    })
    child.on('error', reject)
    child.on('close', () => resolve(text))
  })
}

test.run()
