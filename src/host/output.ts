import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { UsageError } from './exit.ts'

/**
 * Writes files into a folder all or none: they are written beside it first and renamed into place. A folder that
 * holds anything but an older bundle is refused; with `force`, what else it holds stays.
 */
export async function writeFolder(
  folder: string,
  files: ReadonlyMap<string, Uint8Array>,
  force: boolean,
): Promise<void> {
  const target = resolve(folder)
  if (!force) await refuseForeign(target, files)
  await guarded(target, async () => {
    mkdirSync(dirname(target), { recursive: true })
    const staging = mkdtempSync(join(dirname(target), `.${basename(target)}-`))
    chmodSync(staging, 0o755)
    try {
      await Promise.all(
        [...files].map(([name, bytes]) => {
          const path = join(staging, name)
          mkdirSync(dirname(path), { recursive: true })
          return writeFile(path, bytes, { mode: name.endsWith('.sh') ? 0o755 : 0o644 })
        }),
      )
      if (force) moveInto(staging, target, files)
      else replace(target, staging)
    } finally {
      rmSync(staging, { recursive: true, force: true })
    }
  })
}

/** Puts the staged folder in the place of the target, which holds at most an older bundle. */
function replace(target: string, staging: string): void {
  const old = `${staging}.old`
  const existed = statSync(target, { throwIfNoEntry: false }) !== undefined
  if (existed) renameSync(target, old)
  renameSync(staging, target)
  if (existed) rmSync(old, { recursive: true, force: true })
}

/** Moves staged files into a folder, leaving what others put there. */
function moveInto(staging: string, target: string, files: ReadonlyMap<string, Uint8Array>): void {
  mkdirSync(target, { recursive: true })
  for (const stale of readdirSync(target))
    if (BUNDLE_FILES.test(stale) && !files.has(stale)) rmSync(join(target, stale))
  for (const name of files.keys()) {
    mkdirSync(dirname(join(target, name)), { recursive: true })
    renameSync(join(staging, name), join(target, name))
  }
}

/** What a bundle of any plan may hold. */
const BUNDLE_FILES =
  /^(plan|provenance|manifest)\.json$|\.restore$|^ip\.batch$|^(sysctl|modules)\.conf$|^apply\.sh$|^ipvsc-drain\./

async function refuseForeign(target: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const known = new Set([...files.keys()].map((name) => name.split('/')[0]))
  const entries = await guarded(target, () =>
    statSync(target, { throwIfNoEntry: false }) === undefined ? [] : readdirSync(target),
  )
  const foreign = entries.find((name) => !known.has(name) && !BUNDLE_FILES.test(name))
  if (foreign !== undefined)
    throw new UsageError(
      `${target} holds ${foreign}, which is no part of a bundle; name another folder or give --force`,
    )
}

/** Writes one file, all or nothing. */
export async function writeText(path: string, text: string, mode = 0o644): Promise<void> {
  await guarded(path, () => {
    mkdirSync(dirname(resolve(path)), { recursive: true })
    const staging = `${path}.${process.pid}.tmp`
    try {
      writeFileSync(staging, text, { mode })
      renameSync(staging, path)
    } finally {
      rmSync(staging, { force: true })
    }
  })
}

async function guarded<T>(path: string, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`cannot write ${path}: ${(error as Error).message}`)
  }
}
