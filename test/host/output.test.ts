import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bundleOf } from '../../src/bundle/bundle.ts'
import { FailedError, RefusedError } from '../../src/host/exit.ts'
import { writeFolder } from '../../src/host/folder.ts'
import { writeText } from '../../src/host/output.ts'
import { loadCase, runCase } from '../golden/cases.ts'

/** What commands write is written whole, and never over what belongs to somebody else. */

const test = suite<{ folder: string }>('host: output')
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'ipvsc-test-'))
})
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }))

const rejection = (run: Promise<unknown>): Promise<Error> =>
  run.then(
    () => assert.unreachable('it was written'),
    (error: Error) => error,
  ) as Promise<Error>

test('a regular file is replaced and keeps its mode; nothing is left beside it', async ({ folder }) => {
  const file = join(folder, 'plan.json')
  await writeText(file, 'first\n', 0o600)
  assert.is(statSync(file).mode & 0o777, 0o600)
  chmodSync(file, 0o640)
  await writeText(file, 'second\n')
  assert.is(readFileSync(file, 'utf8'), 'second\n')
  assert.is(statSync(file).mode & 0o777, 0o640)
  assert.equal(readdirSync(folder), ['plan.json'])
})

test('a link is written through, also one to a file that is not there yet', async ({ folder }) => {
  for (const name of ['there', 'absent']) {
    if (name === 'there') writeFileSync(join(folder, name), 'before, and longer\n')
    const link = join(folder, `link-${name}`)
    symlinkSync(name, link)
    await writeText(link, 'now\n')
    assert.is(readlinkSync(link), name)
    assert.is(readFileSync(join(folder, name), 'utf8'), 'now\n')
  }
})

test('a FIFO is written through and stays one', async ({ folder }) => {
  const fifo = join(folder, 'fifo')
  execFileSync('mkfifo', [fifo])
  const reader = spawn('cat', [fifo], { stdio: ['ignore', 'pipe', 'inherit'] })
  let read = ''
  reader.stdout.on('data', (data) => {
    read += data
  })
  await writeText(fifo, 'through\n')
  await once(reader, 'close')
  assert.is(read, 'through\n')
  assert.ok(lstatSync(fifo).isFIFO())
})

test('a device is written through: a full one is told in one line', async () => {
  await writeText('/dev/null', 'gone\n')
  assert.ok(statSync('/dev/null').isCharacterDevice())
  const error = await rejection(writeText('/dev/full', 'no room\n'))
  assert.instance(error, FailedError)
  assert.match(error.message, /^cannot write \/dev\/full: ENOSPC/)
  assert.ok(statSync('/dev/full').isCharacterDevice())
})

test('links that wait under guessed names are not followed', async ({ folder }) => {
  const precious = join(folder, 'precious')
  writeFileSync(precious, 'precious')
  const file = join(folder, 'plan.json')
  for (const guess of [`plan.json.${process.pid}.tmp`, '.plan.json.tmp'])
    symlinkSync('precious', join(folder, guess))
  await writeText(file, 'plan\n')
  assert.is(readFileSync(precious, 'utf8'), 'precious')
  assert.is(readFileSync(file, 'utf8'), 'plan\n')
})

/** The files of a bundle, in folders of the names given. */
async function bundleFiles(
  name: string,
  folders: readonly string[] = [''],
): Promise<ReadonlyMap<string, Uint8Array>> {
  const { plan } = await runCase(await loadCase(name))
  if (plan === null) throw new Error(`${name} has no plan`)
  const { files } = bundleOf('node-1', plan)
  return new Map(
    folders.flatMap((folder) =>
      [...files].map(([file, bytes]): [string, Uint8Array] => [folder + file, bytes]),
    ),
  )
}

const FOREIGN = ['firewall.restore', 'mine.state', 'delta/notes.txt', 'sub/plan.json'] as const

