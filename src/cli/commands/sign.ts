import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { CHECKSUMS } from '../../bundle/checksums.ts'
import {
  formatSigned,
  isSignedFor,
  parseSigned,
  SIGNATURE,
  SIGNED,
  type Signed,
} from '../../bundle/signed.ts'
import type { VerifiedBundle } from '../../bundle/verify.ts'
import { EXIT, RefusedError, UsageError } from '../../host/exit.ts'
import { writeText } from '../../host/output.ts'
import { type Signers, signerOf, signText } from '../../host/sshKeygen.ts'
import { readBundleFile, readBundleFolder } from '../../host/verified.ts'
import { print, printJson, say, sayLines } from '../terminal.ts'

/** UTC to the second. */
const formatTime = (milliseconds: number): string =>
  new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z')

/** `ipvsc sign` and `ipvsc check-signature`. */

export interface SignOptions {
  readonly key: string
  readonly nodes?: string
  readonly expires?: string
  readonly serial?: string
  readonly output: 'text' | 'json'
  readonly quiet?: boolean
}

/** `ipvsc sign BUNDLE...`: each gets a signature of its own; all of them the same time and serial. */
export async function sign(folders: readonly string[], options: SignOptions): Promise<number> {
  const now = Date.now()
  const signedAt = formatTime(now)
  const expires = options.expires === undefined ? null : expiryOf(options.expires, now)
  const serial = serialOf(options.serial, now)
  const bundles = await Promise.all(
    folders.map(async (folder) => ({ folder, bundle: await readBundleFolder(folder) })),
  )
  const signed: object[] = []
  for (const { folder, bundle } of bundles) {
    const { node } = bundle.manifest
    const nodes = options.nodes?.split(/[\s,]+/) ?? [node]
    const content: Signed = { sha256sums: sumOf(bundle), nodes, signedAt, expires, serial }
    const text = textOf(content, folder)
    if (!isSignedFor(content, node))
      throw new UsageError(`--nodes ${options.nodes} leaves out the node of ${folder}, ${node}`)
    const signature = await signText(text, options.key, sayLines)
    await writeText(join(folder, SIGNED), text)
    await writeText(join(folder, SIGNATURE), signature)
    signed.push({ bundle: folder, node, ...content })
    if (!options.quiet && options.output === 'text')
      say(
        `signed ${folder} for ${nodes.join(', ')}, serial ${serial}${expires === null ? '' : `, until ${expires}`}`,
      )
  }
  if (options.output === 'json') printJson({ version: 1, signed })
  return EXIT.done
}

function textOf(signed: Signed, folder: string): string {
  try {
    return formatSigned(signed)
  } catch (error) {
    throw new UsageError(
      `cannot sign ${folder}: ${(error as Error).message} (--nodes takes names and patterns)`,
    )
  }
}

const sumOf = ({ files }: VerifiedBundle): string =>
  createHash('sha256')
    .update(files.get(CHECKSUMS) as Uint8Array)
    .digest('hex')

/** Milliseconds. */
const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** `90d`, or a time. */
function expiryOf(text: string, now: number): string {
  const [, count, unit = ''] = /^(\d{1,5})([hdw])$/.exec(text) ?? []
  const time = count === undefined ? Date.parse(text) : now + Number(count) * (UNITS[unit] as number)
  if (!/^\d/.test(text) || Number.isNaN(time))
    throw new UsageError(`--expires takes a time such as 2030-01-31, or 90d, not ${JSON.stringify(text)}`)
  if (time <= now) throw new UsageError(`--expires ${text} has passed`)
  return formatTime(time)
}

/** By default the seconds since 1970, so that what is signed later is newer. */
function serialOf(text: string | undefined, now: number): number {
  if (text === undefined) return Math.floor(now / 1000)
  if (!/^(0|[1-9]\d{0,14})$/.test(text))
    throw new UsageError(`--serial takes a whole number of at most 15 digits, not ${JSON.stringify(text)}`)
  return Number(text)
}

export interface CheckSignatureOptions extends Signers {
  readonly node?: string
  readonly output: 'text' | 'json'
  readonly quiet?: boolean
}

/** `ipvsc check-signature BUNDLE`: what a node would say of it, but for its serial. */
export async function checkSignature(folder: string, options: CheckSignatureOptions): Promise<number> {
  const bundle = await readBundleFolder(folder)
  const [text, signature] = await Promise.all(
    [SIGNED, SIGNATURE].map(async (name) => (await readBundleFile(folder, name))?.toString() ?? null),
  )
  if (typeof text !== 'string' || typeof signature !== 'string')
    throw new RefusedError(`${folder} is not signed: "ipvsc sign" signs it`)
  const signer = await signerOf(text, signature, options)
  const signed = parseSigned(text)
  if (typeof signed === 'string') throw new RefusedError(`${folder}: ${SIGNED} cannot be used: ${signed}`)
  if (signed.sha256sums !== sumOf(bundle))
    throw new RefusedError(
      `${folder}: the signature is that of another bundle, since its ${CHECKSUMS} differs`,
    )
  const { manifest } = bundle
  for (const node of [manifest.node, options.node ?? manifest.node])
    if (!isSignedFor(signed, node))
      throw new RefusedError(`${folder} is signed for ${signed.nodes.join(', ')}, not for the node ${node}`)
  if (signed.expires !== null && signed.expires <= formatTime(Date.now()))
    throw new RefusedError(`${folder} has expired at ${signed.expires}`)
  if (options.output === 'json')
    printJson({ version: 1, bundle: folder, node: manifest.node, signer, ...signed })
  else if (!options.quiet)
    print(
      `${folder}: signed by ${signer} at ${signed.signedAt} for ${signed.nodes.join(', ')}, serial ${signed.serial}\n`,
    )
  return EXIT.done
}
