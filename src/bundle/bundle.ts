import { webcrypto } from 'node:crypto'
import type { CompileCounts } from '../compile.ts'
import { type Diagnostic, formatSubject } from '../diagnostics.ts'
import type { Payloads } from '../emit/emit.ts'
import { formatPlan } from '../plan/canonical.ts'
import { formatProvenance, type Provenance } from '../plan/provenance.ts'
import type { Family, Plan } from '../plan/types.ts'
import { VERSION } from '../version.ts'

/** What tells whether a bundle is complete and whose it is. `schemas/manifest.schema.json` states the same. */
export interface Manifest {
  readonly version: 1
  readonly tool: { readonly name: 'ipvsc'; readonly version: string }
  readonly node: string
  readonly families: readonly Family[]
  /** SHA-256 of plan.json. */
  readonly fingerprint: string
  readonly files: readonly FileEntry[]
  readonly counts: Counts
  readonly quarantined: readonly QuarantinedObject[]
}

export interface FileEntry {
  readonly name: string
  readonly sha256: string
  readonly bytes: number
}

export interface Counts extends CompileCounts, PlanCounts {}

export interface PlanCounts {
  readonly virtualServers: number
  readonly realServers: number
  readonly sets: number
  readonly setEntries: number
  readonly chains: number
  readonly rules: number
  /** Bound to the dummy interface. */
  readonly addresses: number
}

/** An object that was left out because of an error. */
export interface QuarantinedObject {
  readonly kind: string
  readonly namespace: string | null
  readonly name: string
  readonly codes: readonly string[]
}

export interface BundleInput {
  readonly node: string
  readonly plan: Plan
  readonly provenance: Provenance
  readonly payloads: Payloads
  readonly counts: CompileCounts
  readonly diagnostics: readonly Diagnostic[]
}

export interface Bundle {
  readonly manifest: Manifest
  /** UTF-8 by file name; the manifest comes last, because it names the others. */
  readonly files: ReadonlyMap<string, Uint8Array>
}

/**
 * Everything that is carried to a node. Without times or places, so that equal plans make equal bundles. Files
 * are hashed beside the making of the next ones, which is why this is asynchronous.
 */
export async function makeBundle(input: BundleInput): Promise<Bundle> {
  const { node, plan, counts, diagnostics } = input
  const contents = new Map<string, Uint8Array>()
  const entries: Promise<FileEntry>[] = []
  for (const [name, text] of fileTexts(input)) {
    const bytes = encode(text)
    contents.set(name, bytes)
    entries.push(fileEntry(name, bytes))
  }
  const files = await Promise.all(entries)
  const manifest: Manifest = {
    version: 1,
    tool: { name: 'ipvsc', version: VERSION },
    node,
    families: plan.families,
    fingerprint: files.find(({ name }) => name === 'plan.json')?.sha256 as string,
    files,
    counts: { ...counts, ...countPlan(plan) },
    quarantined: quarantinedObjects(diagnostics),
  }
  return { manifest, files: contents.set('manifest.json', encode(`${JSON.stringify(manifest, null, 2)}\n`)) }
}

/** The largest first, so that hashing it takes no time of its own. */
function* fileTexts({ plan, provenance, payloads }: BundleInput): Generator<readonly [string, string]> {
  yield ['plan.json', formatPlan(plan)]
  yield* payloads
  yield ['provenance.json', formatProvenance(provenance)]
}

async function fileEntry(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<FileEntry> {
  const digest = await webcrypto.subtle.digest('SHA-256', bytes)
  return { name, sha256: Buffer.from(digest).toString('hex'), bytes: bytes.length }
}

/** UTF-8. Text that is all ASCII, as nearly all of it is, encodes much faster as Latin-1 to the same bytes. */
const encode = (text: string): Uint8Array<ArrayBuffer> =>
  Buffer.byteLength(text) === text.length ? Buffer.from(text, 'latin1') : Buffer.from(text)

export function countPlan({ virtualServers, sets, tables, dummyInterface }: Plan): PlanCounts {
  const chains = tables.flatMap((table) => table.chains)
  const total = <T>(items: readonly T[], count: (item: T) => number): number =>
    items.reduce((sum, item) => sum + count(item), 0)
  return {
    virtualServers: virtualServers.length,
    realServers: total(virtualServers, ({ realServers }) => realServers.length),
    sets: sets.length,
    setEntries: total(sets, ({ entries }) => entries.length),
    chains: chains.length,
    rules: total(chains, ({ rules }) => rules.length),
    addresses: dummyInterface.addresses.length,
  }
}

export function quarantinedObjects(diagnostics: readonly Diagnostic[]): QuarantinedObject[] {
  const objects = new Map<string, QuarantinedObject & { readonly codes: string[] }>()
  for (const { quarantined, subject, code } of diagnostics) {
    if (!quarantined || subject === null) continue
    const key = formatSubject(subject)
    const known = objects.get(key) ?? { ...subject, codes: [] }
    if (!known.codes.includes(code)) known.codes.push(code)
    objects.set(key, known)
  }
  return [...objects].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object)
}
