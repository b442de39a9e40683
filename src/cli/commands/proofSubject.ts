import type { ProxyConfig } from '../../config/types.ts'
import { emit } from '../../formats/emit.ts'
import { PAYLOAD_NAMES } from '../../formats/names.ts'
import { UsageError } from '../../host/exit.ts'
import type { Cluster } from '../../kube/cluster.ts'
import { FAMILIES } from '../../net/family.ts'
import type { NodeFacts } from '../../node/facts.ts'
import { nodePortAddressesOf } from '../../node/nodePorts.ts'
import {
  compiledOwners,
  type OwnersOf,
  type RecordedOwners,
  recordedOwners,
} from '../../proof/explain/owners.ts'
import { type Subject, subjectOf } from '../../proof/subject.ts'
import type { Console } from '../console.ts'
import { type CompiledFrom, compileOne } from '../inputs/compiled.ts'
import { readState, type State } from '../inputs/states.ts'
import type { ProofOptions } from '../options.ts'

/** A state of a node, and what it is to be held against. */
export interface NodeSubject extends Subject {
  readonly cluster: Cluster
  readonly node: string
  readonly facts: NodeFacts
  readonly config: ProxyConfig
  readonly state: State
  /** What the inputs were compiled to that say what is promised. */
  readonly from: CompiledFrom
}

/** A capture tells nothing of settings; they count as the inputs would have them. */
const withSettings = ({ plan, captured }: State, { settings }: CompiledFrom) => {
  const { sysctls, conntrack, ipvsTimeouts } = settings
  return captured === undefined ? plan : { ...plan, sysctls, conntrack, ipvsTimeouts }
}

export async function readSubject(
  reference: string,
  options: ProofOptions,
  console: Console,
): Promise<NodeSubject | null> {
  const state = await readState(reference, options, console)
  if (state === null) return null
  const from = state.compiled ?? (await readCluster(state, options, console))
  return from === null ? null : nodeSubject(state, from, options)
}

/** Two states of one node: where one of them does not say what was promised, the other one's inputs do. */
export async function readSubjects(
  references: readonly [before: string, after: string],
  options: ProofOptions,
  console: Console,
): Promise<readonly [NodeSubject, NodeSubject] | null> {
  const before = await readState(references[0], options, console)
  const after = before === null ? null : await readState(references[1], options, console)
  if (before === null || after === null) return null
  const known = options.cluster === undefined ? (before.compiled ?? after.compiled) : undefined
  const from = known ?? (await readCluster(before, options, console))
  if (from === null) return null
  return [
    nodeSubject(before, before.compiled ?? from, options),
    nodeSubject(after, after.compiled ?? from, options),
  ]
}

function nodeSubject(state: State, from: CompiledFrom, options: ProofOptions): NodeSubject {
  const node = options.node ?? state.node
  if (node === null || from.facts === null)
    throw new UsageError('the node is not known: say which, --node NAME')
  // A node tells its addresses itself.
  const addresses = state.captured?.elsewhere.map(({ address }) => address)
  const { cluster, facts, config } = from
  const plan = withSettings(state, from)
  const subject = subjectOf({
    plan,
    cluster,
    facts,
    config,
    ...(addresses === undefined ? {} : { addresses }),
  })
  return { ...subject, cluster, node, facts, config, state, from }
}

export async function readCluster(
  state: State,
  options: ProofOptions,
  console: Console,
): Promise<CompiledFrom | null> {
  const { cluster: reference } = options
  if (reference === undefined)
    throw new UsageError(
      'a bundle or a node does not say what was promised: --cluster INPUT with its Services',
    )
  const node = options.node ?? state.node ?? undefined
  const compiled = await compileOne(
    [reference],
    { ...options, ...(node === undefined ? {} : { node }) },
    console,
  )
  return compiled?.compiled ?? null
}

/** Addresses of a node on which node ports are served. */
export const nodePortAddresses = (config: ProxyConfig, facts: NodeFacts): string[] =>
  FAMILIES.flatMap((family) => nodePortAddressesOf(family, config, facts))

/** The payloads of a state: those of a bundle as they are, those of inputs as they would be made; a node has none. */
export function payloadsOf({ plan, files, captured }: State): ReadonlyMap<string, string> | null {
  if (captured !== undefined) return null
  if (files === undefined) return emit(plan)
  return new Map(PAYLOAD_NAMES.map((name) => [name, new TextDecoder().decode(files.get(name))]))
}

/** Who asked for what, as inputs or the record of a bundle tell; `null`: nobody knows. */
export function ownersOf({ files }: State, from: CompiledFrom | null): OwnersOf | null {
  if (from?.owners) return compiledOwners(from.owners)
  const recorded = files?.get('provenance.json')
  if (recorded === undefined) return null
  return recordedOwners(JSON.parse(new TextDecoder().decode(recorded)) as RecordedOwners)
}
