import { closeSync, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs'
import { decodeText } from '../read/encoding.ts'
import { DEFAULT_LIMITS } from '../read/limits.ts'
import { FailedError, UsageError } from './exit.ts'

/** A file's text, or that of standard input for `-`: whatever YAML's encodings allow, up to so many bytes. */
export function readTextFile(path: string, maxBytes = DEFAULT_LIMITS.bytes): string {
  const name = path === '-' ? 'standard input' : path
  const bytes = named(name, () => (path === '-' ? readUpTo(0, maxBytes) : readFile(path, maxBytes)))
  if (bytes === null)
    throw new FailedError(
      `${name} has more than ${maxBytes.toLocaleString('en')} bytes; --limit bytes=N raises the limit`,
    )
  const text = decoded(bytes, name)
  if (text === null) throw new FailedError(`${name} is no text: neither UTF-8 nor UTF-16 nor UTF-32`)
  return text
}

function decoded(bytes: Uint8Array, name: string): string | null {
  try {
    return decodeText(bytes)
  } catch {
    throw new FailedError(`${name} is longer than a text can be: split it into several files`)
  }
}

/** What is no file in the common sense, in words; `null` for what can be read. */
export function specialFile(path: string, stats: Stats): string | null {
  if (stats.isDirectory()) return 'is a directory'
  if (stats.isFIFO() && !isDescriptor(path)) return 'is a FIFO; redirect it and name -'
  if (stats.isSocket()) return 'is a socket'
  if (stats.isBlockDevice()) return 'is a device'
  if (stats.isCharacterDevice() && !isDescriptor(path) && path !== '/dev/null') return 'is a device'
  return null
}

/** Names of descriptors of this process: standard input, and `<(command)` of a shell. */
const isDescriptor = (path: string): boolean =>
  /^\/(dev\/(stdin|fd\/\d+)|proc\/(self|\d+)\/fd\/\d+)$/.test(path)

function readFile(path: string, maxBytes: number): Uint8Array | null {
  const problem = specialFile(path, statSync(path))
  if (problem !== null) throw new UsageError(`cannot read ${path}: it ${problem}`)
  const file = openSync(path, 'r')
  try {
    return readUpTo(file, maxBytes)
  } finally {
    closeSync(file)
  }
}

const CHUNK = 2 ** 16

/** All bytes of a descriptor, or `null` when there are more than that. */
function readUpTo(file: number, maxBytes: number): Uint8Array | null {
  const stats = fstatSync(file)
  if (stats.isFile() && stats.size > maxBytes) return null
  let bytes = Buffer.allocUnsafe(stats.isFile() ? stats.size + 1 : CHUNK)
  let end = 0
  for (;;) {
    if (end === bytes.length) {
      const larger = Buffer.allocUnsafe(2 * bytes.length)
      bytes.copy(larger)
      bytes = larger
    }
    const count = readSome(file, bytes, end)
    if (count === 0) return bytes.subarray(0, end)
    end += count
    if (end > maxBytes) return null
  }
}

/** Waits where a descriptor was set not to block, as terminals and some pipes are. */
function readSome(file: number, bytes: Buffer, end: number): number {
  for (;;)
    try {
      return readSync(file, bytes, end, bytes.length - end, null)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EOF') return 0
      if (code !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
    }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  ELOOP: 'its links lead in a circle',
}

/** Runs something on a file; failures of the system say which file. */
export function named<T>(name: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    if (error instanceof UsageError || error instanceof FailedError) throw error
    throw new UsageError(`cannot read ${name}: ${REASONS[code] ?? message}`)
  }
}
