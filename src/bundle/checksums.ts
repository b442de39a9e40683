/** `SHA256SUMS` of a bundle, as sha256sum prints it and reads it. */

export const CHECKSUMS = 'SHA256SUMS'

export interface Checksum {
  /** From the folder of the bundle on; never out of it. */
  readonly name: string
  /** In hexadecimal. */
  readonly sha256: string
}

export const formatChecksums = (sums: readonly Checksum[]): string[] =>
  sums.map(({ name, sha256 }) => `${sha256}  ${name}\n`)

/** What every bundle has, and the script reads before all else. */
const NEEDED = ['bundle.conf', 'wanted.state', 'wanted.rules', 'apply.sh', 'plan.json'] as const

/** The lines of such a file; `null` where it is none, or not that of a bundle: names that lead out, or twice, or too few. */
export function parseChecksums(text: string): readonly Checksum[] | null {
  const sums = new Map<string, Checksum>()
  if (!text.endsWith('\n')) return null
  for (const line of text.slice(0, -1).split('\n')) {
    const [, sha256, name] = /^([0-9a-f]{64}) {2}((?:delta\/)?[A-Za-z0-9][A-Za-z0-9._-]*)$/.exec(line) ?? []
    if (sha256 === undefined || name === undefined || sums.has(name)) return null
    sums.set(name, { name, sha256 })
  }
  return NEEDED.every((name) => sums.has(name)) ? [...sums.values()] : null
}
