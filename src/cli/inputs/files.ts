import { statSync } from 'node:fs'
import { type Diagnostic, diagnostic } from '../../diagnostics/diagnostics.ts'
import { UsageError } from '../../host/exit.ts'
import { named, readTextFile } from '../../host/files.ts'
import { isGitReference } from '../../host/gitReference.ts'
import { blobTexts, type GitFiles, gitFiles, MissingPathError } from '../../host/gitTree.ts'
import { filesBelow } from '../../host/inputFolder.ts'
import type { SourceText } from '../../read/types.ts'

export interface InputFiles {
  readonly files: readonly string[]
  /** Files of directories that hold neither JSON nor YAML. */
  readonly passedOver: number
  /** Files that cannot be read as they lie there. */
  readonly diagnostics: readonly Diagnostic[]
}

/**
 * The files that arguments mean: a file, `-` for standard input, a directory with all that is below it; and both of a
 * revision, as `git:REV:PATH`.
 */
export function inputFiles(inputs: readonly string[]): InputFiles {
  const files: string[] = []
  const diagnostics: Diagnostic[] = []
  let passedOver = 0
  const addFolder = (paths: readonly string[]): void => {
    for (const path of paths) {
      if (MAY_HOLD_OBJECTS.test(path)) files.push(path)
      else passedOver++
    }
  }
  for (const input of inputs) {
    if (input === '-') files.push('-')
    else if (isGitReference(input)) {
      const found = listGit(input)
      const names = found.files.map(({ name }) => name)
      if (found.single) files.push(...names)
      else addFolder(names)
      for (const { name, reason } of found.unread) diagnostics.push(unread(name, reason, 'warning'))
    } else if (named(input, () => statSync(input)).isDirectory()) {
      const isReadable = (path: string): boolean => MAY_HOLD_OBJECTS.test(path)
      addFolder(
        filesBelow(input, isReadable, (path, reason) => diagnostics.push(unread(path, reason, 'warning'))),
      )
    } else files.push(input)
  }
  return { files: [...new Set(files)], passedOver, diagnostics }
}

const MAY_HOLD_OBJECTS = /\.(json|ya?ml)$/i

/** Contents of files in git, by the name under which they were listed. A name keeps its contents while we run. */
const blobs = new Map<string, string>()

/** References that hold nothing, since their revision lacks the path. */
const absent = new Set<string>()

/**
 * Of the two sides of a comparison, the one whose revision lacks the path that the other one has: a folder that a change makes
 * or removes. It counts as empty from now on. `null`: there is none.
 */
export function absentSide(sides: readonly [string, string]): string | null {
  const missing = sides.filter((side) => isGitReference(side) && isMissing(side))
  const [only, other] = missing
  if (only === undefined || other !== undefined) return null
  absent.add(only)
  return only
}

function isMissing(reference: string): boolean {
  try {
    listGit(reference)
    return false
  } catch (error) {
    if (error instanceof MissingPathError) return true
    throw error
  }
}

/** The files that a reference to git means; from now on they can be read by their names. */
export function listGit(reference: string): GitFiles {
  if (absent.has(reference)) return { single: false, files: [], unread: [] }
  const found = gitFiles(reference)
  for (const { name, object } of found.files) blobs.set(name, object)
  return found
}

const unread = (source: string, reason: string, severity: 'error' | 'warning'): Diagnostic =>
  diagnostic({
    code: 'INPUT_UNREAD',
    severity,
    message: `This is not read: ${reason}.`,
    origin: { source, document: 0, path: [] },
  })

/** Files that hold no more than the name of what Git LFS keeps elsewhere. */
export const lfsPointers = (texts: ReadonlyMap<string, string>): Diagnostic[] =>
  [...texts]
    .filter(([, text]) => text.startsWith('version https://git-lfs.github.com/spec/'))
    .map(([name]) =>
      unread(
        name,
        'it is a Git LFS pointer, whose contents are kept elsewhere; git lfs pull fetches them',
        'error',
      ),
    )

/** Reads one text after the other, so that only one raw text is held while it is parsed. */
export function* readSources(
  files: readonly string[],
  onFile: (name: string) => void,
  maxBytes?: number,
): Generator<SourceText> {
  const fromGit = files.filter((name) => blobs.has(name))
  const texts = blobTexts(fromGit.map((name) => blobs.get(name) as string))
  for (const name of files) {
    onFile(name)
    yield { name, text: blobs.has(name) ? (texts.next().value as string) : readText(name, maxBytes) }
  }
}

/** A file's text, or that of standard input for `-`, or that of a file in git. */
export function readText(path: string, maxBytes?: number): string {
  if (!isGitReference(path)) return readTextFile(path, maxBytes)
  if (!blobs.has(path)) {
    const { single, files } = listGit(path)
    if (!single) throw new UsageError(`cannot read ${path}: it is a folder`)
    blobs.set(path, files[0]?.object as string)
  }
  const [text = ''] = blobTexts([blobs.get(path) as string])
  return text
}
