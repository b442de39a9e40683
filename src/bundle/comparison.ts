import { createHash } from 'node:crypto'
import { compareText } from '../order.ts'
import { VERSION } from '../version.ts'
import { CHECKSUMS } from './checksums.ts'
import { SIGNATURE_FILES } from './signed.ts'

/** How the files that a folder holds differ from those that inputs compile to. Names go from the folder on, in order. */
export interface FolderComparison {
  /** Held with other contents. */
  readonly stale: readonly string[]
  /** Not held. */
  readonly missing: readonly string[]
  /** Held, and not compiled. */
  readonly surplus: readonly string[]
  /** Of the stale ones: those that are not as the manifest beside them says either, so they were edited or damaged. */
  readonly edited: readonly string[]
  /** Bundles that another release of ipvsc made. */
  readonly otherVersions: readonly OtherVersion[]
}

export interface OtherVersion {
  /** Empty: the folder itself. */
  readonly folder: string
  readonly version: string
  /** Whether its plan is the one that inputs compile to: a newer release only writes it down in another way. */
  readonly samePlan: boolean
}

/** Bytes by name; `null` for what is no file, such as a link. */
export type HeldFiles = ReadonlyMap<string, Uint8Array | null>

const MANIFEST = 'manifest.json'

/**
 * Compares a folder of bundles with what inputs compile to. With `keepForeign`, files that no manifest of ipvsc names are
 * others' and no surplus, as `--force` has it.
 */
export function compareFolder(
  wanted: ReadonlyMap<string, Uint8Array>,
  held: HeldFiles,
  keepForeign: boolean,
): FolderComparison {
  const bundles = manifestsOf(held)
  const known = new Map(bundles.flatMap(({ sums }) => [...sums]))
  const stale = [...wanted].filter(([name, bytes]) => held.has(name) && !sameBytes(bytes, held.get(name)))
  return {
    stale: inOrder(stale.map(([name]) => name)),
    missing: inOrder([...wanted.keys()].filter((name) => !held.has(name))),
    surplus: inOrder(
      [...held.keys()].filter(
        (name) => !wanted.has(name) && !vouches(name, wanted) && !(keepForeign && !known.has(name)),
      ),
    ),
    edited: inOrder(stale.map(([name]) => name).filter((name) => isEdited(known.get(name), held.get(name)))),
    otherVersions: bundles
      .filter(({ version }) => version !== VERSION)
      .map(({ folder, version }) => {
        const plan = wanted.get(`${folder}plan.json`)
        const samePlan = plan !== undefined && sameBytes(plan, held.get(`${folder}plan.json`))
        return { folder: folder.replace(/\/$/, ''), version, samePlan }
      })
      .sort((a, b) => compareText(a.folder, b.folder)),
  }
}

/** Whether a file may vouch for a bundle that is wanted: whether it does is not the inputs' matter. */
const vouches = (name: string, wanted: ReadonlyMap<string, Uint8Array>): boolean => {
  const own = SIGNATURE_FILES.find((file) => name === file || name.endsWith(`/${file}`))
  return own !== undefined && wanted.has(name.slice(0, -own.length) + CHECKSUMS)
}

export const isUpToDate = ({ stale, missing, surplus }: FolderComparison): boolean =>
  stale.length + missing.length + surplus.length === 0

const inOrder = (names: readonly string[]): string[] => [...names].sort(compareText)

const sameBytes = (a: Uint8Array, b: Uint8Array | null | undefined): boolean =>
  b !== null && b !== undefined && Buffer.compare(a, b) === 0

/** Whether a file is not as its manifest says; `null`: the manifest does not say it. */
const isEdited = (sum: string | null | undefined, bytes: Uint8Array | null | undefined): boolean =>
  sum !== undefined && sum !== null && (!bytes || createHash('sha256').update(bytes).digest('hex') !== sum)

interface HeldBundle {
  /** With a slash at the end, or empty. */
  readonly folder: string
  readonly version: string
  /** SHA-256 of each of its files; `null` where the manifest does not say it. */
  readonly sums: ReadonlyMap<string, string | null>
}

function manifestsOf(held: HeldFiles): HeldBundle[] {
  return [...held].flatMap(([name, bytes]) => {
    if (bytes === null || (name !== MANIFEST && !name.endsWith(`/${MANIFEST}`))) return []
    const folder = name.slice(0, -MANIFEST.length)
    const bundle = parseManifest(folder, new TextDecoder().decode(bytes))
    return bundle === null ? [] : [bundle]
  })
}

/** What matters of a manifest of any release; `null` for what is none of ours. */
function parseManifest(folder: string, text: string): HeldBundle | null {
  try {
    const { tool, files } = JSON.parse(text)
    if (tool?.name !== 'ipvsc' || typeof tool.version !== 'string' || !Array.isArray(files)) return null
    const named = files
      .filter((file) => typeof file?.name === 'string' && typeof file.sha256 === 'string')
      .map(({ name, sha256 }): [string, string] => [folder + name, sha256])
    const own: [string, null][] = [MANIFEST, CHECKSUMS].map((name) => [folder + name, null])
    return { folder, version: tool.version, sums: new Map<string, string | null>([...own, ...named]) }
  } catch {
    return null
  }
}
