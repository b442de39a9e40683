import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from '../../host/exit.ts'

/** The templates of a user's folder, by file name. Other files may lie beside them. */
export function readTemplates(folder: string): Map<string, string> {
  try {
    const names = readdirSync(folder, { encoding: 'utf8', recursive: true }).filter((name) =>
      name.endsWith('.hbs'),
    )
    if (names.length === 0) throw new UsageError(`--templates ${folder}: it holds no file that ends in .hbs`)
    return new Map(names.sort().map((name) => [name, readFileSync(join(folder, name), 'utf8')]))
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`--templates ${folder}: ${(error as Error).message}`)
  }
}
