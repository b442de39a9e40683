/**
 * `signed.conf`: what a signature of a bundle vouches for. A line is a key, a blank and a value; the script of a node
 * (`templates/node/signed.sh`) reads the same. The signature beside it is OpenSSH's, made and checked by ssh-keygen.
 */

export const SIGNED = 'signed.conf'
export const SIGNATURE = 'signed.conf.sig'
/** A signature that was made for anything else counts for nothing here. */
export const SIGNATURE_NAMESPACE = 'ipvsc-bundle'

/** Files that vouch for a bundle, and that its SHA256SUMS cannot name. */
export const SIGNATURE_FILES: readonly string[] = [SIGNED, SIGNATURE]

const FORMAT = '1'

export interface Signed {
  /** SHA-256 of SHA256SUMS, in hexadecimal. */
  readonly sha256sums: string
  /** Names of nodes; `*` and `?` stand for any characters, and for one. */
  readonly nodes: readonly string[]
  /** UTC to the second, such as `2030-01-31T23:59:59Z`. */
  readonly signedAt: string
  /** Until when a node may take it; `null`: for ever. */
  readonly expires: string | null
  /** Goes up from bundle to bundle of a node. At most 15 digits. */
  readonly serial: number
}

const TIME = /^\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\dZ$/
const NODES = /^[A-Za-z0-9.*?-]+$/
const MOST_SERIAL = 999_999_999_999_999

/** The text of the file. Throws a TypeError that names what no such file can hold. */
export function formatSigned(signed: Signed): string {
  const text = [
    '# What the signature beside this file vouches for: parsed, never executed.',
    `format ${FORMAT}`,
    `sha256sums ${signed.sha256sums}`,
    `nodes ${signed.nodes.join(' ')}`,
    `signed-at ${signed.signedAt}`,
    ...(signed.expires === null ? [] : [`expires ${signed.expires}`]),
    `serial ${signed.serial}`,
    '',
  ].join('\n')
  const problem = parseSigned(text)
  if (typeof problem === 'string') throw new TypeError(problem)
  return text
}

/** What such a file says, or what is wrong with it. */
export function parseSigned(text: string): Signed | string {
  const values = new Map<string, string>()
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const [, key = '', value = ''] = /^([a-z0-9-]+) (.*)$/.exec(line) ?? []
    if (!KEYS.has(key)) return `it has a line that is not known: ${JSON.stringify(line)}`
    if (values.has(key)) return `it says ${key} twice`
    values.set(key, value)
  }
  const value = (key: string): string => values.get(key) ?? ''
  const nodes = value('nodes').split(' ')
  const serial = Number(value('serial'))
  if (value('format') !== FORMAT) return `it has format "${value('format')}", and ${FORMAT} is known`
  if (!/^[0-9a-f]{64}$/.test(value('sha256sums'))) return 'it has no SHA-256 of SHA256SUMS'
  if (!nodes.every((node) => NODES.test(node))) return 'it names no nodes'
  if (!TIME.test(value('signed-at'))) return 'it has no time of signing'
  if (values.has('expires') && !TIME.test(value('expires')))
    return `it expires at "${value('expires')}", which is no time`
  if (!/^(0|[1-9]\d*)$/.test(value('serial')) || serial > MOST_SERIAL) return 'it has no serial'
  return {
    sha256sums: value('sha256sums'),
    nodes,
    signedAt: value('signed-at'),
    expires: values.get('expires') ?? null,
    serial,
  }
}

const KEYS = new Set(['format', 'sha256sums', 'nodes', 'signed-at', 'expires', 'serial'])

/** Whether a bundle of a node may carry this signature. */
export const isSignedFor = ({ nodes }: Signed, node: string): boolean =>
  nodes.some((pattern) => {
    const text = pattern.replace(/[.-]/g, '\\$&').replace(/\*/g, '.*').replace(/\?/g, '.')
    return new RegExp(`^${text}$`).test(node)
  })
