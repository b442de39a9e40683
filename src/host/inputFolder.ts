import { type Dirent, readdirSync, realpathSync, type Stats, statSync } from 'node:fs'
import { join, sep } from 'node:path'
import { RefusedError } from './exit.ts'
import { named, specialFile } from './files.ts'

/** How a folder is read. */
interface Walk {
  /** The folder without links, within which its links must stay. */
  readonly root: string
  /** Whether the contents of a file of this name would be read. */
  readonly isReadable: (path: string) => boolean
  /** Takes what is passed over although it would be read. */
  readonly report: (path: string, reason: string) => void
}

/** Every file below a folder, by its path, in the order of the names: so messages come in the same order everywhere. */
export const filesBelow = (
  folder: string,
  isReadable: Walk['isReadable'],
  report: Walk['report'],
): string[] => walk(folder, { root: named(folder, () => realpathSync(folder)), isReadable, report })

/** What git keeps for itself; a worktree or a submodule has a file of that name. */
const NOT_ENTERED: ReadonlySet<string> = new Set(['.git'])

function walk(folder: string, how: Walk): string[] {
  return named(folder, () => readdirSync(folder, { withFileTypes: true }))
    .filter(({ name }) => !NOT_ENTERED.has(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      return entry.isDirectory() ? walk(path, how) : fileOf(path, entry, how)
    })
}

/**
 * An entry that is no directory. What would be read and is no file of the folder is refused: a folder that somebody else wrote
 * must not make us read another one's files, or wait for ever.
 */
function fileOf(path: string, entry: Dirent, { root, isReadable, report }: Walk): string[] {
  if (entry.isFile()) return [path]
  if (entry.isSymbolicLink()) {
    const stats = targetOf(path)
    if (stats === null) {
      if (isReadable(path)) report(path, 'this link leads to nothing')
      return []
    }
    if (!stats.isDirectory() && !isReadable(path)) return [path]
    refuseOutside(path, root)
    // What a folder inside holds is read where it lies.
    if (stats.isDirectory()) return []
  }
  const problem = isReadable(path)
    ? specialFile(
        path,
        named(path, () => statSync(path)),
      )
    : null
  if (problem !== null) throw new RefusedError(`${path} ${problem.split(';')[0]}, which is not read`)
  return [path]
}

/** What a link leads to, or `null` where it leads to nothing, or in a circle. */
function targetOf(link: string): Stats | null {
  try {
    return statSync(link)
  } catch {
    return null
  }
}

function refuseOutside(link: string, root: string): void {
  const target = named(link, () => realpathSync(link))
  if (target !== root && !target.startsWith(root.endsWith(sep) ? root : root + sep))
    throw new RefusedError(
      `${link} is a link that leads out of its folder, to ${target}; name that as an input of its own, or remove the link`,
    )
}
