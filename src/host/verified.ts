import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, open, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CHECKSUMS, type Checksum, parseChecksums } from '../bundle/checksums.ts'
import { SIGNATURE_FILES } from '../bundle/signed.ts'
import { BundleError, type VerifiedBundle, verifyBundle } from '../bundle/verify.ts'
import { RefusedError } from './exit.ts'

/** Files of a bundle are a few megabytes; larger ones are none. */
const MOST_BYTES = 2 ** 30

/**
 * Copies a bundle into a folder of ours, every byte of it verified against its SHA256SUMS on the way; what that does not
 * name is left. A RefusedError says what is wrong; nothing of the bundle has been executed then.
 */
export async function copyVerified(folder: string, target: string): Promise<void> {
  const list = await readBundleFile(folder, CHECKSUMS)
  if (list === null) throw new RefusedError(`${folder} is no bundle: it holds no ${CHECKSUMS}`)
  const sums = parseChecksums(list.toString())
  if (sums === null) throw new RefusedError(`${folder}: ${CHECKSUMS} is not that of a bundle`)
  await mkdir(target, { mode: 0o700 })
  for (const sum of sums) await copyFile(folder, target, sum)
  await writeFile(join(target, CHECKSUMS), list, { flag: 'wx' })
  for (const name of SIGNATURE_FILES) {
    const bytes = await readBundleFile(folder, name)
    if (bytes !== null) await writeFile(join(target, name), bytes, { flag: 'wx' })
  }
}

/** Reads a file of a bundle; `null` where there is none. */
export type ReadBundleFile = (name: string) => Promise<Buffer | null>

/** Reads a bundle, each file once, and verifies it against its manifest and its SHA256SUMS; a RefusedError says what is wrong. */
export async function readBundleFolder(
  folder: string,
  readFile: ReadBundleFile = (name) => readBundleFile(folder, name),
): Promise<VerifiedBundle> {
  try {
    return await verifyBundle(readFile)
  } catch (error) {
    if (!(error instanceof BundleError)) throw error
    throw new RefusedError(`${folder} is damaged or was edited: ${error.message}`)
  }
}

async function copyFile(folder: string, target: string, { name, sha256 }: Checksum): Promise<void> {
  const bytes = await readBundleFile(folder, name)
  if (bytes === null) throw new RefusedError(`${folder}: ${name} is missing; carry the bundle over again`)
  if (createHash('sha256').update(bytes).digest('hex') !== sha256)
    throw new RefusedError(`${folder}: ${name} is not what ${CHECKSUMS} says; carry the bundle over again`)
  const path = join(target, name)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeFile(path, bytes, { flag: 'wx', mode: 0o600 })
}

/** `null` where there is no such file. A FIFO or a device is refused, and not waited for. */
export async function readBundleFile(folder: string, name: string): Promise<Buffer | null> {
  const path = join(folder, name)
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const stat = await file.stat()
      if (!stat.isFile() || stat.size > MOST_BYTES) throw new RefusedError(`${path} is no file of a bundle`)
      return await file.readFile()
    } finally {
      await file.close()
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    if (error instanceof RefusedError) throw error
    throw new RefusedError(`cannot read ${path}: ${message}`)
  }
}
