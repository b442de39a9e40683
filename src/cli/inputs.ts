import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from '../host/exit.ts'
import type { SourceText } from '../read/types.ts'

export interface InputFiles {
  readonly files: readonly string[]
  /** Files of directories that hold neither JSON nor YAML. */
  readonly passedOver: number
}

/** The files that arguments mean: a file, `-` for standard input, a directory with all that is below it. */
export function inputFiles(inputs: readonly string[]): InputFiles {
  const files: string[] = []
  let passedOver = 0
  for (const input of inputs) {
    if (input === '-') files.push('-')
    else if (statOf(input).isDirectory()) {
      for (const path of filesBelow(input)) {
        if (/\.(json|ya?ml)$/i.test(path)) files.push(path)
        else passedOver++
      }
    } else files.push(input)
  }
  return { files: [...new Set(files)], passedOver }
}

function statOf(path: string): ReturnType<typeof statSync> & object {
  return guarded(path, () => statSync(path))
}

/** In the order of their names, so that messages come in the same order everywhere. */
function filesBelow(folder: string): string[] {
  return guarded(folder, () => readdirSync(folder, { withFileTypes: true }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return filesBelow(path)
      return entry.isFile() || (entry.isSymbolicLink() && statOf(path).isFile()) ? [path] : []
    })
}

/** Reads one text after the other, so that only one raw text is held while it is parsed. */
export function* readSources(
  files: readonly string[],
  onFile: (name: string) => void,
): Generator<SourceText> {
  for (const name of files) {
    onFile(name)
    yield { name, text: readText(name) }
  }
}

/** A file's text, or that of standard input for `-`. */
export function readText(path: string): string {
  return guarded(path, () => readFileSync(path === '-' ? 0 : path, 'utf8'))
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
