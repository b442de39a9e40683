import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { renewCommand } from '../../src/cli/upToDate.ts'
import { VERSION } from '../../src/version.ts'
import { ROOT } from '../support/shared.ts'

const INPUT = readFileSync(`${ROOT}golden/cluster-ip/input.yaml`, 'utf8')

interface Context {
  /** Holds input.yaml, and is where commands run. */
  folder: string
}

const test = suite<Context>('build --check')
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'ipvsc-test-'))
  writeFileSync(join(context.folder, 'input.yaml'), INPUT)
})
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }))

const ipvsc = (folder: string, ...args: string[]) =>
  spawnSync(process.execPath, [`${ROOT}dist/cli.js`, ...args], { encoding: 'utf8', cwd: folder })

const BUILD = ['build', 'input.yaml', '--node', 'node-1', '-o', 'rules'] as const

/** Everything below a folder, to see that nothing changes. */
const contents = (folder: string): string[] =>
  (readdirSync(folder, { recursive: true }) as string[]).sort().map((name) => {
    try {
      return `${name} ${readFileSync(join(folder, name), 'utf8')}`
    } catch {
      return name
    }
  })

/** Checks, and sees that nothing is written. */
function check(folder: string, ...args: string[]) {
  const before = contents(folder)
  const outcome = ipvsc(folder, ...args, '--check')
  assert.equal(contents(folder), before, 'nothing is written')
  return outcome
}

function built(folder: string, ...args: string[]): void {
  const { status, stderr } = ipvsc(folder, ...args)
  assert.is(status, 0, stderr)
}

test('a folder that is what the inputs compile to: status 0, also with --all-nodes', ({ folder }) => {
  built(folder, ...BUILD)
  const { status, stdout } = check(folder, ...BUILD)
  assert.is(status, 0)
  assert.is(stdout, 'rules is what the inputs compile to\n')
  const all = ['build', 'input.yaml', '--all-nodes', '-o', 'all/']
  built(folder, ...all)
  assert.is(check(folder, ...all).status, 0)
  assert.is(check(folder, ...all, '--quiet').stdout, '')
})

