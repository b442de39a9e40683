import { formatServiceChange, type ServiceChange, serviceChanges } from '../../desired/changes.ts'
import { desired } from '../../desired/desired.ts'
import { parseRange } from '../../desired/ranges.ts'
import type { DesiredOptions } from '../../desired/types.ts'
import { type Diagnostic, diagnostic } from '../../diagnostics/diagnostics.ts'
import { UsageError } from '../../host/exit.ts'
import type { AssumedObject } from '../../kube/assumed.ts'
import type { Cluster } from '../../kube/cluster.ts'
import { clusterIPsOf, isHeadless, typeOf } from '../../kube/defaults.ts'
import { objectKey, refOf } from '../../kube/names.ts'
import type { Service } from '../../kube/types.ts'
import { parseNetwork } from '../../net/address.ts'
import type { ReadOptions, ReadResult } from '../../read/types.ts'
import { parseLimits } from './limits.ts'

/** Options of commands whose inputs may be manifests, which are laid over a snapshot. */
export interface OntoOptions {
  readonly onto?: readonly string[]
  readonly namespace?: string
  readonly limit?: readonly string[]
  readonly was?: readonly string[]
  readonly serviceCidr?: string
  readonly serviceNodePortRange?: string
  readonly acceptAssumed?: boolean
}

/** A state that inputs made: the other side of a comparison is laid over it. */
export interface Side {
  readonly cluster: Cluster
  /** What was applied to come there; `null`: nothing that is known. */
  readonly manifests: Cluster | null
}

export interface LaidInput {
  /** What was read, with the cluster that it makes. */
  readonly result: ReadResult
  readonly diagnostics: readonly Diagnostic[]
  readonly assumed: readonly AssumedObject[]
  readonly side: Side
  /** Whether the inputs were manifests. */
  readonly isLaid: boolean
}

/** Reads other inputs than those at hand. */
export type ReadInputs = (inputs: readonly string[], options: ReadOptions) => Promise<ReadResult>

export const readOptionsOf = ({ namespace, limit }: OntoOptions): ReadOptions => ({
  ...(namespace === undefined ? {} : { namespace }),
  limits: parseLimits(limit),
})

/**
 * Lays what was read over a snapshot, where one was given, or over the other side of a comparison. Without any, Services that
 * have no addresses yet are laid over the rest of the inputs.
 */
export async function layInput(
  result: ReadResult,
  options: OntoOptions,
  from: Side | null,
  readMore: ReadInputs,
): Promise<LaidInput> {
  const chosen = desiredOptions(options)
  const was = options.was === undefined ? null : await readMore(options.was, readOptionsOf(options))
  if (from !== null && (options.onto !== undefined || needsLaying(result.cluster))) {
    const laid = desired(from.cluster, result.cluster, {
      ...chosen,
      was: from.manifests ?? was?.cluster ?? null,
    })
    return withLaid(result, [], laid, result.cluster, options)
  }
  if (options.onto === undefined) return layAlone(result, was, chosen, options)
  const snapshot = await readSnapshot(options.onto, readMore)
  const laid = desired(snapshot.cluster, result.cluster, { ...chosen, was: was?.cluster ?? null })
  return withLaid(result, [snapshot, ...(was === null ? [] : [was])], laid, result.cluster, options)
}

async function readSnapshot(references: readonly string[], readMore: ReadInputs): Promise<ReadResult> {
  const [reference, second] = references
  if (reference === undefined || second !== undefined)
    throw new UsageError(`--onto takes one snapshot, not ${references.length}: ${references.join(', ')}`)
  const snapshot = await readMore([reference], {})
  const { services, nodes, snapshots = [] } = snapshot.cluster
  if (snapshots.length > 1)
    throw new UsageError(`--onto ${reference} holds ${snapshots.length} snapshots: name one`)
  if (
    services.length + nodes.length === 0 &&
    !snapshot.diagnostics.some(({ severity }) => severity === 'error')
  )
    throw new UsageError(`--onto ${reference} is no snapshot: it holds neither Services nor Nodes`)
  return snapshot
}

/** Manifests without a snapshot: their own Nodes, Pods and addressed Services are all that is known of a cluster. */
function layAlone(
  result: ReadResult,
  was: ReadResult | null,
  chosen: DesiredOptions,
  options: OntoOptions,
): LaidInput {
  const { cluster } = result
  if (!needsLaying(cluster) && was === null)
    return { result, diagnostics: [], assumed: [], side: { cluster, manifests: cluster }, isLaid: false }
  const open = cluster.services.filter(({ object }) => isOpen(object))
  const known = { ...cluster, services: cluster.services.filter(({ object }) => !isOpen(object)) }
  const { pods: _pods, serviceCIDRs: _cidrs, namespaces: _namespaces, ...rest } = cluster
  const manifests = {
    ...rest,
    services: open,
    endpointSlices: [],
    endpoints: [],
    nodes: [],
    configurations: [],
  }
  const laid = desired(known, manifests, { ...chosen, was: was?.cluster ?? null })
  return withLaid(result, was === null ? [] : [was], laid, cluster, options)
}

