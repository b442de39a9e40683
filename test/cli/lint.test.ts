import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RULES } from '../../src/review/lint/rules/index.ts'
import { ROOT } from '../support/shared.ts'

const test = suite<{ folder: string }>('cli: lint')
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'ipvsc-test-'))
})
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }))

const ipvscIn = (cwd: string, ...args: readonly string[]) =>
  spawnSync(process.execPath, [`${ROOT}dist/cli.js`, ...args], {
    encoding: 'utf8',
    cwd,
    env: { ...process.env, SOURCE_DATE_EPOCH: '1795478400', NO_COLOR: '1' },
  })
const ipvsc = (...args: readonly string[]) => ipvscIn(ROOT, ...args)

const CASES = `${ROOT}golden/lint`

test('the exit status is 3 from the severity on that --fail-on names', () => {
  const state = `${CASES}/no-ready-endpoint/fires/state.yaml`
  for (const [words, expected] of [
    [[], 0],
    [['--fail-on', 'warning'], 3],
    [['--fail-on', 'grave'], 2],
  ] as const) {
    const { status, stderr } = ipvsc('lint', state, ...words)
    assert.is(status, expected, `${words.join(' ')}: ${stderr}`)
  }
  assert.is(ipvsc('lint', `${CASES}/address-of-node/fires/state.yaml`).status, 3)
  assert.is(ipvsc('lint').status, 2)
})

test('ipvsc.yaml is found upwards to the root of the repository, and not above', ({ folder }) => {
  const deep = join(folder, 'repository', 'deploy', 'shop')
  mkdirSync(deep, { recursive: true })
  const state = join(deep, 'state.yaml')
  writeFileSync(state, readFileSync(`${CASES}/no-ready-endpoint/fires/state.yaml`))
  const off = 'version: 1\nlint:\n  rules: { NO_READY_ENDPOINT: off }\n'
  writeFileSync(join(folder, 'ipvsc.yaml'), off)
  const found = () => ipvscIn(deep, 'lint', 'state.yaml').stdout.split('\n')[0]
  assert.is(found(), '1 warning', 'outside of a repository the working directory alone counts')
  mkdirSync(join(folder, 'repository', '.git'))
  assert.is(found(), '1 warning', 'what lies above the repository is of somebody else')
  writeFileSync(join(folder, 'repository', 'ipvsc.yaml'), off)
  assert.is(found(), 'nothing found')
  writeFileSync(join(folder, 'repository', 'deploy', 'ipvsc.yaml'), off.replace('off', 'error'))
  assert.is(found(), '1 error', 'the nearest one counts')
  const named = ipvscIn(deep, 'lint', 'state.yaml', '--settings', join(folder, 'ipvsc.yaml'))
  assert.is(named.stdout, 'nothing found\n')
})

test('what is wrong with ipvsc.yaml is told at its line, and nothing is looked at', ({ folder }) => {
  const state = `${CASES}/no-ready-endpoint/fires/state.yaml`
  const told = (text: string): string => {
    writeFileSync(join(folder, 'ipvsc.yaml'), text)
    const { status, stdout, stderr } = ipvscIn(folder, 'lint', state)
    assert.is(status, 1, stderr)
    assert.is(stdout, '')
    return stderr
  }
  assert.match(
    told('version: 1\nlint:\n  rules:\n    NO_ENDPOINT: off\n'),
    /^ipvsc\.yaml:4:18: error SCHEMA: lint\.rules\.NO_ENDPOINT: /,
  )
  assert.match(
    told('version: 1\nlint:\n  rules:\n    NO_READY_ENDPOINT: fatal\n'),
    /^ipvsc\.yaml:4:24: error SCHEMA/,
  )
  assert.match(
    told('version: 1\nlint:\n  networks:\n    externalIPs: [192.0.2.0/99]\n'),
    /^ipvsc\.yaml:4:19: error SCHEMA: lint\.networks\.externalIPs\[0\]/,
  )
  assert.match(told('version: 1\n---\nversion: 1\n'), /several documents/)
})

test('a block of tests is no error of rules, and is not executed', ({ folder }) => {
  writeFileSync(
    join(folder, 'ipvsc.yaml'),
    'version: 1\ntests: { inputs: ["$(touch forged)"], cases: [{ verify: all }] }\n',
  )
  const { status, stdout } = ipvscIn(folder, 'lint', `${CASES}/address-of-node/close/state.yaml`)
  assert.is(status, 0)
  assert.match(stdout, /^1 warning\n/)
})

