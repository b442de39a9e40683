import { createHash } from 'node:crypto'
import type { CompileCounts } from '../compile/compile.ts'
import { type Provenance, provenancePieces } from '../compile/provenance.ts'
import { delta } from '../delta/delta.ts'
import type { Operation } from '../delta/operations.ts'
import { emitDelta } from '../delta/payloads.ts'
import { stepOf } from '../delta/step.ts'
import { type Diagnostic, formatSubject } from '../diagnostics/diagnostics.ts'
import { emit, payloadPieces } from '../formats/emit.ts'
import { defaultRenderer, type OverlaidTemplate, type Renderer } from '../formats/render.ts'
import { stateFingerprint } from '../formats/state.ts'
import { wantedPieces, wantedRules } from '../formats/wanted.ts'
import { NODE_FILES } from '../generated/nodeFiles.js'
import type { AssumedObject } from '../kube/assumed.ts'
import type { Family } from '../net/family.ts'
import type { NodeBinding } from '../node/binding.ts'
import { fingerprint as fingerprintOf, planPieces } from '../plan/canonical.ts'
import { inScope } from '../plan/scope.ts'
import type { Plan } from '../plan/types.ts'
import { encodePieces, encodeShared, lazily, type Piece, piece, type SharedBytes } from '../text.ts'
import { VERSION } from '../version.ts'
import { CHECKSUMS, formatChecksums } from './checksums.ts'
import { type DeltaStart, formatConfiguration } from './configuration.ts'

/** What tells whether a bundle is complete and whose it is. `schemas/manifest.schema.json` states the same. */
export interface Manifest {
  readonly version: 1
  readonly tool: { readonly name: 'ipvsc'; readonly version: string }
  readonly node: string
  /** The machine that it is for; `null` or left out: any. */
  readonly binding?: NodeBinding | null
  readonly families: readonly Family[]
  /** SHA-256 of plan.json. */
  readonly fingerprint: string
  readonly files: readonly FileEntry[]
  readonly counts: Counts
  readonly quarantined: readonly QuarantinedObject[]
  /** Templates that were used instead of the shipped ones. */
  readonly templates: readonly OverlaidTemplate[]
  /** Addresses and ports that nobody stated. Absent: there are none. */
  readonly assumed?: readonly AssumedObject[]
  /** What a delta bundle starts from. `null`: the bundle converges from any state. */
  readonly delta: DeltaEntry | null
}

export interface DeltaEntry {
  /** SHA-256 of the state (`stateFingerprint`) that a node has to be in. */
  readonly from: string
  readonly operations: number
}

export interface FileEntry {
  readonly name: string
  readonly sha256: string
  readonly bytes: number
}

/** Services are counted where the plan was compiled from them. */
export interface Counts extends Partial<CompileCounts>, PlanCounts {}

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
  /** `null` where a plan comes from a node or a file. */
  readonly provenance: Provenance | null
  readonly counts: Partial<CompileCounts>
  /** Objects that were left out (`quarantinedObjects`). */
  readonly quarantined: readonly QuarantinedObject[]
  /** What nobody stated. */
  readonly assumed?: readonly AssumedObject[]
  /** Default: the shipped templates. */
  readonly renderer?: Renderer
  /** For a delta bundle: the plan that a node holds before. */
  readonly from?: Plan | null
  /** The machine that the bundle is for. Default: any. */
  readonly binding?: NodeBinding | null
  /** What bundles of other nodes of a cluster have in common with it: given to each, it is laid out once. Default: nothing. */
  readonly shared?: SharedBytes | null
}

export interface Bundle {
  readonly manifest: Manifest
  /** UTF-8 by file name. The manifest names those before it; SHA256SUMS, the last, has the checksums of all. */
  readonly files: ReadonlyMap<string, Uint8Array>
}

/**
 * Everything that is carried to a node, with the payloads of its plan. Without times or places, so that equal plans make equal bundles. Throws a
 * PayloadMismatch where a template does not say what the plan says.
 */
