import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ROOT } from '../support/shared.ts'

const test = suite<{ folder: string }>('cli: diff')
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'ipvsc-test-'))
})
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }))

const ipvsc = (...args: readonly string[]) =>
  spawnSync(process.execPath, [`${ROOT}dist/cli.js`, ...args], { encoding: 'utf8', cwd: ROOT })

const INPUT = 'golden/session-affinity/input.yaml'

/** The input of a golden case with one text in place of another. */
function changed(folder: string, from: string, to: string): string {
  const text = readFileSync(`${ROOT}${INPUT}`, 'utf8')
  assert.ok(text.includes(from), from)
  const path = join(folder, 'changed.yaml')
  writeFileSync(path, text.replace(from, to))
  return path
}

test('an affinity that ends is told by Service, field and virtual server', ({ folder }) => {
  const after = changed(folder, 'sessionAffinity: "ClientIP"', 'sessionAffinity: "None"')
  const { status, stdout, stderr } = ipvsc('diff', INPUT, after, '--node', 'node-1', '--exit-code', '-q')
  assert.is(status, 3, stderr)
  assert.match(stdout, /^1 Service changes on node node-1\. Nothing becomes unreachable\.\n/)
  assert.match(stdout, /\n {4}sessionAffinity +ClientIP, \d+ s → None +\S*changed\.yaml:\d+\n/)
  assert.match(stdout, /persistence \d+ s → none/)
})

test('nothing changes between a state and itself, in every form', () => {
  const form = (output: string) =>
    ipvsc('diff', INPUT, INPUT, '--node', 'node-1', '--exit-code', '-q', '--output', output)
  for (const format of ['text', 'markdown']) {
    const { status, stdout, stderr } = form(format)
    assert.is(status, 0, stderr)
    assert.match(stdout, /nothing changes on node `?node-1/)
  }
  const { services, others, nodes } = JSON.parse(form('json').stdout)
  assert.equal({ services, others, nodes }, { services: [], others: [], nodes: ['node-1'] })
})

test('a bundle is compared with inputs that differ', ({ folder }) => {
  const bundle = join(folder, 'bundle')
  assert.is(ipvsc('build', INPUT, '--node', 'node-1', '-o', bundle, '-q').status, 0)
  const after = changed(folder, '10.0.0.11', '10.0.0.12')
  const { stdout, stderr } = ipvsc('diff', bundle, after, '--node', 'node-1', '-q')
  assert.match(stdout, /- 10\.0\.0\.11:8080\n/, stderr)
  assert.match(stdout, /\+ 10\.0\.0\.12:8080\n/)
})

const PAIR = [
  'test/review/cases/last-endpoint-goes/before.yaml',
  'test/review/cases/last-endpoint-goes/after.yaml',
]

test('nodes are chosen by their labels', () => {
  const nodes = (selector: string): string[] =>
    JSON.parse(ipvsc('diff', ...PAIR, '--nodes-matching', selector, '-q', '--output', 'json').stdout).nodes
  assert.equal(nodes('topology.kubernetes.io/zone=a'), ['worker-1', 'worker-2'])
  assert.equal(nodes('topology.kubernetes.io/zone notin (a)'), ['worker-3', 'worker-4'])
  assert.equal(nodes('kubernetes.io/hostname in (worker-2, worker-3)'), ['worker-2', 'worker-3'])
  const none = ipvsc('diff', ...PAIR, '--nodes-matching', 'zone=a', '-q')
  assert.is(none.status, 2)
  assert.match(none.stderr, /no Node matches "zone=a"; labels of the Nodes: .*topology\.kubernetes\.io\/zone/)
  assert.is(ipvsc('diff', ...PAIR, '--nodes-matching', 'zone in a').status, 2)
  assert.is(ipvsc('diff', ...PAIR, '--nodes-matching', 'zone', '--all-nodes').status, 2)
})

test('a review is narrowed, told as a table, and written in several forms at once', ({ folder }) => {
  const stat = ipvsc('diff', ...PAIR, '--all-nodes', '-q', '--stat', '--kind', 'added', '--exit-code')
  assert.is(stat.status, 3)
  assert.match(stat.stdout, /\n\+ {2}shop\/search +new +0 → 3 +all 4 nodes\nNot shown: 3 Services/)
  const comment = join(folder, 'comment.md')
  const words = ['--all-nodes', '-q', '--output', 'unified', '--report', `markdown=${comment}`]
  const { status, stdout, stderr } = ipvsc('diff', ...PAIR, ...words)
  assert.is(status, 0, stderr)
  assert.match(stdout, /^# ipset\.restore on 1 of 4 nodes: worker-1\n--- a\/ipset\.restore\n/)
  assert.match(readFileSync(comment, 'utf8'), /^### ipvsc: 4 Services change/)
  const wrong = [
    ['--kind', 'odd'],
    ['--report', 'odd=x'],
    ['--output', 'json', '--stat'],
    ['--output', 'unified', '--service', 'shop/cart'],
  ]
  for (const more of wrong)
    assert.is(ipvsc('diff', ...PAIR, '--all-nodes', ...more).status, 2, more.join(' '))
})

test('which nodes are compared has to be said', () => {
  assert.is(ipvsc('diff', INPUT, INPUT).status, 2)
  assert.is(ipvsc('diff', INPUT, INPUT, '--node', 'node-1', '--all-nodes').status, 2)
})

test.run()
