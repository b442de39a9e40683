import {
  chmodSync,
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { CommandError, FailedError } from './exit.ts'

/** Bits of a mode that say who may do what. */
const PERMISSIONS = 0o7777

/**
 * Writes one file. A regular file, or one that is not there yet, is replaced whole or not at all, and keeps its mode; a link,
 * a FIFO and a device are written through, as `cat > FILE` does. `mode` is that of a new file.
 */
export const writeText = (path: string, text: string, mode = 0o666): Promise<void> =>
  writeBytes(path, text, mode)

/** The same of bytes. */
export async function writeBytes(path: string, text: string | Uint8Array, mode = 0o666): Promise<void> {
  await guarded(path, () => {
    mkdirSync(dirname(resolve(path)), { recursive: true })
    const held = lstatSync(path, { throwIfNoEntry: false })
    if (held !== undefined && !held.isFile()) writeThrough(path, text, mode)
    else replaceFile(path, text, held === undefined ? mode & ~process.umask() : held.mode & PERMISSIONS)
  })
}

function writeThrough(path: string, text: string | Uint8Array, mode: number): void {
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, mode)
  try {
    writeFileSync(file, text)
  } finally {
    closeSync(file)
  }
}

function replaceFile(path: string, text: string | Uint8Array, mode: number): void {
  const staging = stagingBeside(path)
  try {
    const staged = join(staging, 'file')
    writeNew(staged, text, mode)
    renameSync(staged, path)
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
}

/** Creates a file that must not be there, not even as a link. */
export function writeNew(path: string, content: string | Uint8Array, mode: number): void {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  const file = openSync(path, flags, mode)
  try {
    writeFileSync(file, content)
  } finally {
    closeSync(file)
  }
  chmodSync(path, mode)
}

/** A folder on the same file system with a name that nobody can guess and that nobody else can enter. */
export function stagingBeside(path: string): string {
  const target = resolve(path)
  return mkdtempSync(join(dirname(target), `.${basename(target)}-`))
}

/** Whether something is there that a path leads to. */
export const exists = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined

/** Runs what writes; a failure of the system, which has a code, is told in one line. */
export async function guarded<T>(path: string, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof CommandError || !(error instanceof Error && 'code' in error)) throw error
    throw new FailedError(`cannot write ${path}: ${error.message}`)
  }
}
