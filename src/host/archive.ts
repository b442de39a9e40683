import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'
import { compareText } from '../order.ts'

/** Names of nodes that can be a folder in an archive. */
const NODE_NAME = /^[A-Za-z0-9][A-Za-z0-9.-]*$/

export const isArchivable = (node: string): boolean => NODE_NAME.test(node) && !node.includes('..')

/**
 * Bundles as one gzipped tar: a folder for each node, named after it. Sorted, with fixed times, owners and modes, so that equal
 * bundles make equal archives.
 */
export async function makeArchive(
  bundles: ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>,
): Promise<Buffer> {
  const archive = pack()
  const files = [...bundles].flatMap(([node, held]) =>
    [...held].map(([name, bytes]) => [`${node}/${name}`, bytes] as const),
  )
  for (const [name, bytes] of files.sort(([a], [b]) => compareText(a, b)))
    archive.entry({ ...FIXED, name, mode: name.endsWith('.sh') ? 0o755 : 0o644 }, Buffer.from(bytes))
  archive.finalize()
  const chunks: Uint8Array[] = []
  for await (const chunk of archive) chunks.push(chunk as Uint8Array)
  return gzipSync(Buffer.concat(chunks), { level: 9 })
}

const FIXED = { type: 'file', mtime: new Date(0), uid: 0, gid: 0, uname: 'root', gname: 'root' } as const
