import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ROOT } from '../support/shared.ts'
import { outputOf, shownIn } from '../support/shown.ts'

const test = suite<{ folder: string }>('cli: test')
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'ipvsc-rule-tests-'))
  cpSync(`${ROOT}examples/rule-tests`, context.folder, { recursive: true })
})
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }))

function run(args: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}) {
  const { CI: _ci, FORCE_COLOR: _color, ...others } = process.env
  const options = { encoding: 'utf8', cwd, env: { ...others, NO_COLOR: '1', ...env } } as const
  return spawnSync(process.execPath, [`${ROOT}dist/cli.js`, 'test', ...args], options)
}

/** A file of one case over the example. */
function write(folder: string, each: string, name = 'one.ipvsc-test.yaml'): string {
  writeFileSync(join(folder, name), `inputs: [cluster.yaml]\non: worker-1\ncases:\n  - ${each}\n`)
  return name
}

test('the example passes, and a filter chooses among its cases', ({ folder }) => {
  const all = run([], folder)
  assert.is(all.status, 0, all.stdout + all.stderr)
  assert.match(all.stdout, /7 of 7 cases passed\n$/)
  assert.match(run(['--filter', 'nobody'], folder).stdout, /^ok {5}and nobody else\n1 of 1 case passed\n$/)
  assert.is(run(['--filter', 'nothing like it'], folder).status, 2)
})

for (const [what, each, found] of [
  [
    'one server too many',
    '{from: node, to: "svc:shop/cart", reaches: ["10.244.1.5"]}',
    /\+ reaches cart-7d4b9-w9q8z/,
  ],
  [
    'a server that is not reached',
    '{from: node, to: "svc:shop/cart", reaches: ["*", db-*]}',
    /- reaches db-\*/,
  ],
  [
    'another source',
    '{from: "pod:shop/web-1", to: "svc:shop/cart", sees: node}',
    /- sees node\n {2}\+ sees client/,
  ],
  ['an answer', '{from: node, to: "svc:shop/cart", refused: true}', /- refused\n {2}\+ answered/],
  ['a refusal', '{from: node, to: "svc:shop/search", sees: client}', /\+ refused/],
  [
    'a drop',
    '{from: outside, to: "203.0.113.10:443", passes: true}',
    /\+ dropped[\s\S]*KUBE-SOURCE-RANGES-FIREWALL/,
  ],
  ['what no Service has', '{from: outside, to: "203.0.113.77:443", dropped: true}', /\+ passes/],
] as const)
  test(`an expectation fails on ${what}, at its place`, ({ folder }) => {
    const { status, stdout } = run([write(folder, each)], folder)
    assert.is(status, 3, stdout)
    assert.match(stdout, /^failed .*\n {2}one\.ipvsc-test\.yaml:4:5: the packet is /)
    assert.match(stdout, found)
  })

test('a case is broken whose Pod, Service, node or inputs are not there', ({ folder }) => {
  for (const each of [
    '{from: "pod:shop/none", to: "svc:shop/cart", sees: node}',
    '{from: node, to: "svc:shop/none", sees: node}',
    '{on: worker-9, verify: all}',
    '{from: "::1", to: "svc:shop/cart", sees: node}',
  ]) {
    const { status, stdout } = run([write(folder, each)], folder)
    assert.is(status, 1, stdout)
    assert.match(stdout, /^broken /)
  }
  writeFileSync(join(folder, 'no.ipvsc-test.yaml'), 'inputs: [none]\ncases: [{on: a, verify: all}]\n')
  assert.is(run(['no.ipvsc-test.yaml'], folder).status, 1)
})

