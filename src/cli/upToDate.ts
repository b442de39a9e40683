import { type FolderComparison, type HeldFiles, isUpToDate, type OtherVersion } from '../bundle/comparison.ts'
import { VERSION } from '../version.ts'

/** Words for `build --check`. */

export interface UpToDateReport extends FolderComparison {
  readonly upToDate: boolean
  readonly folder: string
  /** The command that writes the folder anew. */
  readonly renew: string
  /** Unified diff of the files that say most, cut to what can be read. */
  readonly diff: string
}

export async function upToDateReport(
  folder: string,
  comparison: FolderComparison,
  wanted: ReadonlyMap<string, Uint8Array>,
  held: HeldFiles,
): Promise<UpToDateReport> {
  return {
    upToDate: isUpToDate(comparison),
    folder,
    ...comparison,
    renew: renewCommand(process.argv.slice(2)),
    diff: await diffOf(folder, worthShowing(comparison), wanted, held),
  }
}

/** The command line without `--check`. */
export const renewCommand = (words: readonly string[]): string =>
  ['ipvsc', ...words.filter((word) => word !== '--check')].map(shellWord).join(' ')

const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`

/** Where another release made the same plan, how it writes that down is no news. */
const worthShowing = ({ stale, otherVersions }: FolderComparison): string[] => {
  const same = otherVersions.filter(({ samePlan }) => samePlan).map(({ folder }) => folder)
  return stale.filter((name) => !same.some((folder) => folder === '' || name.startsWith(`${folder}/`)))
}

/** Payloads say what changes on a node; all other files follow from them and from the plan. */
const isPayload = (name: string): boolean =>
  /\.restore$|^(.*\/)?(ip\.batch|sysctl\.conf|modules\.conf)$/.test(name)
const SHOWN_FILES = 5
const SHOWN_LINES = 40
/** Lines that differ; a file with more is not compared to its end. */
const MOST_EDITS = 1000

async function diffOf(
  folder: string,
  stale: readonly string[],
  wanted: ReadonlyMap<string, Uint8Array>,
  held: HeldFiles,
): Promise<string> {
  const payloads = stale.filter(isPayload)
  const telling =
    payloads.length > 0 ? payloads : stale.filter((name) => !/(^|\/)(manifest\.json|SHA256SUMS)$/.test(name))
  const { createTwoFilesPatch } = await import('diff')
  const patches = telling.slice(0, SHOWN_FILES).map((name) => {
    const bytes = held.get(name)
    if (!bytes) return `${folder}/${name} is no regular file\n`
    const patch = createTwoFilesPatch(
      `${folder}/${name}`,
      `${folder}/${name}`,
      text(bytes),
      text(wanted.get(name)),
      'held',
      'compiled',
      { context: 1, maxEditLength: MOST_EDITS },
    )
    return patch === undefined
      ? `${folder}/${name} differs in more than ${MOST_EDITS} lines\n`
      : cut(patch.slice(patch.indexOf('--- ')))
  })
  const more = telling.length - SHOWN_FILES
  return patches.join('') + (more > 0 ? `… and ${more} more files\n` : '')
}

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes)

function cut(patch: string): string {
  const lines = patch.split('\n')
  if (lines.length <= SHOWN_LINES) return patch
  return `${lines.slice(0, SHOWN_LINES).join('\n')}\n… and ${lines.length - SHOWN_LINES} more lines\n`
}

/** One line a file, the diff, and the verdict. */
export function formatUpToDate(report: UpToDateReport): string {
  const { folder, stale, missing, surplus, edited, otherVersions, diff, renew } = report
  if (report.upToDate) return `${folder} is what the inputs compile to\n`
  const line = (word: string) => (name: string) => `${word}: ${folder}/${name}\n`
  const known = new Set(edited)
  return [
    ...stale.map((name) => line(known.has(name) ? 'stale (edited or damaged)' : 'stale')(name)),
    ...missing.map(line('missing')),
    ...surplus.map(line('surplus')),
    diff,
    ...otherVersions.map((other) => versionLine(folder, other)),
    `${folder} is not what the inputs compile to: ${stale.length} stale, ${missing.length} missing, ${surplus.length} surplus\n`,
    `${surplus.length > 0 ? 'remove what is surplus, then renew it' : 'renew it'}: ${renew}\n`,
  ].join('')
}

const versionLine = (folder: string, { folder: inner, version, samePlan }: OtherVersion): string =>
  `${[folder, inner].filter((part) => part !== '').join('/')} was made by ipvsc ${version}, and this is ${VERSION}: ${
    samePlan
      ? 'its plan is up to date, only the release differs'
      : 'its plan differs, too, by the inputs or by the release'
  }\n`