function withLaid(
  result: ReadResult,
  others: readonly ReadResult[],
  laid: ReturnType<typeof desired>,
  manifests: Cluster,
  _options: OntoOptions,
): LaidInput {
  return {
    result: {
      ...result,
      cluster: laid.cluster,
      texts: new Map([...others.flatMap(({ texts }) => [...texts]), ...result.texts]),
    },
    diagnostics: [...others.flatMap(({ diagnostics }) => diagnostics), ...laid.diagnostics],
    assumed: laid.assumed,
    side: { cluster: laid.cluster, manifests },
    isLaid: true,
  }
}

/** Whether a Service waits for addresses of an API server. */
const isOpen = ({ spec }: Service): boolean =>
  typeOf(spec ?? {}) !== 'ExternalName' &&
  !isHeadless(spec ?? {}) &&
  clusterIPsOf(spec ?? {}).length === 0 &&
  (spec?.ports ?? []).length > 0

export const needsLaying = ({ services }: Cluster): boolean => services.some(({ object }) => isOpen(object))

function desiredOptions({ namespace, serviceCidr, serviceNodePortRange }: OntoOptions): DesiredOptions {
  const networks = serviceCidr?.split(',').map((text) => text.trim())
  const wrong = networks?.find((text) => parseNetwork(text) === null)
  if (wrong !== undefined)
    throw new UsageError(`--service-cidr: ${JSON.stringify(wrong)} is no network such as 10.96.0.0/12`)
  if (serviceNodePortRange !== undefined && parseRange(serviceNodePortRange) === null)
    throw new UsageError(
      `--service-node-port-range: ${JSON.stringify(serviceNodePortRange)} is no range such as 30000-32767`,
    )
  return {
    ...(namespace === undefined ? {} : { namespace }),
    serviceCIDRs: networks ?? null,
    nodePortRange: serviceNodePortRange ?? null,
  }
}

/**
 * Errors of objects that are there all the same, since other inputs state them: only the text that is wrong is put in
 * quarantine, as an API server would refuse it and keep what it has.
 */
export function kept(
  diagnostics: readonly Diagnostic[],
  { isLaid, result: { cluster } }: LaidInput,
): readonly Diagnostic[] {
  if (!isLaid) return diagnostics
  const { services, endpointSlices, endpoints, nodes } = cluster
  const present = new Set(
    [...services, ...endpointSlices, ...endpoints, ...nodes].map(({ object }) => objectKey(refOf(object))),
  )
  return diagnostics.map((problem) =>
    problem.severity === 'error' && problem.subject !== null && present.has(objectKey(problem.subject))
      ? {
          ...problem,
          severity: 'warning',
          message: `Left out, so that the object is as other inputs have it: ${problem.message}`,
        }
      : problem,
  )
}

/** What a bundle must not hold: what nobody accepted, and what no `kubectl apply` brings about. */
export function refusals(
  { assumed, diagnostics }: Pick<LaidInput, 'assumed' | 'diagnostics'>,
  { acceptAssumed }: OntoOptions,
): Diagnostic[] {
  const names = assumed.map(({ namespace, name }) => `${namespace}/${name}`)
  const unaccepted = diagnostic({
    code: 'ASSUMED_VALUE',
    severity: 'error',
    message: `Addresses or ports of ${names.length} ${names.length === 1 ? 'Service' : 'Services'} are assumed (${shortened(names)}), and no node may be given them by mistake: --accept-assumed builds them all the same.`,
    expected: 'a snapshot taken after the manifests were applied',
  })
  return [
    ...(assumed.length > 0 && !acceptAssumed ? [unaccepted] : []),
    ...diagnostics
      .filter(({ code }) => code === 'RECREATE_NEEDED')
      .map((problem): Diagnostic => ({ ...problem, severity: 'error' })),
  ]
}

const shortened = (names: readonly string[]): string =>
  names.length > 5 ? `${names.slice(0, 5).join(', ')}, …` : names.join(', ')

/** What becomes of Services between two laid sides. */
export function changesBetween(from: Side, to: Side, diagnostics: readonly Diagnostic[]): ServiceChange[] {
  return serviceChanges(from.cluster, to.cluster, recreatedServices(diagnostics))
}

/** Services that cannot be changed in place, by `namespace/name`. */
export const recreatedServices = (diagnostics: readonly Diagnostic[]): ReadonlySet<string> =>
  new Set(
    diagnostics.flatMap(({ code, subject }) =>
      code === 'RECREATE_NEEDED' && subject !== null ? [`${subject.namespace}/${subject.name}`] : [],
    ),
  )

export const changeLines = (changes: readonly ServiceChange[]): string[] => changes.map(formatServiceChange)
