import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ROOT } from '../support/shared.ts'

/** What the command line takes for true, and what it says of what it leaves out. */

const CLI = `${ROOT}dist/cli.js`
const input = (name: string): string => `${ROOT}golden/${name}/input.yaml`

interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

const ipvsc = (...args: readonly string[]): Outcome =>
  spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8', cwd: ROOT })

const test = suite<{ folder: string; bundle: string }>('cli: trust')
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'ipvsc-test-'))
  context.bundle = join(context.folder, 'bundle')
  assert.is(ipvsc('build', input('cluster-ip'), '--node', 'node-1', '-o', context.bundle).status, 0)
})
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }))

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Rewrites a file of a bundle, and gives the text that it had. */
function edit(bundle: string, name: string, change: (text: string) => string): string {
  const path = join(bundle, name)
  const before = readFileSync(path, 'utf8')
  writeFileSync(path, change(before))
  return before
}

const withModule = (text: string): string => text.replace('"ip_vs_rr"', '"ip_vs_rr","ip_vs_sh"')

test('an edited plan is refused with status 4, by drift and by delta', ({ bundle, folder }) => {
  edit(bundle, 'plan.json', withModule)
  for (const words of [
    ['delta', bundle, bundle],
    ['drift', bundle, '--from-dumps', folder],
  ]) {
    const { status, stdout, stderr } = ipvsc(...words)
    assert.is(status, 4, stderr)
    assert.is(stdout, '')
    assert.match(stderr, /bundle is damaged or was edited: plan\.json is not what SHA256SUMS says/)
  }
})

test('every file of a bundle has to be what its manifest and SHA256SUMS say', ({ bundle }) => {
  for (const name of ['ipvs.restore', 'apply.sh', 'bundle.conf', 'provenance.json', 'manifest.json']) {
    const before = edit(bundle, name, (text) => `${text}\n`)
    assert.is(ipvsc('delta', bundle, bundle).status, 4, name)
    writeFileSync(join(bundle, name), before)
  }
  const sums = edit(bundle, 'SHA256SUMS', (text) => text.replace(/^.*manifest\.json\n/m, ''))
  assert.match(ipvsc('delta', bundle, bundle).stderr, /SHA256SUMS does not name manifest\.json/)
  rmSync(join(bundle, 'SHA256SUMS'))
  assert.match(ipvsc('delta', bundle, bundle).stderr, /it has no SHA256SUMS/)
  writeFileSync(join(bundle, 'SHA256SUMS'), sums)
  assert.is(ipvsc('delta', bundle, bundle).status, 0)
})

/** Edits a plan, and all checksums with it. */
function forge(bundle: string, change: (text: string) => string): void {
  const before = edit(bundle, 'plan.json', change)
  const [old, now] = [sha256(before), sha256(change(before))]
  const manifest = edit(bundle, 'manifest.json', (text) => text.replaceAll(old, now))
  const swap = (text: string): string =>
    text.replaceAll(old, now).replace(sha256(manifest), sha256(manifest.replaceAll(old, now)))
  edit(bundle, 'SHA256SUMS', swap)
}

test('a plan whose checksums were made anew still says nothing that ipvsc would never say', ({ bundle }) => {
  forge(bundle, (text) => text.replace('"ip_vs_rr"', '"nfs"'))
  const { status, stderr } = ipvsc('delta', bundle, bundle)
  assert.is(status, 1, stderr)
  assert.match(stderr, /plan\.json is not a plan: modules\[1\]: "nfs" is none of those that a plan may name/)
})

test('a plan without its bundle is said to be unverified', ({ bundle }) => {
  const { status, stderr } = ipvsc('delta', join(bundle, 'plan.json'), bundle)
  assert.is(status, 0)
  assert.match(stderr, /warning: .*plan\.json is unverified: a plan without the manifest of its bundle/)
  assert.not.match(ipvsc('delta', bundle, bundle).stderr, /unverified/)
})

const WEB2 = { kind: 'Service', namespace: 'default', name: 'web2', codes: ['ADDRESS_INVALID'] }
const LEFT_OUT =
  /warning: Service default\/web2 is in quarantine \(ADDRESS_INVALID\): it is left out, and a node loses what it holds of it/

test('delta names what quarantine leaves out, whatever the form, and the bundle says it', ({
  bundle,
  folder,
}) => {
  const target = join(folder, 'delta')
  const words = ['delta', bundle, input('quarantine'), '--node', 'node-1', '--quarantine']
  const { status, stdout, stderr } = ipvsc(...words, '--quiet', '--output', 'json', '-o', target)
  assert.is(status, 0, stderr)
  assert.match(stderr, LEFT_OUT)
  assert.equal(JSON.parse(stdout).quarantined, [WEB2])
  assert.equal(JSON.parse(readFileSync(join(target, 'manifest.json'), 'utf8')).quarantined, [WEB2])
  // Also when the bundle is read again.
  assert.match(ipvsc('delta', bundle, target, '--quiet').stderr, LEFT_OUT)
})

test('apply names what quarantine leaves out before it runs anything', ({ folder }) => {
  const words = ['apply', input('quarantine'), '--node', 'node-1', '--quarantine', '--dry-run', '--quiet']
  const { stdout, stderr } = ipvsc(...words, '--output', 'json', '--state-dir', join(folder, 'state'))
  assert.match(stderr, LEFT_OUT)
  assert.equal(JSON.parse(stdout).quarantined, [WEB2])
})

test.run()
