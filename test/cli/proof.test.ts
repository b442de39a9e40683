import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ROOT } from '../support/shared.ts'

const test = suite('cli: trace, verify and explain')

const ipvsc = (...args: readonly string[]) =>
  spawnSync(process.execPath, [`${ROOT}dist/cli.js`, ...args], { encoding: 'utf8', cwd: ROOT })

/** What a real kube-proxy left on a node, and the cluster that it had seen. */
const captured = (name: string, node: string): string[] => {
  const folder = `test/conformance/cases/${name}`
  return [
    ...[folder, '--cluster', `${folder}/snapshot.json`, '--config', `${folder}/config.yaml`],
    ...['--node-addresses', `${folder}/node-addresses.json`, '--node', node, '--on-conflict', 'first', '-q'],
  ]
}

test('verify finds the source range of a real kube-proxy that lets nobody in', () => {
  const { status, stdout, stderr } = ipvsc('verify', ...captured('small-node1', 'node1'))
  assert.is(status, 3, stderr)
  assert.match(stdout, /^node1: 2 promises of 1 Service port NOT kept; /)
  assert.match(
    stdout,
    /\ndefault\/lb-nodeip:smtp\n {2}tcp 203\.0\.113\.3:25 for .*outside, from 0\.0\.0\.0\/0; a pod of the node\n/,
  )
  assert.match(stdout, /found {4}dropped \(last rule: filter KUBE-SOURCE-RANGES-FIREWALL 3\)/)
})

test('verify finds the other nodes of a real kube-proxy in order', () => {
  const { status, stdout, stderr } = ipvsc('verify', ...captured('dual-stack', 'dual-stack-worker'))
  assert.is(status, 0, stderr)
  assert.match(stdout, /^dual-stack-worker: every promise is kept; /)
})

test('verify and trace give data', () => {
  const verified = JSON.parse(
    ipvsc('verify', 'examples/shop', '--node', 'worker-1', '--output', 'json').stdout,
  )
  assert.is(verified.version, 1)
  assert.ok(
    verified.differences.every(({ known }: { known: string | null }) => known === 'HEALTH_CHECK_ANYWHERE'),
  )
  assert.equal(verified.broken, [])
  assert.ok(verified.classes > verified.promises)
  const args = ['--node', 'worker-1', '--from', 'node', '--to', 'svc:shop/front:http']
  const traced = JSON.parse(ipvsc('trace', 'examples/shop', ...args, '--output', 'json').stdout)
  assert.is(traced.fate.kind, 'served')
  assert.ok(traced.hops.length > 0)
})

test('build --verify writes what keeps its promises', () => {
  const args = ['build', 'examples/shop', '--node', 'worker-1', '--emit', 'ipvs', '-q']
  const [plain, verified] = [ipvsc(...args), ipvsc(...args, '--verify')]
  assert.is(verified.status, 0, verified.stderr)
  assert.is(verified.stdout, plain.stdout)
})

