import type { ProxyConfig } from '../../config/types.ts'
import { UsageError } from '../../host/exit.ts'
import type { Cluster } from '../../kube/cluster.ts'
import { FAMILIES } from '../../net/family.ts'
import type { NodeFacts } from '../../node/facts.ts'
import { nodePortAddressesOf } from '../../node/nodePorts.ts'
import { type Subject, subjectOf } from '../../proof/subject.ts'
import type { Console } from '../console.ts'
import { readState, type State } from '../states.ts'
import { type CompiledFrom, compileOne } from './build.ts'
import type { NodeOptions } from './node.ts'

export interface ProofOptions extends NodeOptions {
  /** Inputs that say what the Services are, where the state is a bundle, a plan or a node. */
  readonly cluster?: string
}

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
const withSettings = ({ plan, captured }: State, { settings }: CompiledFrom) =>
  captured === undefined ? plan : { ...plan, sysctls: settings }

export async function readSubject(
  reference: string,
  options: ProofOptions,
  console: Console,
): Promise<NodeSubject | null> {
  const state = await readState(reference, options, console)
  if (state === null) return null
  const from = state.compiled ?? (await readCluster(state, options, console))
  if (from === null) return null
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