export function makeBundle(input: BundleInput): Bundle {
  const {
    node,
    plan,
    provenance,
    counts,
    quarantined,
    assumed = [],
    renderer = defaultRenderer,
    from = null,
    binding = null,
    shared = null,
  } = input
  const contents = new Map<string, Uint8Array>()
  const encode = (name: string, pieces: Iterable<Piece>): void =>
    void contents.set(name, encodeShared(name, pieces, shared))
  if (shared === null) for (const [name, text] of emit(plan, { renderer })) encode(name, [piece(text)])
  else for (const [name, pieces] of payloadPieces(plan, renderer)) encode(name, pieces)
  encode('plan.json', planPieces(plan))
  encode('wanted.state', wantedPieces(plan))
  encode(
    'wanted.rules',
    lazily(wantedRules(plan), (line) => piece(`${line}\n`)),
  )
  if (provenance !== null) encode('provenance.json', provenancePieces(provenance))
  const operations = from === null ? [] : delta(from, plan)
  for (const [name, text] of emitDelta(operations)) contents.set(`delta/${name}`, encodePieces([text]))
  const start = from === null ? null : startOf(from, plan, operations, contents)
  const fingerprint = sha256(contents.get('plan.json') as Uint8Array)
  const configuration = formatConfiguration({ node, binding, plan, fingerprint, start, assumed })
  encode('bundle.conf', [piece(configuration)])
  for (const [name, text] of Object.entries(NODE_FILES))
    encode(name, [{ item: NODE_FILES, text: () => text }])
  const files = [...contents].map(([name, bytes]) => fileEntry(name, bytes))
  const manifest: Manifest = {
    version: 1,
    tool: { name: 'ipvsc', version: VERSION },
    node,
    binding,
    families: plan.families,
    fingerprint,
    files,
    counts: { ...counts, ...countPlan(plan) },
    quarantined,
    templates: renderer.overlaid,
    ...(assumed.length === 0 ? {} : { assumed }),
    delta: start === null ? null : { from: start.state, operations: operations.length },
  }
  const text = encodePieces([JSON.stringify(manifest, null, 2), '\n'])
  const sums = formatChecksums([...files, fileEntry('manifest.json', text)])
  contents.set('manifest.json', text).set(CHECKSUMS, encodePieces(sums))
  return { manifest, files: contents }
}

/** What a delta starts from; the files of its step join the others. */
function startOf(
  from: Plan,
  to: Plan,
  operations: readonly Operation[],
  contents: Map<string, Uint8Array>,
): DeltaStart {
  const step = stepOf(operations, from, to)
  const files =
    step === null
      ? []
      : (['removed', 'added', 'touched'] as const).map((name) => [`delta/${name}.state`, step[name]] as const)
  for (const [name, lines] of files) contents.set(name, encodePieces(lines.map((line) => `${line}\n`)))
  return {
    state: stateFingerprint(inScope(from, to)),
    plan: fingerprintOf(from),
    step: step && { files: files.map(([name]) => name), servers: step.servers },
  }
}

const fileEntry = (name: string, bytes: Uint8Array): FileEntry => ({
  name,
  sha256: sha256(bytes),
  bytes: bytes.length,
})

/** Of bytes that never change once they were made: bundles of several nodes have some in common. */
const SUMS = new WeakMap<Uint8Array, string>()

function sha256(bytes: Uint8Array): string {
  const sum = SUMS.get(bytes) ?? createHash('sha256').update(bytes).digest('hex')
  SUMS.set(bytes, sum)
  return sum
}

/** A bundle of a plan alone, wherever it comes from. */
export const bundleOf = (
  node: string,
  plan: Plan,
  options: {
    readonly from?: Plan | null
    readonly binding?: NodeBinding | null
    readonly counts?: Partial<CompileCounts>
    readonly quarantined?: readonly QuarantinedObject[]
    readonly assumed?: readonly AssumedObject[]
    readonly renderer?: Renderer
  } = {},
): Bundle =>
  makeBundle({
    counts: {},
    quarantined: [],
    ...options,
    node,
    plan,
    provenance: null,
  })

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

/** The objects that problems put in quarantine, each once, by name. */
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
