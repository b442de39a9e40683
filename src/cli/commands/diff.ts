import { EXIT, UsageError } from '../../host/exit.ts'
import type { Cluster } from '../../kube/cluster.ts'
import { kernelState } from '../../proof/state.ts'
import { subjectOf } from '../../proof/subject.ts'
import type { NodeSide } from '../../review/effects.ts'
import { formatMarkdown } from '../../review/markdown.ts'
import { type ReviewSide, review } from '../../review/review.ts'
import { formatReview, type Paint } from '../../review/text.ts'
import type { Review } from '../../review/types.ts'
import type { Console } from '../console.ts'
import { recreatedServices, type Side } from '../onto.ts'
import { readStored, type State } from '../states.ts'
import { coloursOf, print, printJson, printPainted } from '../terminal.ts'
import { type CompiledNodes, compileMany, problemKey } from './build.ts'
import type { DiffOptions } from './diffOptions.ts'

/** `ipvsc diff FROM TO`: what nodes would do differently, by Service. */

export async function diff(
  from: string,
  to: string,
  options: DiffOptions,
  console: Console,
): Promise<number> {
  checkNodes(options)
  const stored = [await readStored(from, options.iptables), await readStored(to, options.iptables)] as const
  const before = stored[0] ?? (await compileSide(from, options, console, null))
  if (before === null) return EXIT.input
  const after = stored[1] ?? (await compileSide(to, options, console, before))
  if (after === null) return EXIT.input
  const found = narrowed(
    review(reviewSide(before, after, options), reviewSide(after, before, options), recreated(after)),
    options,
  )
  show(found, options, `ipvsc diff ${from} ${to}`)
  const isEqual = found.services.length === 0 && found.others.length === 0
  return options.exitCode === true && !isEqual ? EXIT.differs : EXIT.done
}

function checkNodes({ node, allNodes }: DiffOptions): void {
  if (node === undefined && allNodes !== true)
    throw new UsageError('say which node: --node NAME, or --all-nodes')
  if (node !== undefined && allNodes === true)
    throw new UsageError('--node and --all-nodes exclude each other')
}

type AnySide = State | CompiledNodes

const isCompiled = (side: AnySide): side is CompiledNodes => 'nodes' in side

/** Manifests of the second side are laid over what the first one made. */
async function compileSide(
  reference: string,
  options: DiffOptions,
  console: Console,
  before: AnySide | null,
): Promise<CompiledNodes | null> {
  const isSnapshot = options.onto?.[0] === reference
  const { onto: _onto, was: _was, node: _node, allNodes: _all, ...rest } = options
  const { onto, was } = options
  const laying = isSnapshot
    ? {}
    : { ...(onto === undefined ? {} : { onto }), ...(was === undefined ? {} : { was }) }
  const known = before !== null && isCompiled(before) ? before.compiled : null
  return compileMany(
    [reference],
    { ...rest, ...laying },
    console,
    {
      from: known === null ? null : sideOf(known, options),
      isBundled: false,
      said: new Set(known?.diagnostics.map(problemKey)),
    },
    (cluster) => options.node ?? nodeNames(cluster),
  )
}

/** A snapshot is nothing that was applied. */
const sideOf = ({ laid: { side, isLaid } }: CompiledNodes['compiled'], { onto }: DiffOptions): Side =>
  isLaid || onto === undefined ? side : { ...side, manifests: null }

const nodeNames = ({ nodes }: Cluster): string[] => nodes.map(({ object }) => object.metadata.name).sort()

const recreated = (side: AnySide): ReadonlySet<string> =>
  isCompiled(side) ? recreatedServices(side.compiled.diagnostics) : new Set()

/** A bundle or a node does not say what was promised; what the other side says counts, where it does. */
function reviewSide(side: AnySide, other: AnySide, options: DiffOptions): ReviewSide {
  if (isCompiled(side)) {
    const { cluster, config } = side.compiled
    const nodes = [...side.nodes].map(
      ([name, { plan, facts }]) => [name, nodeSide({ plan, cluster, facts, config })] as const,
    )
    return { cluster, nodes: new Map(nodes) }
  }
  const name = options.node?.[0] ?? side.node ?? 'node'
  const known = isCompiled(other) ? other.nodes.get(name) : undefined
  if (known === undefined || !isCompiled(other))
    return { cluster: null, nodes: new Map([[name, bareSide(side)]]) }
  const { cluster, config } = other.compiled
  return {
    cluster: null,
    nodes: new Map([[name, nodeSide({ plan: side.plan, cluster, facts: known.facts, config })]]),
  }
}

function nodeSide(input: Parameters<typeof subjectOf>[0]): NodeSide {
  const { plan, network, promises } = subjectOf(input)
  return { state: kernelState(plan, network), promises }
}

const bareSide = ({ plan, node }: State): NodeSide => ({
  state: kernelState(plan, { name: node ?? 'node', addresses: [], podNetworks: [], pods: new Set() }),
  promises: [],
})

function narrowed(found: Review, { service }: DiffOptions): Review {
  if (service === undefined) return found
  return { ...found, services: found.services.filter((one) => service.includes(one.service)), others: [] }
}

function show(found: Review, { format }: DiffOptions, command: string): void {
  if (format === 'json') printJson(found)
  else if (format === 'markdown') print(formatMarkdown(found, { command }))
  else printPainted(formatReview(found, paint()))
}

function paint(): Paint {
  const { bold, green, red } = coloursOf('stdout')
  return { strong: bold, good: green, bad: red }
}
