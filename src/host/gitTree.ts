import { dirname, join, normalize } from 'node:path/posix'
import { UsageError } from './exit.ts'
import { git, PARTIAL_CLONE, prefix, treeOf } from './git.ts'
import { type GitReference, parseGitReference, quoted } from './gitReference.ts'

/** What lies in the tree of a revision. */

interface Entry {
  readonly mode: string
  readonly object: string
  /** From the top of the repository. */
  readonly path: string
}

export interface GitFile {
  /** `git:REV:deploy/web.yaml`, as messages name it. */
  readonly name: string
  /** From the folder on that the reference names; empty for the file that it names. */
  readonly below: string
  readonly object: string
}

export interface GitFiles {
  /** Whether the reference names one file, and not a folder. */
  readonly single: boolean
  /** In the order of their names. */
  readonly files: readonly GitFile[]
  /** What cannot be read as it lies there: submodules, links that lead nowhere in this tree. */
  readonly unread: readonly { readonly name: string; readonly reason: string }[]
}

/** A revision lacks a path. */
export class MissingPathError extends UsageError {}

const LINK = '120000'
const SUBMODULE = '160000'
/** Links that may lead to one another. */
const MOST_LINKS = 20

/** The file that a reference names, or all files below the folder. Links are followed to files of the same tree only. */
export function gitFiles(text: string): GitFiles {
  const reference = parseGitReference(text)
  const tree = treeOf(reference)
  const start = startOf(reference)
  const place = resolveLinks(tree, start)
  if (typeof place !== 'string') throw new UsageError(`${quoted(text)}: ${place.reason}`)
  const entries = list(tree, place, true)
  const [only] = entries
  if (only === undefined) {
    if (place === '') return { single: false, files: [], unread: [] }
    throw new MissingPathError(`${quoted(text)}: the revision has no such path`)
  }
  const nameOf = (path: string): string => nameIn(reference, start, place, path)
  if (only.path === place) {
    if (only.mode === SUBMODULE) throw new UsageError(`${quoted(text)}: ${SUBMODULE_REASON}`)
    return { single: true, files: [{ object: only.object, name: nameOf(place), below: '' }], unread: [] }
  }
  return { single: false, ...sorted(tree, place, entries, nameOf) }
}

/** The path from the top of the repository. */
const startOf = ({ path }: GitReference): string => {
  if (!/^\.(\/|$)/.test(path)) return path
  return `${prefix()}${path.slice(2)}`.replace(/\/$/, '')
}

/** Files keep the name that was asked for, also below a link. */
function nameIn({ revision }: GitReference, start: string, place: string, path: string): string {
  const parts = [start, belowOf(place, path)].filter((part) => part !== '')
  return `git:${revision}:${parts.join('/')}`
}

const belowOf = (place: string, path: string): string => path.slice(place.length).replace(/^\//, '')

const SUBMODULE_REASON = 'this is a submodule, whose files are in a repository of their own; run ipvsc there'

function sorted(
  tree: string,
  place: string,
  entries: readonly Entry[],
  nameOf: (path: string) => string,
): Pick<GitFiles, 'files' | 'unread'> {
  const files: GitFile[] = []
  const unread: { name: string; reason: string }[] = []
  for (const { mode, object, path } of entries) {
    const [name, below] = [nameOf(path), belowOf(place, path)]
    if (mode === SUBMODULE) unread.push({ name, reason: SUBMODULE_REASON })
    else if (mode !== LINK) files.push({ name, below, object })
    else {
      const target = resolveLinks(tree, path)
      const found =
        typeof target === 'string' ? list(tree, target, false).find((entry) => entry.path === target) : null
      if (typeof target !== 'string') unread.push({ name, reason: target.reason })
      else if (target === '') continue
      else if (found === undefined) unread.push({ name, reason: 'this link leads to nothing' })
      else if (found !== null && isFile(found)) files.push({ name, below, object: found.object })
    }
  }
  const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1)
  return { files: files.sort(byName), unread: unread.sort(byName) }
}

const isFile = ({ mode }: Entry): boolean => mode.startsWith('100')

/** Entries of a tree at a path: the entry itself, or with `deep` all that is below a folder. */
function list(tree: string, path: string, deep: boolean): Entry[] {
  const words = ['ls-tree', '-z', '--full-tree', ...(deep ? ['-r'] : []), tree]
  const output = git(path === '' ? words : [...words, '--', path]).toString('utf8')
  return output
    .split('\0')
    .filter((record) => record !== '')
    .map((record) => {
      const [, mode = '', object = '', name = ''] = /^(\d+) \w+ ([0-9a-f]+)\t(.*)$/s.exec(record) ?? []
      return { mode, object, path: name }
    })
}

/** A path without links, or why there is none. */
function resolveLinks(tree: string, path: string): string | { readonly reason: string } {
  let [done, rest] = ['', path.split('/').filter((segment) => segment !== '')]
  for (let links = 0; rest.length > 0; ) {
    const [segment = '', ...others] = rest
    const here = join(done, segment)
    const entry = list(tree, here, false).find((candidate) => candidate.path === here)
    if (entry?.mode === SUBMODULE && others.length > 0)
      return { reason: `${quoted(here)}: ${SUBMODULE_REASON}` }
    if (entry?.mode !== LINK) {
      ;[done, rest] = [here, others]
      continue
    }
    if (++links > MOST_LINKS) return { reason: 'this link leads in a circle' }
    const [target = ''] = blobTexts([entry.object])
    const next = normalize(join(dirname(here), target))
    if (target.startsWith('/') || next === '..' || next.startsWith('../'))
      return { reason: `this link leads out of the repository, to ${quoted(target)}, and is not followed` }
    ;[done, rest] = ['', [...next.split('/').filter((part) => part !== '' && part !== '.'), ...others]]
  }
  return done
}

/** Bytes of blobs that are read at once, and how many: one text is held while it is parsed, and few beside it. */
const BATCH_BYTES = 16 * 2 ** 20
const BATCH_BLOBS = 256

/** Texts of blobs, one after the other, in the order of the ids. */
export function* blobTexts(objects: readonly string[]): Generator<string> {
  let batch: string[] = []
  let bytes = 0
  for (const [index, size] of sizes(objects).entries()) {
    if (batch.length === BATCH_BLOBS || (batch.length > 0 && bytes + size > BATCH_BYTES)) {
      yield* contents(batch)
      ;[batch, bytes] = [[], 0]
    }
    batch.push(objects[index] as string)
    bytes += size
  }
  if (batch.length > 0) yield* contents(batch)
}

const asked = (objects: readonly string[]): string => objects.map((object) => `${object}\n`).join('')

/** Bytes of each blob. Says what to do where a clone lacks one. */
function sizes(objects: readonly string[]): number[] {
  if (objects.length === 0) return []
  const lines = git(['cat-file', '--batch-check'], asked(objects)).toString('latin1').trimEnd().split('\n')
  return lines.map((line) => {
    const [object = '', type, size] = line.split(' ')
    if (type !== 'blob') throw new UsageError(`git lacks the contents of ${object}: ${PARTIAL_CLONE}`)
    return Number(size)
  })
}

function contents(objects: readonly string[]): string[] {
  const output = git(['cat-file', '--batch'], asked(objects))
  let at = 0
  return objects.map(() => {
    const end = output.indexOf(10, at)
    const size = Number(output.toString('latin1', at, end).split(' ')[2])
    at = end + 1 + size + 1
    return output.toString('utf8', end + 1, at - 1)
  })
}
