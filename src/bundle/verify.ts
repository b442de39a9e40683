import { createHash } from 'node:crypto'
import type { Manifest } from './bundle.ts'
import { CHECKSUMS, parseChecksums } from './checksums.ts'

/** A bundle that is not as it was made: a file is missing, or is another one. */
export class BundleError extends Error {}

/** A bundle whose checksums all hold. */
export interface VerifiedBundle {
  readonly manifest: Manifest
  /** The bytes that were verified, by file name: what is read again could be another file. */
  readonly files: ReadonlyMap<string, Uint8Array>
}

/**
 * Holds a bundle against its manifest and its SHA256SUMS, which have to name the same files. `readFile` gives the bytes of a file
 * by its name, `null` where there is none, and is asked once for each. Throws a BundleError that names the file at fault. The
 * checksums tell damage and edits; who made a bundle they do not tell.
 */
export async function verifyBundle(
  readFile: (name: string) => Promise<Uint8Array | null>,
): Promise<VerifiedBundle> {
  const files = new Map<string, Uint8Array>()
  const need = async (name: string): Promise<Uint8Array> => {
    const bytes = files.get(name) ?? (await readFile(name))
    if (bytes === null) throw new BundleError(`it has no ${name}`)
    files.set(name, bytes)
    return bytes
  }
  const manifest = await parseManifest(await need('manifest.json'))
  const list = parseChecksums(new TextDecoder().decode(await need(CHECKSUMS)))
  if (list === null) throw new BundleError(`${CHECKSUMS} is not that of a bundle`)
  const named = new Map(manifest.files.map((file) => [file.name, file.sha256]))
  const sums = new Map(list.map(({ name, sha256: sum }) => [name, sum]))
  for (const [name, sum] of sums) {
    if (name !== 'manifest.json' && named.get(name) !== sum)
      throw new BundleError(`manifest.json and ${CHECKSUMS} differ in ${name}`)
    if (sha256(await need(name)) !== sum) throw new BundleError(`${name} is not what ${CHECKSUMS} says`)
  }
  const missing = ['manifest.json', ...named.keys()].find((name) => !sums.has(name))
  if (missing !== undefined) throw new BundleError(`${CHECKSUMS} does not name ${missing}`)
  if (sums.get('plan.json') !== manifest.fingerprint)
    throw new BundleError('plan.json has not the fingerprint that manifest.json says')
  return { manifest, files }
}

async function parseManifest(bytes: Uint8Array): Promise<Manifest> {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    throw new BundleError('manifest.json is no JSON')
  }
  const { validateManifest } = await import('../generated/completeValidators.js')
  if (validateManifest(value)) return value as Manifest
  const [error] = validateManifest.errors ?? []
  throw new BundleError(`manifest.json is no manifest (${error?.instancePath || '/'} ${error?.message})`)
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