test('every form tells the same findings', () => {
  const state = `${CASES}/address-of-node/fires/state.yaml`
  const form = (output: string): string => {
    const { stdout, stderr, status } = ipvsc('lint', state, '--output', output)
    assert.is(status, 3, stderr)
    return stdout
  }
  const codes = JSON.parse(form('json')).findings.map(({ code }: { code: string }) => code)
  assert.equal(codes, ['ADDRESS_OF_NODE', 'EXTERNAL_IP_NOT_ALLOWED'])
  const { results } = JSON.parse(form('sarif')).runs[0]
  assert.equal(
    results.map(({ ruleId }: { ruleId: string }) => ruleId),
    codes,
  )
  assert.equal(results[0].locations[0].physicalLocation.region, { startLine: 31, startColumn: 17 })
  const [text, junit] = [form('text'), form('junit')]
  for (const code of codes) {
    assert.ok(text.includes(` ${code}: Service shop/web: `))
    assert.ok(junit.includes(`<testcase classname="${code}" name="shop/web"`))
  }
})

test('a bundle is asked what plans tell, and the rest is counted', ({ folder }) => {
  const bundle = join(folder, 'bundle')
  const input = 'golden/session-affinity/input.yaml'
  assert.is(ipvsc('build', input, '--node', 'node-1', '-o', bundle, '-q').status, 0)
  const { status, stdout, stderr } = ipvsc('lint', bundle)
  assert.is(status, 0, stderr)
  const unasked = RULES.filter((rule) => rule.on === 'state' && rule.checkPlan === undefined).length
  assert.match(
    stdout,
    new RegExp(`^nothing found; ${unasked} rules not asked, since the state tells nothing of Services\n$`),
  )
  assert.is(ipvsc('lint', bundle, input).status, 2, 'a bundle and inputs are no one state')
})

test('inputs with errors are refused as by a build', () => {
  const { status, stderr, stdout } = ipvsc('lint', 'golden/refused-addresses/input.yaml')
  assert.is(status, 1)
  assert.match(stderr, /error ADDRESS_INVALID/)
  assert.is(stdout, '')
})

test('--rules lists every rule', () => {
  const { stdout, status } = ipvsc('lint', '--rules')
  assert.is(status, 0)
  assert.equal(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ')[0]),
    RULES.map(({ code }) => code),
  )
  assert.is(JSON.parse(ipvsc('lint', '--rules', '--output', 'json').stdout).length, RULES.length)
})

const diff = (rule: string, ...words: readonly string[]) => {
  const folder = `${CASES}/${rule}`
  return ipvscIn(folder, 'diff', 'before.yaml', 'after.yaml', '--all-nodes', '-q', ...words)
}

test('diff --guard tells findings in every form, and ends with 3 where one is an error', () => {
  const fires = 'last-endpoint-lost/fires'
  assert.is(diff(fires).status, 0)
  const text = diff(fires, '--guard')
  assert.is(text.status, 3, text.stderr)
  assert.match(
    text.stdout,
    /\nguard: 1 error\nafter\.yaml:28:13: error LAST_ENDPOINT_LOST: Service shop\/web: /,
  )
  assert.match(diff(fires, '--guard', '--output', 'markdown').stdout, /LAST_ENDPOINT_LOST/)
  const { findings } = JSON.parse(diff(fires, '--guard', '--output', 'json').stdout)
  assert.equal(findings[0].place.position, { line: 28, column: 13 })
  const { results } = JSON.parse(diff(fires, '--guard', '--output', 'sarif').stdout).runs[0]
  assert.is(results[0].ruleId, 'LAST_ENDPOINT_LOST')
  assert.is(diff(fires, '--guard', '--fail-on', 'never').status, 0)
  const close = diff('last-endpoint-lost/close', '--guard')
  assert.is(close.status, 0)
  assert.match(close.stdout, /\nguard: nothing found\n/)
})

test('--allow names what may happen, and asks rules', () => {
  const rule = 'change-not-allowed/fires'
  assert.is(diff(rule, '--allow', 'update').status, 3)
  assert.is(diff(rule, '--allow', 'add').status, 0)
  assert.match(diff(rule, '--allow', 'create').stderr, /--allow: "create" is none of add, update, delete/)
  assert.is(diff(rule, '--output', 'sarif').status, 2, 'SARIF tells findings alone')
})

test('a bundle on one side is guarded by what its plan holds', ({ folder }) => {
  const { before, after, bundle } = {
    before: `${CASES}/last-endpoint-lost/fires/before.yaml`,
    after: `${CASES}/last-endpoint-lost/fires/after.yaml`,
    bundle: join(folder, 'bundle'),
  }
  assert.is(ipvsc('build', before, '--node', 'node-1', '-o', bundle, '-q').status, 0)
  const { status, stdout, stderr } = ipvsc('diff', bundle, after, '--node', 'node-1', '-q', '--guard')
  assert.is(status, 3, stderr)
  assert.match(stdout, /error LAST_ENDPOINT_LOST: .*tcp 10\.96\.0\.10:80 loses all 2 ready endpoints/)
})

test.run()
