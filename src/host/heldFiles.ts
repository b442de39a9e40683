import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HeldFiles } from '../bundle/comparison.ts'
import { UsageError } from './exit.ts'

/**
 * What a folder holds, by names from it on: the bytes of files, `null` for links and devices, which are not followed.
 * A folder that does not exist holds nothing.
 */
export function heldFiles(folder: string): HeldFiles {
  try {
    const stat = lstatSync(folder, { throwIfNoEntry: false })
    return stat === undefined ? new Map() : new Map(below(folder, ''))
  } catch (error) {
    throw new UsageError(`cannot read ${folder}: ${(error as Error).message}`)
  }
}

function below(folder: string, prefix: string): [string, Uint8Array | null][] {
  return readdirSync(join(folder, prefix), { withFileTypes: true }).flatMap((entry) => {
    const name = prefix + entry.name
    if (entry.isDirectory()) return below(folder, `${name}/`)
    return [[name, entry.isFile() ? readFileSync(join(folder, name)) : null]]
  })
}
