import type { Diagnostic } from '../diagnostics/diagnostics.ts'
import type { Sourced } from '../kube/cluster.ts'
import { namespaceOf } from '../kube/names.ts'
import { ObjectReport } from '../kube/report.ts'
import type { Pod, Service, Workload } from '../kube/types.ts'
import { distance } from './distance.ts'
import { mayServe, type PodIndex, type Selector, selectorOf, selects } from './pods.ts'

export interface Surroundings {
  readonly workloads: readonly Sourced<Workload>[]
  readonly pods: readonly Sourced<Pod>[]
  /** `null`: Pods were not listed. */
  readonly index: PodIndex | null
  readonly nodes: number
}

/** What stands behind a Service of the manifests: Pods to come, or nothing at all. */
export function expectations(service: Sourced<Service>, around: Surroundings): Diagnostic[] {
  const selector = selectorOf(service.object)
  if (selector === null || service.object.spec?.type === 'ExternalName') return []
  const report = new ObjectReport(service)
  const namespace = namespaceOf(service.object)
  const near = around.workloads.filter(({ object }) => (object.metadata.namespace || 'default') === namespace)
  const makers = near.filter(({ object }) => selects(selector, object.labels)).map(({ object }) => object)
  const running = (around.index?.podsOf(service.object) ?? []).filter(mayServe)
  for (const text of makers.length > 0 ? toCome(makers, running, around) : [])
    report.add({ code: 'ENDPOINTS_EXPECTED', severity: 'info', message: text, path: ['spec', 'selector'] })
  if (makers.length + running.length === 0) reportNothing(selector, namespace, near, around, report)
  return report.diagnostics
}

/** Each workload once: definitions of one name that differ count as the largest. */
function toCome(makers: readonly Workload[], running: readonly Pod[], around: Surroundings): string[] {
  const byName = new Map<string, Workload>()
  for (const maker of makers) {
    const name = `${maker.kind} ${namespaceOf(maker)}/${maker.metadata.name}`
    const known = byName.get(name)
    if (known === undefined || count(known, around) < count(maker, around)) byName.set(name, maker)
  }
  return [...byName]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, maker]) => {
      const replicas = count(maker, around)
      if (around.index === null) return [`It selects ${name}, ${words(replicas, 'replica')}.`]
      const matching = running.filter((pod) => isMadeBy(pod, maker)).length
      if (matching >= replicas) return []
      const existing = around.pods.filter(({ object }) => isMadeBy(object, maker) && mayServe(object)).length
      if (existing > matching)
        return [`${matching} of ${existing} running Pods match; ${replicas} to come from ${name}.`]
      return [
        `It selects ${name}, ${words(replicas, 'replica')}: ${words(replicas - matching, 'real server')} to come.`,
      ]
    })
}

const words = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`

const count = ({ replicas }: Workload, { nodes }: Surroundings): number => replicas ?? nodes

/** A Deployment's Pods belong to a ReplicaSet that is named after it. */
function isMadeBy({ metadata }: Pod, { kind, labels, metadata: maker }: Workload): boolean {
  if ((metadata.namespace || 'default') !== (maker.namespace || 'default')) return false
  if (kind === 'Pod') return metadata.name === maker.name
  // A snapshot that says nothing of owners leaves labels to tell.
  if (!metadata.ownerReferences?.length) return selects(labels, metadata.labels)
  return (metadata.ownerReferences ?? []).some(
    (owner) =>
      (owner.kind === kind && owner.name === maker.name) ||
      (kind === 'Deployment' &&
        owner.kind === 'ReplicaSet' &&
        owner.name.replace(/-[^-]*$/, '') === maker.name),
  )
}

/** What a selector may have meant. */
export interface Candidate {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
}

function reportNothing(
  selector: Selector,
  namespace: string,
  near: readonly Sourced<Workload>[],
  around: Surroundings,
  report: ObjectReport,
): void {
  const candidates: Candidate[] = [
    ...near.map(({ object }) => ({
      name: `${object.kind} ${namespace}/${object.metadata.name}`,
      labels: object.labels,
    })),
    ...(around.index === null ? [] : around.pods)
      .filter(({ object }) => (object.metadata.namespace || 'default') === namespace)
      .map(({ object }) => ({
        name: `Pod ${namespace}/${object.metadata.name}`,
        labels: object.metadata.labels ?? {},
      })),
  ]
  const nearest = nearestLabels(selector, candidates)
  const known = around.index !== null
  report.add({
    code: 'SELECTS_NOTHING',
    severity: known || nearest !== null ? 'warning' : 'info',
    message: known
      ? 'It selects no workload and no Pod, so it has no real servers.'
      : 'It selects no workload of the manifests; no Pods are known.',
    path: ['spec', 'selector'],
    found: labelText(selector),
    expected: nearest === null ? null : `${labelText(nearest.labels)} of ${nearest.name}, perhaps`,
  })
}

export const labelText = (labels: Selector): string =>
  Object.entries(labels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => JSON.stringify(`${key}=${value}`).slice(1, -1))
    .join(', ')

/** Labels that differ by a slip: those that the selector means, of the candidate that comes closest. */
export function nearestLabels(selector: Selector, candidates: readonly Candidate[]): Candidate | null {
  let best: { readonly candidate: Candidate; readonly score: number } | null = null
  for (const candidate of candidates) {
    const score = slips(selector, candidate.labels)
    if (
      score <= LARGEST_SLIP &&
      (best === null || score < best.score || (score === best.score && candidate.name < best.candidate.name))
    )
      best = { candidate, score }
  }
  if (best === null) return null
  const { name, labels } = best.candidate
  const meant = Object.keys(selector).map((key) =>
    labels[key] === undefined ? similarKey(key, labels) : key,
  )
  return {
    name,
    labels: Object.fromEntries(meant.flatMap((key) => (key === null ? [] : [[key, labels[key] as string]]))),
  }
}

/** Letters that may be wrong in all. */
const LARGEST_SLIP = 3

function slips(selector: Selector, labels: Selector): number {
  let sum = 0
  for (const [key, value] of Object.entries(selector)) {
    const own = labels[key] === undefined ? similarKey(key, labels) : key
    if (own === null) return Number.POSITIVE_INFINITY
    sum += distance(key, own) + distance(value, labels[own] as string)
  }
  return sum
}

const similarKey = (key: string, labels: Selector): string | null =>
  Object.keys(labels)
    .sort()
    .find((other) => distance(key, other) <= 2) ?? null