test('a file of another form is refused at line and column', ({ folder }) => {
  for (const [each, message] of [
    ['{from: node, too: "svc:shop/cart", sees: node}', /one\.ipvsc-test\.yaml:4:\d+.*no such field/],
    ['{from: node, to: a, sees: both}', /one\.ipvsc-test\.yaml:4:\d+.*one of client, node/],
    ['{from: node, sees: node}', /one\.ipvsc-test\.yaml:4:5.*says no to/],
    ['{from: node, to: a}', /one\.ipvsc-test\.yaml:4:5.*one thing that becomes/],
    ['{verify: all, payloads: x}', /one\.ipvsc-test\.yaml:4:5.*of one kind/],
  ] as const) {
    const { status, stderr } = run([write(folder, each)], folder)
    assert.is(status, 1, stderr)
    assert.match(stderr, message)
  }
  writeFileSync(
    join(folder, 'ipvsc.yaml'),
    'version: 1\ntests:\n  inputs: [cluster.yaml]\n  cases:\n    - {verify: all}\n',
  )
  assert.match(run(['ipvsc.yaml'], folder).stderr, /ipvsc\.yaml:5:7.*says no node/)
})

test('payloads that differ are shown as a diff, and --update writes them, but not where CI is set', ({
  folder,
}) => {
  const path = join(folder, 'rules/expected/worker-1/ipvs.restore')
  const before = readFileSync(path, 'utf8')
  writeFileSync(path, before.replace(' rr', ' wrr'))
  const { status, stdout } = run(['rules'], folder)
  assert.is(status, 3)
  assert.match(stdout, /ipvs\.restore differs\n[\s\S]*\n {4}-.* wrr\n {4}\+.* rr\n/)
  assert.is(run(['rules', '--update'], folder, { CI: 'true' }).status, 4)
  assert.is.not(readFileSync(path, 'utf8'), before)
  assert.is(run(['rules', '--update'], folder).status, 0)
  assert.is(readFileSync(path, 'utf8'), before)
})

test('JUnit and JSON tell the same, and what a name holds stays text', ({ folder }) => {
  const file = write(folder, '{name: "<a>\\e[31m", from: node, to: "svc:shop/cart", refused: true}')
  const junit = run([file, '--output', 'junit'], folder)
  assert.is(junit.status, 3)
  assert.match(junit.stdout, /tests="1" failures="1" errors="0"/)
  assert.not.match(junit.stdout, /<a>|\u001b/)
  const { cases } = JSON.parse(run([file, '--output', 'json'], folder).stdout)
  assert.is(cases[0].status, 'failed')
  assert.is(cases[0].line, 4)
  assert.not.match(run([file], folder).stdout, /\u001b/)
})

test('init makes cases of a cluster that pass once their payloads are written', ({ folder }) => {
  const made = run(['init', 'first', '--cluster', 'cluster.yaml'], folder)
  assert.is(made.status, 0, made.stderr)
  assert.is(run(['first'], folder).status, 3)
  const updated = run(['first', '--update'], folder)
  assert.is(updated.status, 0, updated.stdout + updated.stderr)
  assert.ok(existsSync(join(folder, 'first/expected/worker-1/ipvs.restore')))
  assert.is(run(['first'], folder).status, 0)
  assert.is(run(['init', 'first', '--cluster', 'cluster.yaml'], folder).status, 4)
})

test('ipvsc/testing gives the cases to another runner', ({ folder }) => {
  const code = `
    import test from 'node:test'
    import { ruleTests } from ${JSON.stringify(`${ROOT}dist/testing.js`)}
    for (const { name, run } of await ruleTests(...process.argv.slice(2))) test(name, run)
  `
  writeFileSync(join(folder, 'use.mjs'), code)
  const { NODE_TEST_CONTEXT: _context, ...env } = process.env
  const use = (path: string) =>
    spawnSync(process.execPath, ['--test-reporter', 'tap', 'use.mjs', path], {
      cwd: folder,
      encoding: 'utf8',
      env,
    })
  const passed = use('.')
  assert.is(passed.status, 0, passed.stdout + passed.stderr)
  assert.match(passed.stdout, /# pass 7\n/)
  const failed = use(write(folder, '{from: node, to: "svc:shop/cart", refused: true}'))
  assert.is(failed.status, 1)
  assert.match(failed.stdout, /expected: 'refused'/)
})

for (const path of ['docs/rule-tests.md', 'examples/rule-tests/README.md'])
  test(`${path} shows what its commands say`, () => {
    const shown = shownIn(readFileSync(`${ROOT}${path}`, 'utf8'))
    assert.ok(shown.length > 0)
    for (const { command, output } of shown) assert.is(outputOf(command), output, command)
  })

test.run()
