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
  assert.match(stdout, /\n {4}sessionAffinity +ClientIP, \d+ s → None\n/)
  assert.match(stdout, /persistence \d+ s → none/)
})

test('nothing changes between a state and itself, in every form', () => {
  const form = (format: string) =>
    ipvsc('diff', INPUT, INPUT, '--node', 'node-1', '--exit-code', '-q', '--format', format)
  for (const format of ['text', 'markdown']) {
    const { status, stdout, stderr } = form(format)
    assert.is(status, 0, stderr)
    assert.match(stdout, /nothing changes on node node-1/)
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

test('which nodes are compared has to be said', () => {
  assert.is(ipvsc('diff', INPUT, INPUT).status, 2)
  assert.is(ipvsc('diff', INPUT, INPUT, '--node', 'node-1', '--all-nodes').status, 2)
})

test.run()