test('an input that changed: the stale files, a diff of payloads, and the command that renews', ({
  folder,
}) => {
  built(folder, ...BUILD)
  writeFileSync(join(folder, 'input.yaml'), INPUT.replace('"port": 80,', '"port": 81,'))
  const { status, stdout } = check(folder, ...BUILD)
  assert.is(status, 3)
  assert.match(stdout, /^stale: rules\/ipvs\.restore$/m)
  assert.match(stdout, /^stale: rules\/plan\.json$/m)
  assert.not.match(stdout, /edited|missing: |surplus: |^Index|^===/m)
  assert.match(stdout, /^-+ rules\/ipvs\.restore\theld\n\++ rules\/ipvs\.restore\tcompiled$/m)
  assert.match(stdout, /^-.*172\.30\.0\.41:80 .*\n(.*\n)*?\+.*172\.30\.0\.41:81 /m)
  assert.not.match(stdout, /^[-+] *"/m, 'what follows from payloads is not shown')
  assert.match(stdout, /^renew it: ipvsc build input\.yaml --node node-1 -o rules$/m)
  built(folder, ...BUILD)
  assert.is(check(folder, ...BUILD).status, 0)
})

test('missing, surplus and edited files are told apart', ({ folder }) => {
  built(folder, ...BUILD)
  const at = (name: string): string => join(folder, 'rules', name)
  rmSync(at('ip.batch'))
  writeFileSync(at('notes.txt'), 'of others')
  writeFileSync(at('ipvs.restore'), `${readFileSync(at('ipvs.restore'), 'utf8')}# \u001b[31mby hand\n`)
  rmSync(at('modules.conf'))
  symlinkSync('/etc/passwd', at('modules.conf'))
  const { status, stdout } = check(folder, ...BUILD)
  assert.is(status, 3)
  assert.match(stdout, /^missing: rules\/ip\.batch$/m)
  assert.match(stdout, /^surplus: rules\/notes\.txt$/m)
  assert.match(stdout, /^stale \(edited or damaged\): rules\/ipvs\.restore$/m)
  assert.match(stdout, /^rules\/modules\.conf is no regular file$/m)
  assert.not.match(stdout, 'root:')
  assert.match(stdout, /2 stale, 1 missing, 1 surplus/)
  assert.match(stdout, /^remove what is surplus, then renew it: ipvsc build/m)
  const forced = check(folder, ...BUILD, '--force')
  assert.not.match(forced.stdout, /surplus: /, 'with --force, files of others stay')
})

test('a folder that is absent misses everything', ({ folder }) => {
  const { status, stdout } = check(folder, ...BUILD)
  assert.is(status, 3)
  assert.match(stdout, /^missing: rules\/plan\.json$/m)
})

test('with --all-nodes, bundles of nodes that came or went are missing and surplus', ({ folder }) => {
  const all = ['build', 'input.yaml', '--all-nodes', '-o', 'all']
  built(folder, ...all)
  cpSync(join(folder, 'all/node-1'), join(folder, 'all/node-9'), { recursive: true })
  const second = INPUT.slice(INPUT.indexOf('apiVersion: v1\nkind: Node')).replaceAll('node-1', 'node-2')
  writeFileSync(join(folder, 'input.yaml'), `${INPUT}---\n${second.replaceAll('192.168.0.1', '192.168.0.2')}`)
  const { status, stdout } = check(folder, ...all, '--force')
  assert.is(status, 3)
  assert.match(stdout, /^missing: all\/node-2\/plan\.json$/m)
  assert.match(stdout, /^surplus: all\/node-9\/plan\.json$/m)
  assert.match(stdout, /^surplus: all\/node-9\/SHA256SUMS$/m)
})

/** Makes a bundle look as if another release had made it. */
function madeBy(version: string, bundle: string): void {
  const manifest = readFileSync(join(bundle, 'manifest.json'), 'utf8')
  const other = manifest.replace(`"version": "${VERSION}"`, `"version": "${version}"`)
  assert.is.not(other, manifest)
  writeFileSync(join(bundle, 'manifest.json'), other)
  const sum = (text: string): string => createHash('sha256').update(text).digest('hex')
  const sums = readFileSync(join(bundle, 'SHA256SUMS'), 'utf8')
  writeFileSync(join(bundle, 'SHA256SUMS'), sums.replace(sum(manifest), sum(other)))
}

test('a bundle of an older release is told from a stale one', ({ folder }) => {
  built(folder, ...BUILD)
  madeBy('0.0.9', join(folder, 'rules'))
  const same = check(folder, ...BUILD)
  assert.is(same.status, 3)
  assert.match(
    same.stdout,
    `rules was made by ipvsc 0.0.9, and this is ${VERSION}: its plan is up to date, only the release differs`,
  )
  assert.not.match(same.stdout, /^@@/m)
  writeFileSync(join(folder, 'input.yaml'), INPUT.replace('"port": 80,', '"port": 81,'))
  const both = check(folder, ...BUILD)
  assert.match(both.stdout, /was made by ipvsc 0\.0\.9, .*: its plan differs, too/)
  assert.match(both.stdout, /^@@/m)
})

test('--output json has the same as data', ({ folder }) => {
  built(folder, ...BUILD)
  assert.equal(JSON.parse(check(folder, ...BUILD, '--output', 'json').stdout).check.upToDate, true)
  rmSync(join(folder, 'rules/ip.batch'))
  madeBy('0.0.9', join(folder, 'rules'))
  const { status, stdout } = check(folder, ...BUILD, '--output', 'json')
  assert.is(status, 3)
  const { check: data, ok } = JSON.parse(stdout)
  assert.is(ok, true)
  assert.equal(data, {
    upToDate: false,
    folder: 'rules',
    stale: ['SHA256SUMS', 'manifest.json'],
    missing: ['ip.batch'],
    surplus: [],
    edited: [],
    otherVersions: [{ folder: '', version: '0.0.9', samePlan: true }],
    renew: 'ipvsc build input.yaml --node node-1 -o rules --output json',
    diff: '',
  })
})

test('errors of the inputs are status 1, wrong usage 2, as without --check', ({ folder }) => {
  built(folder, ...BUILD)
  assert.is(check(folder, 'build', 'input.yaml', '--node', 'node-1').status, 2)
  assert.is(check(folder, 'build', 'input.yaml', '--node', 'node-1', '--emit', 'ipvs').status, 2)
  writeFileSync(join(folder, 'input.yaml'), INPUT.replace('"172.30.0.41"', '"010.0.0.1"'))
  assert.is(check(folder, ...BUILD).status, 1)
})

test('a large payload is cut, and compared in no time', ({ folder }) => {
  const services = (port: number): string =>
    Array.from(
      { length: 3000 },
      (_, at) =>
        `---\napiVersion: v1\nkind: Service\nmetadata: {name: s${at}}\nspec: {clusterIP: 10.9.${at >> 8}.${at & 255}, ports: [{port: ${port}}]}\n`,
    ).join('')
  writeFileSync(join(folder, 'input.yaml'), INPUT + services(80))
  built(folder, ...BUILD)
  writeFileSync(join(folder, 'input.yaml'), INPUT + services(81))
  const { status, stdout } = check(folder, ...BUILD)
  assert.is(status, 3)
  assert.match(stdout, 'rules/ipvs.restore differs in more than 1000 lines')
  assert.ok(stdout.split('\n').length < 300)
})

test('the renewing command is fit for a shell', () => {
  assert.is(
    renewCommand(['build', "it's here/", '--check', '-o', 'a b']),
    `ipvsc build 'it'\\''s here/' -o 'a b'`,
  )
})

test.run()
