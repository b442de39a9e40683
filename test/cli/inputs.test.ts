import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ROOT } from '../support/shared.ts'

const INPUT = readFileSync(`${ROOT}golden/cluster-ip/input.yaml`, 'utf8')

const test = suite<{ folder: string }>('folders as inputs')
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'ipvsc-test-'))
})
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }))

const check = (folder: string, ...inputs: string[]) =>
  spawnSync(process.execPath, [`${ROOT}dist/cli.js`, 'check', ...inputs], { encoding: 'utf8', cwd: folder })

test('what git keeps for itself is not counted among the files', ({ folder }) => {
  writeFileSync(join(folder, 'web.yaml'), INPUT)
  mkdirSync(join(folder, '.git/refs'), { recursive: true })
  writeFileSync(join(folder, '.git/HEAD'), 'ref: refs/heads/main\n')
  writeFileSync(join(folder, '.git/refs/trap.yaml'), INPUT.replace('172.30.0.41', '172.30.0.42'))
  const { status, stderr } = check(folder, '.')
  assert.is(status, 0, stderr)
  assert.match(stderr, 'read: 1 Service,')
  assert.not.match(stderr, 'passed over')
})

test('a link that leads to nothing, or in a circle, is named, and all else is read', ({ folder }) => {
  writeFileSync(join(folder, 'web.yaml'), INPUT)
  symlinkSync('gone.yaml', join(folder, 'old.yaml'))
  symlinkSync('round.yml', join(folder, 'round.yml'))
  symlinkSync('gone.txt', join(folder, 'notes.txt'))
  const { status, stderr } = check(folder, '.')
  assert.is(status, 0, stderr)
  assert.match(stderr, /^old\.yaml: warning INPUT_UNREAD: .*leads to nothing/m)
  assert.match(stderr, /^round\.yml.*: warning INPUT_UNREAD/m)
  assert.not.match(stderr, 'notes.txt')
  assert.match(stderr, 'read: 1 Service,')
})

test('a folder without a manifest gets a clear word', ({ folder }) => {
  writeFileSync(join(folder, 'README'), 'nothing here')
  const { status, stderr } = check(folder, '.')
  assert.is(status, 2)
  assert.is(stderr, 'ipvsc: the inputs hold no JSON or YAML file\n')
})

test('a repository of 5,000 files, of which 40 hold Services, beside large ConfigMaps', ({ folder }) => {
  const workload = (name: string): string =>
    `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ${name}}\nspec:\n  replicas: 1\n  template:\n    metadata: {labels: {app: ${name}}}\n    spec: {containers: [{name: a, image: b}]}\n`
  for (let at = 0; at < 100; at++) mkdirSync(join(folder, `apps/${at}`), { recursive: true })
  for (let at = 0; at < 4955; at++)
    writeFileSync(join(folder, `apps/${at % 100}/${at}.yaml`), workload(`x${at}`))
  for (let at = 0; at < 40; at++)
    writeFileSync(
      join(folder, `apps/${at}/service.yaml`),
      `apiVersion: v1\nkind: Service\nmetadata: {name: s${at}}\nspec: {clusterIP: 10.96.0.${at + 1}, ports: [{port: 80}]}\n`,
    )
  const large = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big}\ndata:\n  text: |\n${'    a line of a file, with {braces}: and colons\n'.repeat(22_000)}`
  assert.ok(large.length > 1_000_000)
  for (let at = 0; at < 5; at++)
    writeFileSync(join(folder, `apps/${at}/config.yaml`), large.replace('big', `big${at}`))
  const { status, stderr } = check(folder, '.')
  const seconds = Number(/; ([\d.]+) s$/m.exec(stderr)?.[1])
  assert.is(status, 0, stderr)
  assert.match(stderr, 'read: 40 Services,')
  assert.match(stderr, '4,960 objects of other kinds passed over')
  assert.ok(seconds < 30, `${seconds} s`)
})

test.run()
