import { EXIT } from '../../host/exit.ts'
import { kernelState } from '../../proof/state.ts'
import { subjectOf } from '../../proof/subject.ts'
import { positionsOf } from '../../read/locate.ts'
import type { NodeSide } from '../../review/effects.ts'
import { narrow, type Wanted } from '../../review/narrow.ts'
import { type Stated, withPlaces } from '../../review/places.ts'
import { type ReviewSide, review } from '../../review/review.ts'
import type { Console } from '../console.ts'
import { type CompiledNodes, compileMany, problemKey } from '../inputs/compiled.ts'
import { absentSide } from '../inputs/files.ts'
import { recreatedServices, type Side } from '../inputs/onto.ts'
import { readStored, type State } from '../inputs/states.ts'
import type { DiffOptions } from '../options.ts'
import { type AnySide, guard, isCompiled, isGuarded } from './diffGuard.ts'
import { checkNodes, chooseNodes } from './diffNodes.ts'
import { checkForms, show } from './diffShow.ts'
import { waitsOf } from './diffWaits.ts'
import { statusOf } from './lint.ts'

/** `ipvsc diff FROM TO`: what nodes would do differently, by Service. */

export async function diff(
  from: string,
  to: string,
  options: DiffOptions,
  console: Console,
): Promise<number> {
  checkNodes(options)
  checkForms(options)
  absentSide([from, to])
  const stored = [await readStored(from, options.iptables), await readStored(to, options.iptables)] as const
  const before = stored[0] ?? (await compileSide(from, options, console, null))
  if (before === null) return EXIT.input
  const after = stored[1] ?? (await compileSide(to, options, console, before))
  if (after === null) return EXIT.input
  const [one, two] = [reviewSide(before, after, options), reviewSide(after, before, options)]
  const whole = await withPlaces(
    review(one, two, recreated(after)),
    statedOn(before),
    statedOn(after),
    positionsOf,
  )
  const guarded = isGuarded(options) ? await guard(whole, [before, after], [one, two], options) : whole
  const found = narrow(guarded, wantedOf(options))
  await show({ review: found, before: one, after: two }, options)
  const isEqual = found.services.length === 0 && found.others.length === 0
  if (options.exitCode === true && !isEqual) return EXIT.differs
  return statusOf(found.findings ?? [], options)
}

const wantedOf = ({ service, kind }: DiffOptions): Wanted => ({
  ...(service === undefined ? {} : { services: service }),
  ...(kind === undefined ? {} : { kinds: kind }),
})

/** Manifests of the second side are laid over what the first one made. */
async function compileSide(
  reference: string,
  options: DiffOptions,
  console: Console,
  before: AnySide | null,
): Promise<CompiledNodes | null> {
  const isSnapshot = options.onto?.[0] === reference
  const { onto: _onto, was: _was, node: _node, allNodes: _all, output: _output, ...rest } = options
  const { onto, was } = options
  const laying = isSnapshot
    ? {}
    : { ...(onto === undefined ? {} : { onto }), ...(was === undefined ? {} : { was }) }
  const known = before !== null && isCompiled(before) ? before.compiled : null
  return compileMany([reference], { ...rest, ...laying }, console, {
    from: known === null ? null : sideOf(known, options),
    isBundled: false,
    mayBeEmpty: true,
    said: new Set(known?.diagnostics.map(problemKey)),
    nodes: (cluster) => chooseNodes(cluster, options, known?.cluster ?? null),
  })
}

/** A snapshot is nothing that was applied. */
const sideOf = ({ laid: { side, isLaid } }: CompiledNodes['compiled'], { onto }: DiffOptions): Side =>
  isLaid || onto === undefined ? side : { ...side, manifests: null }

const recreated = (side: AnySide): ReadonlySet<string> =>
  isCompiled(side) ? recreatedServices(side.compiled.diagnostics) : new Set()

/** What a side was made of, where that is known. */
const statedOn = (side: AnySide): Stated =>
  isCompiled(side)
    ? {
        manifests: side.compiled.laid.side.manifests,
        cluster: side.compiled.cluster,
        texts: side.compiled.texts,
      }
    : { manifests: null, cluster: null, texts: new Map() }

/** A bundle or a node does not say what was promised; what the other side says counts, where it does. */
function reviewSide(side: AnySide, other: AnySide, options: DiffOptions): ReviewSide {
  if (isCompiled(side)) {
    const { cluster, config } = side.compiled
    const nodes = [...side.nodes].map(
      ([name, { plan, facts }]) => [name, nodeSide({ plan, cluster, facts, config })] as const,
    )
    return { cluster, nodes: new Map(nodes), waits: waitsOf(side.compiled) }
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
  return { state: kernelState(plan, network), promises: promises.services }
}

const bareSide = ({ plan, node }: State): NodeSide => ({
  state: kernelState(plan, { name: node ?? 'node', addresses: [], podNetworks: [], pods: new Set() }),
  promises: [],
})