test('trace tells two states of a node side by side', () => {
  const args = ['--node', 'worker-1', '--from', 'node', '--to', 'svc:shop/front:http']
  const folder = mkdtempSync(join(tmpdir(), 'ipvsc-trace-'))
  try {
    ipvsc('build', 'examples/shop', '--node', 'worker-1', '-o', folder, '-q')
    const { status, stdout, stderr } = ipvsc('trace', folder, 'examples/shop', ...args)
    assert.is(status, 0, stderr)
    assert.match(stdout, /^the same before and after: answered: rr over 2 real servers/)
    assert.match(stdout, /shop\/front:http spec\.clusterIP +iptables\.restore:\d+\n/)
    const traced = JSON.parse(ipvsc('trace', folder, 'examples/shop', ...args, '--output', 'json').stdout)
    assert.is(traced.before.verdict, traced.after.verdict)
    assert.ok(
      traced.after.hops.some(({ owners }: { owners: string[] }) =>
        owners.includes('shop/front:http spec.clusterIP'),
      ),
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('what cannot be traced is told with what can', () => {
  const trace = (from: string, to: string) =>
    ipvsc('trace', 'examples/shop', '--node', 'worker-1', '--from', from, '--to', to)
  for (const [from, to, word] of [
    ['node', 'svc:shop/front', /say which port: http, https/],
    ['node', 'svc:shop/front:nope', /the Service has no such port; it has http, https/],
    ['node', 'svc:shop/nope', /the inputs hold no such Service/],
    ['node', '10.0.0.1', /it takes ADDRESS:PORT/],
    ['node', '10.0.0.1:80/quic', /it takes ADDRESS:PORT/],
    ['pod:shop/web', '10.96.20.1:80', /the inputs hold no Pods/],
    ['x\u001b[2J', '10.96.20.1:80', /it takes node, outside, pod:NAMESPACE\/NAME, or an address/],
    ['fd00::1', '10.96.20.1:80', /of different families/],
  ] as const) {
    const { status, stdout, stderr } = trace(from, to)
    assert.is(status, 2, `${from} ${to}`)
    assert.is(stdout, '')
    assert.match(stderr, word)
    assert.not.match(stderr, /\u001b/)
  }
  const { status, stderr } = ipvsc('verify', 'test/conformance/cases/small-node1')
  assert.is(status, 2)
  assert.match(stderr, /--cluster INPUT/)
})

test('explain tells why something is there, and what a Service lacks, with the line that says so', () => {
  const explain = (what: string, ...more: readonly string[]) => ipvsc('explain', what, ...more)
  const shop = ['examples/shop', '--node', 'worker-1']
  const front = explain('svc:shop/front', ...shop)
  assert.is(front.status, 0, front.stderr)
  assert.match(front.stdout, /^shop\/front has up to 2 real servers on worker-1\n/)
  assert.match(
    front.stdout,
    /10\.244\.2\.2:8080 +left out +it runs on worker-2 \(externalTrafficPolicy: Local, examples\/shop\/cluster\.yaml:15\)/,
  )
  const server = JSON.parse(explain('10.96.20.1:80/tcp', ...shop, '--output', 'json').stdout)
  assert.is(server.items[0].item, 'virtual tcp 10.96.20.1:80')
  assert.equal(server.items[0].services, [
    { servicePort: 'shop/front:http', field: 'spec.clusterIP', place: 'examples/shop/cluster.yaml:14' },
  ])
  assert.match(explain('svc:shop/nope', ...shop).stderr, /the inputs hold no such Service/)
  assert.is(explain('KUBE-NOPE', ...shop).status, 2)
  const nowhere = explain('KUBE-SERVICES', 'test/conformance/cases/small-node1')
  assert.is(nowhere.status, 0, nowhere.stderr)
  assert.match(nowhere.stdout, /this state does not say who asked for it: give --cluster/)
})

test('explain takes a line of a bundle, and what the bundle recorded', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ipvsc-explain-'))
  try {
    ipvsc('build', 'examples/shop', '--node', 'worker-1', '-o', folder, '-q')
    const lines = readFileSync(join(folder, 'ipvs.restore'), 'utf8').split('\n')
    const at = lines.findIndex((line) => line.startsWith('-A -t 10.96.20.1:80 ')) + 1
    const { stdout, stderr } = ipvsc('explain', `${folder}/ipvs.restore:${at}`)
    assert.match(stdout, new RegExp(`^virtual tcp 10\\.96\\.20\\.1:80 +ipvs\\.restore:${at}\n`), stderr)
    assert.match(stdout, / for {2}shop\/front:http {2}spec\.clusterIP\n/)
    assert.match(ipvsc('explain', `${folder}/iptables.restore:1`).stdout, /:1 is no item/)
    assert.match(ipvsc('explain', `${folder}/ipvs.restore:999`).stderr, /has no line 999: it has \d+/)
    assert.match(ipvsc('explain', 'svc:shop/cart', folder).stdout, /^virtual tcp 10\.96\.20\.3:80 /)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.run()
