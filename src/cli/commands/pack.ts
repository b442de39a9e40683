import { createHash } from 'node:crypto'
import { SIGNATURE_FILES } from '../../bundle/signed.ts'
import { isArchivable, makeArchive } from '../../host/archive.ts'
import { EXIT, UsageError } from '../../host/exit.ts'
import { writeBytes } from '../../host/output.ts'
import { readBundleFile, readBundleFolder } from '../../host/verified.ts'
import { printJson, say, sayWarning } from '../terminal.ts'

/** `ipvsc pack BUNDLE... -o FILE`: bundles of one or many nodes as one archive, each verified, with its signature. */

export interface PackOptions {
  readonly out: string
  readonly output: 'text' | 'json'
  readonly quiet?: boolean
}

export async function packBundles(folders: readonly string[], options: PackOptions): Promise<number> {
  const bundles = new Map<string, ReadonlyMap<string, Uint8Array>>()
  for (const folder of folders) {
    const { manifest, files } = await readBundleFolder(folder)
    const { node } = manifest
    if (!isArchivable(node))
      throw new UsageError(`${folder} is of a node whose name is no folder: ${JSON.stringify(node)}`)
    if (bundles.has(node))
      throw new UsageError(`two bundles are of the node ${node}: ${folder} is the second`)
    bundles.set(node, new Map([...files, ...(await signatureOf(folder))]))
  }
  const bytes = await makeArchive(bundles)
  await writeBytes(options.out, bytes)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const nodes = [...bundles.keys()].sort()
  if (options.output === 'json')
    printJson({ version: 1, archive: options.out, bytes: bytes.length, sha256, nodes })
  else if (!options.quiet)
    say(`${options.out}: ${nodes.join(', ')}; ${bytes.length} bytes, SHA-256 ${sha256}`)
  return EXIT.done
}

/** What vouches for it; none where it is not signed. */
async function signatureOf(folder: string): Promise<[string, Uint8Array][]> {
  const files = await Promise.all(
    SIGNATURE_FILES.map(async (name) => [name, await readBundleFile(folder, name)] as const),
  )
  const held = files.filter((file): file is readonly [string, Buffer] => file[1] !== null)
  if (held.length === 1) sayWarning(`${folder} has a half of a signature, which counts for nothing`)
  return held.map(([name, bytes]) => [name, bytes])
}
