import { spawnSync } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ROOT } from '../support/shared.ts'

const test = suite('cli: trace and verify')

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
    /\ndefault\/lb-nodeip:smtp\n {2}tcp 203\.0\.113\.3:25 for .*outside, from 0\.0\.0\.0\/0\n/,
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
  assert.equal(verified.differences, [])
  assert.ok(verified.classes > verified.promises)
  const args = ['--node', 'worker-1', '--from', 'node', '--to', 'svc:shop/front:http']
  const traced = JSON.parse(ipvsc('trace', 'examples/shop', ...args, '--output', 'json').stdout)
  assert.is(traced.fate.kind, 'served')
  assert.ok(traced.hops.length > 0)
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
    ['x\u001b[2J', '10.96.20.1:80', /it takes node, pod:NAMESPACE\/NAME, or an address/],
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

test.run()
