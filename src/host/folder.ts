import { createHash } from 'node:crypto'
import {
  chmodSync,
  type Dirent,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseSigned, SIGNATURE_FILES } from '../bundle/signed.ts'
import { FailedError, RefusedError } from './exit.ts'
import { exists, guarded, stagingBeside, writeNew } from './output.ts'

/** Bytes by name. They are walked through once, so that they may be made one at a time. */
type Files = Iterable<readonly [string, Uint8Array]>

/** Names the files of a bundle, but not itself. */
const MANIFEST = 'manifest.json'
/** Has the checksums of all files of a bundle, that of the manifest too. */
const CHECKSUMS = 'SHA256SUMS'

/**
 * Writes the files of a bundle, or of one bundle a folder, all or none: they are written aside and renamed into place. What
 * the folder holds already is replaced where a manifest of before names it and it has not changed since; anything else is
 * refused. With `force`, files of the names that are written are replaced one by one, and all else stays.
 */
export async function writeFolder(folder: string, files: Files, force: boolean): Promise<void> {
  const target = resolve(folder)
  await guarded(folder, () => {
    const place = exists(target) ? realpathSync(target) : target
    mkdirSync(dirname(place), { recursive: true })
    const staging = stagingBeside(place)
    try {
      const names = stage(staging, files)
      const { ours, foreign } = survey(place, names)
      const [first] = foreign
      if (first !== undefined && !force)
        throw new RefusedError(
          `${folder} holds ${first}, which is no part of a bundle, or has changed since; name another folder or give --force`,
        )
      if (first !== undefined) refuseObstacles(folder, place, names)
      if (first === undefined) replace(folder, place, staging, ours)
      else moveInto(place, staging, names, ours)
    } finally {
      rmSync(staging, { recursive: true, force: true })
    }
  })
}

type Names = ReadonlySet<string>

/** Gives the names of what was written. */
function stage(staging: string, files: Files): Names {
  const names = new Set<string>()
  for (const [name, bytes] of files) {
    const path = join(staging, name)
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
    writeNew(path, bytes, name.endsWith('.sh') ? 0o755 : 0o644)
    names.add(name)
  }
  return names
}

interface Survey {
  /** Files that a manifest names where this run writes one, as they were written. */
  readonly ours: readonly string[]
  /** Everything else: files, links, folders that are empty. */
  readonly foreign: readonly string[]
}

/** Tells what a folder holds, by names from it on. */
function survey(place: string, names: Names): Survey {
  const held = exists(place) ? namesBelow(place) : []
  const named = new Map(
    [...names]
      .filter((name) => name === MANIFEST || name.endsWith(`/${MANIFEST}`))
      .flatMap((name) => [...checksumsBefore(place, name)]),
  )
  const isOurs = (name: string): boolean => {
    const sum = named.get(name)
    return sum !== undefined && lstatSync(join(place, name)).isFile() && sum === sha256(join(place, name))
  }
  const ours = held.filter(isOurs)
  const known = new Set(ours)
  return { ours, foreign: held.filter((name) => !known.has(name)) }
}

/** SHA-256 by name, of all that a bundle holds according to its manifest; nothing where there is no such manifest. */
function checksumsBefore(place: string, manifest: string): Map<string, string> {
  const sums = new Map<string, string>()
  const path = join(place, manifest)
  if (!lstatSync(path, { throwIfNoEntry: false })?.isFile()) return sums
  const folder = manifest.slice(0, -MANIFEST.length)
  for (const { name, sha256: sum } of filesOf(readFileSync(path, 'utf8'))) sums.set(folder + name, sum)
  if (sums.size === 0) return sums
  const own = sha256(path)
  sums.set(manifest, own)
  const list = join(place, folder, CHECKSUMS)
  if (lstatSync(list, { throwIfNoEntry: false })?.isFile()) {
    const isOurs = readFileSync(list, 'utf8').split('\n').includes(`${own}  ${MANIFEST}`)
    if (isOurs) {
      sums.set(folder + CHECKSUMS, sha256(list))
      for (const name of signatureOf(place, folder, sha256(list))) sums.set(name, sha256(join(place, name)))
    }
  }
  return sums
}

/** Names of the files that vouch for the bundle with this SHA256SUMS; a signature of another one is somebody else's. */
function signatureOf(place: string, folder: string, sum: string): string[] {
  const names = SIGNATURE_FILES.map((name) => folder + name)
  const [text] = names.map((name) => join(place, name))
  if (!names.every((name) => lstatSync(join(place, name), { throwIfNoEntry: false })?.isFile())) return []
  const signed = parseSigned(readFileSync(text as string, 'utf8'))
  return typeof signed !== 'string' && signed.sha256sums === sum ? names : []
}

/** The files that the text of a manifest names; none where it is no manifest of ours. */
function filesOf(text: string): readonly { readonly name: string; readonly sha256: string }[] {
  try {
    const { tool, files } = JSON.parse(text)
    if (tool?.name !== 'ipvsc' || !Array.isArray(files)) return []
    return files.filter((file) => typeof file?.name === 'string' && typeof file.sha256 === 'string')
  } catch {
    return []
  }
}

const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')

/** Everything below a folder that is no folder, and folders that are empty, in the order of names. Links are not followed. */
function namesBelow(place: string, prefix = ''): string[] {
  const entries: Dirent[] = readdirSync(join(place, prefix), { withFileTypes: true })
  if (entries.length === 0 && prefix !== '') return [prefix.slice(0, -1)]
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) =>
      entry.isDirectory() ? namesBelow(place, `${prefix}${entry.name}/`) : [prefix + entry.name],
    )
}

/** Puts the staged folder in the place of one that holds nothing but ours. */
function replace(folder: string, place: string, staging: string, ours: readonly string[]): void {
  if (!exists(place)) {
    chmodSync(staging, 0o755)
    renameSync(staging, place)
    return
  }
  chmodSync(staging, statSync(place).mode & 0o7777)
  const old = `${staging}.old`
  renameSync(place, old)
  renameSync(staging, place)
  for (const name of ours) unlinkSync(join(old, name))
  if (!removeEmpty(old))
    throw new FailedError(`${folder} was written, but something came into it meanwhile; it is kept in ${old}`)
}

/** Removes folders that hold nothing, from the bottom up; `false`: something is left. */
function removeEmpty(folder: string): boolean {
  const emptied = readdirSync(folder, { withFileTypes: true }).map(
    (entry) => entry.isDirectory() && removeEmpty(join(folder, entry.name)),
  )
  if (emptied.includes(false)) return false
  rmdirSync(folder)
  return true
}

/** Refuses before anything is touched what a rename could not replace, or would follow out of the folder. */
function refuseObstacles(folder: string, place: string, names: Names): void {
  const kind = (name: string) => lstatSync(join(place, name), { throwIfNoEntry: false })
  for (const name of names) {
    if (kind(name)?.isDirectory()) throw new RefusedError(`${folder}/${name} is a folder`)
    for (let above = dirname(name); above !== '.'; above = dirname(above))
      if (kind(above)?.isDirectory() === false) throw new RefusedError(`${folder}/${above} is no folder`)
  }
}

/** Moves staged files into a folder, and removes what a bundle of before left; all else stays. */
function moveInto(place: string, staging: string, names: Names, ours: readonly string[]): void {
  for (const name of ours) if (!names.has(name)) unlinkSync(join(place, name))
  for (const name of names) {
    mkdirSync(dirname(join(place, name)), { recursive: true })
    renameSync(join(staging, name), join(place, name))
  }
}
