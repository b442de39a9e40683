import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Diagnostic, diagnostic } from '../diagnostics/diagnostics.ts'
import { UsageError } from '../host/exit.ts'
import { isGitReference } from '../host/gitReference.ts'
import { blobTexts, type GitFiles, gitFiles } from '../host/gitTree.ts'
import type { SourceText } from '../read/types.ts'

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
    } else if (statOf(input).isDirectory())
      addFolder(filesBelow(input, (path, reason) => diagnostics.push(unread(path, reason, 'warning'))))
    else files.push(input)
  }
  return { files: [...new Set(files)], passedOver, diagnostics }
}

const MAY_HOLD_OBJECTS = /\.(json|ya?ml)$/i

/** Contents of files in git, by the name under which they were listed. A name keeps its contents while we run. */
const blobs = new Map<string, string>()

/** The files that a reference to git means; from now on they can be read by their names. */
export function listGit(reference: string): GitFiles {
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

function statOf(path: string): ReturnType<typeof statSync> & object {
  return guarded(path, () => statSync(path))
}

type Report = (path: string, reason: string) => void

/** What git keeps for itself; a worktree or a submodule has a file of that name. */
const NOT_ENTERED: ReadonlySet<string> = new Set(['.git'])

/** In the order of their names, so that messages come in the same order everywhere. Links to folders are not followed. */
function filesBelow(folder: string, report: Report): string[] {
  return guarded(folder, () => readdirSync(folder, { withFileTypes: true }))
    .filter(({ name }) => !NOT_ENTERED.has(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return filesBelow(path, report)
      return entry.isFile() || (entry.isSymbolicLink() && leadsToFile(path, report)) ? [path] : []
    })
}

/** One link that leads nowhere is no reason to read nothing at all. */
function leadsToFile(path: string, report: Report): boolean {
  try {
    return statSync(path).isFile()
  } catch {
    if (MAY_HOLD_OBJECTS.test(path)) report(path, 'this link leads to nothing')
    return false
  }
}

/** Reads one text after the other, so that only one raw text is held while it is parsed. */
export function* readSources(
  files: readonly string[],
  onFile: (name: string) => void,
): Generator<SourceText> {
  const fromGit = files.filter((name) => blobs.has(name))
  const texts = blobTexts(fromGit.map((name) => blobs.get(name) as string))
  for (const name of files) {
    onFile(name)
    yield { name, text: blobs.has(name) ? (texts.next().value as string) : readText(name) }
  }
}

/** A file's text, or that of standard input for `-`, or that of a file in git. */
export function readText(path: string): string {
  if (!isGitReference(path)) return guarded(path, () => readFileSync(path === '-' ? 0 : path, 'utf8'))
  if (!blobs.has(path)) {
    const { single, files } = listGit(path)
    if (!single) throw new UsageError(`cannot read ${path}: it is a folder`)
    blobs.set(path, files[0]?.object as string)
  }
  const [text = ''] = blobTexts([blobs.get(path) as string])
  return text
}

function guarded<T>(path: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reason = { ENOENT: 'no such file or directory', EACCES: 'permission denied' }[code ?? ''] ?? message
    throw new UsageError(`cannot read ${path === '-' ? 'standard input' : path}: ${reason}`)
  }
}