test('whatever a manifest does not name is refused, and stays also with force', async ({ folder }) => {
  for (const [index, name] of FOREIGN.entries()) {
    const target = join(folder, String(index))
    await writeFolder(target, await bundleFiles('cluster-ip'), false)
    const foreign = join(target, name)
    mkdirSync(join(foreign, '..'), { recursive: true })
    writeFileSync(foreign, 'precious')
    const before = readFileSync(join(target, 'plan.json'), 'utf8')
    const error = await rejection(writeFolder(target, await bundleFiles('session-affinity'), false))
    assert.instance(error, RefusedError)
    assert.match(error.message, `holds ${name}`)
    assert.is(readFileSync(join(target, 'plan.json'), 'utf8'), before)
    await writeFolder(target, await bundleFiles('session-affinity'), true)
    assert.is(readFileSync(foreign, 'utf8'), 'precious')
    assert.is.not(readFileSync(join(target, 'plan.json'), 'utf8'), before)
  }
})

test('folders of several nodes: a key that lies in one of them stays', async ({ folder }) => {
  const target = join(folder, 'out')
  await writeFolder(target, await bundleFiles('cluster-ip', ['worker-1/', 'worker-2/']), false)
  await writeFolder(target, await bundleFiles('session-affinity', ['worker-1/', 'worker-2/']), false)
  const key = join(target, 'worker-1', 'precious.key')
  writeFileSync(key, 'precious')
  const again = () => bundleFiles('cluster-ip', ['worker-1/', 'worker-2/'])
  assert.match(
    (await rejection(writeFolder(target, await again(), false))).message,
    /worker-1\/precious\.key/,
  )
  await writeFolder(target, await again(), true)
  assert.is(readFileSync(key, 'utf8'), 'precious')
  assert.equal(readdirSync(folder), ['out'])
})

test('bundles of other nodes are not removed by a bundle that is written around them', async ({ folder }) => {
  const target = join(folder, 'out')
  await writeFolder(target, await bundleFiles('cluster-ip', ['worker-1/']), false)
  const error = await rejection(writeFolder(target, await bundleFiles('cluster-ip'), false))
  assert.match(error.message, /holds worker-1\//)
})

test('a file of ours that was changed since is refused, and replaced with force', async ({ folder }) => {
  const target = join(folder, 'bundle')
  await writeFolder(target, await bundleFiles('cluster-ip'), false)
  writeFileSync(join(target, 'ipvs.restore'), 'edited by hand\n')
  const error = await rejection(writeFolder(target, await bundleFiles('cluster-ip'), false))
  assert.match(error.message, /holds ipvs\.restore, .* has changed since/)
  await writeFolder(target, await bundleFiles('cluster-ip'), true)
  assert.not.match(readFileSync(join(target, 'ipvs.restore'), 'utf8'), /edited/)
})

test('what a bundle no longer has goes with the bundle before', async ({ folder }) => {
  const target = join(folder, 'bundle')
  const files = new Map(await bundleFiles('cluster-ip'))
  await writeFolder(target, files, false)
  const narrow = new Map([...files].filter(([name]) => name !== 'ip6tables.restore'))
  await writeFolder(target, narrow, false)
  assert.not.ok(existsSync(join(target, 'ip6tables.restore')))
})

test('a link to a folder stays a link; a link inside a folder is not followed', async ({ folder }) => {
  mkdirSync(join(folder, 'v1'))
  symlinkSync('v1', join(folder, 'current'))
  await writeFolder(join(folder, 'current'), await bundleFiles('cluster-ip'), false)
  assert.is(readlinkSync(join(folder, 'current')), 'v1')
  assert.ok(existsSync(join(folder, 'v1', 'plan.json')))
  mkdirSync(join(folder, 'elsewhere'))
  mkdirSync(join(folder, 'out'))
  symlinkSync('../elsewhere', join(folder, 'out', 'worker-1'))
  const files = await bundleFiles('cluster-ip', ['worker-1/'])
  for (const force of [false, true])
    assert.instance(await rejection(writeFolder(join(folder, 'out'), files, force)), RefusedError)
  assert.equal(readdirSync(join(folder, 'elsewhere')), [])
})

test.run()
