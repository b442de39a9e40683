import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { inputFiles } from '../../src/cli/inputs/files.ts'
import { CommandError } from '../../src/host/exit.ts'
import { readTextFile } from '../../src/host/files.ts'
import { decodeText } from '../../src/read/encoding.ts'

const test = suite<{ folder: string }>('files')
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'ipvsc-test-'))
})
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }))

function failure(run: () => unknown): { status: number; message: string } {
  try {
    run()
  } catch (error) {
    assert.instance(error, CommandError)
    const { status, message } = error as CommandError
    return { status, message }
  }
  throw new Error('it did not fail')
}

const TEXT = 'kind: Service # ä€😀\n'

function encoded(encoding: string, mark: boolean): Buffer {
  const text = `${mark ? '\ufeff' : ''}${TEXT}`
  if (encoding === 'utf-8') return Buffer.from(text)
  const little = Buffer.from(text, 'utf16le')
  if (encoding === 'utf-16le') return little
  if (encoding === 'utf-16be') return little.swap16()
  const points = [...text].map((character) => character.codePointAt(0) as number)
  const bytes = Buffer.alloc(points.length * 4)
  for (const [index, point] of points.entries())
    encoding === 'utf-32le' ? bytes.writeUInt32LE(point, index * 4) : bytes.writeUInt32BE(point, index * 4)
  return bytes
}

for (const encoding of ['utf-8', 'utf-16le', 'utf-16be', 'utf-32le', 'utf-32be'])
  for (const mark of [true, false])
    test(`${encoding} ${mark ? 'with' : 'without'} a byte order mark is read`, ({ folder }) => {
      const path = join(folder, 'a.yaml')
      writeFileSync(path, encoded(encoding, mark))
      assert.is(readTextFile(path), TEXT)
    })

test('bytes that are no text are refused, not replaced', ({ folder }) => {
  const path = join(folder, 'a.yaml')
  writeFileSync(path, Buffer.from([0x61, 0x3a, 0x20, 0xff, 0xc0]))
  assert.equal(
    failure(() => readTextFile(path)),
    {
      status: 1,
      message: `${path} is no text: neither UTF-8 nor UTF-16 nor UTF-32`,
    },
  )
  assert.is(decodeText(Buffer.from([0xff, 0xfe, 0x00, 0xd8])), null)
  assert.is(decodeText(Buffer.from([0, 0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff])), null)
  assert.is(decodeText(Buffer.alloc(0)), '')
})

test('more bytes than the limit are refused before they are read', ({ folder }) => {
  const path = join(folder, 'a.yaml')
  execFileSync('truncate', ['-s', '600M', path])
  const { status, message } = failure(() => readTextFile(path))
  assert.is(status, 1)
  assert.match(message, /a\.yaml has more than 524,288,000 bytes; --limit bytes=N raises the limit/)
  writeFileSync(path, 'x'.repeat(100))
  assert.is(readTextFile(path, 100).length, 100)
  assert.match(failure(() => readTextFile(path, 99)).message, /more than 99 bytes/)
})

test('devices, FIFOs, sockets and folders are named, not read', async ({ folder }) => {
  const fifo = join(folder, 'fifo')
  execFileSync('mkfifo', [fifo])
  const socket = join(folder, 'socket')
  const server = createServer().listen(socket)
  await new Promise((resolve) => server.once('listening', resolve))
  for (const [path, word] of [
    ['/dev/zero', /is a device/],
    [fifo, /is a FIFO; redirect it and name -/],
    [socket, /is a socket/],
    [folder, /is a directory/],
    [join(folder, 'absent'), /no such file or directory/],
  ] as const) {
    const { status, message } = failure(() => readTextFile(path))
    assert.match(message, word)
    assert.is(status, 2)
  }
  server.close()
  assert.is(readTextFile('/dev/null'), '')
})

test('a link that leads out of a folder is refused, one that stays inside is read', ({ folder }) => {
  const inside = join(folder, 'inside')
  mkdirSync(join(inside, '..data'), { recursive: true })
  writeFileSync(join(inside, '..data', 'a.yaml'), 'a: 1')
  symlinkSync('..data/a.yaml', join(inside, 'a.yaml'))
  symlinkSync('/etc/hostname', join(inside, 'notes.txt'))
  assert.equal(inputFiles([inside]).files, [join(inside, '..data', 'a.yaml'), join(inside, 'a.yaml')])
  for (const [name, target] of [
    ['shadow.yaml', '/etc/passwd'],
    ['folder', '/etc'],
    ['up', '..'],
  ] as const) {
    const link = join(inside, name)
    symlinkSync(target, link)
    const { status, message } = failure(() => inputFiles([inside]))
    assert.match(message, /is a link that leads out of its folder/)
    assert.is(status, 4)
    rmSync(link)
  }
  symlinkSync('nowhere.yaml', join(inside, 'b.yaml'))
  assert.equal(
    inputFiles([inside]).diagnostics.map(({ severity, message }) => [severity, message]),
    [['warning', 'This is not read: this link leads to nothing.']],
  )
})

test('a FIFO in a folder is refused where it would be read, and nobody waits for it', ({ folder }) => {
  execFileSync('mkfifo', [join(folder, 'a.yaml')])
  const { status, message } = failure(() => inputFiles([folder]))
  assert.is(status, 4)
  assert.match(message, /a\.yaml is a FIFO, which is not read/)
  rmSync(join(folder, 'a.yaml'))
  execFileSync('mkfifo', [join(folder, 'log')])
  assert.is(inputFiles([folder]).passedOver, 1)
})

test('standard input and what a shell substitutes are read whatever they are', () => {
  const script = `import { readTextFile } from '${new URL('../../src/host/files.ts', import.meta.url).pathname}'
process.stdout.write(readTextFile(process.argv[2]) + readTextFile('-', 5))`
  const { stdout, stderr } = spawnSync(
    'sh',
    [
      '-c',
      `exec node --import tsx --input-type=module -e "$1" -- x /dev/fd/3 3<<END\nsubstituted\nEND`,
      'sh',
      script,
    ],
    { input: 'piped', encoding: 'utf8' },
  )
  assert.is(stdout, 'substituted\npiped', stderr)
})

test.run()
