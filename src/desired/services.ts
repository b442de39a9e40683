import { type Diagnostic, diagnostic, formatPath, type JsonPath } from '../diagnostics/diagnostics.ts'
import type { Cluster, Sourced } from '../kube/cluster.ts'
import { canonicalText, typeOf, withDefaults } from '../kube/defaults.ts'
import { fullName } from '../kube/names.ts'
import { ObjectReport } from '../kube/report.ts'
import type { Service } from '../kube/types.ts'
import { sortedBy } from '../order.ts'
import { Allocator } from './allocate.ts'
import type { Laid } from './endpoints.ts'
import { evidenceOf } from './evidence.ts'
import { fillFamilies } from './families.ts'
import { inspect, ownedByController } from './inspect.ts'
import type { Draft, Ranges, SpecDraft } from './types.ts'
import { created, updated } from './update.ts'

export interface LaidServices {
  readonly services: readonly Sourced<Service>[]
  /** Those that the manifests speak of, in the order of their names. */
  readonly laid: readonly Laid[]
  readonly diagnostics: readonly Diagnostic[]
  /** How many cluster IPs had to be assumed. */
  readonly allocated: number
}

interface Laying {
  readonly draft: Draft
  readonly live: Sourced<Service> | null
  readonly report: ObjectReport
  /** Whether a manifest speaks of it, or it only holds assumed values. */
  readonly isLaid: boolean
}

/** Services of the manifests over those of the cluster, with everything that the API server fills in. */
export function layServices(
  cluster: Cluster,
  manifests: Cluster,
  was: Cluster | null,
  ranges: Ranges,
): LaidServices {
  const live = new Map(cluster.services.map((service) => [fullName(service.object), service]))
  const before = new Map((was?.services ?? []).map(({ object }) => [fullName(object), object]))
  const resets: Reset[] = []
  const diagnostics: Diagnostic[] = []
  const layings: Laying[] = []
  for (const manifest of sortedBy(manifests.services, ({ object }) => fullName(object))) {
    const name = fullName(manifest.object)
    const laying = layOne(
      manifest,
      live.get(name) ?? null,
      before.get(name) ?? null,
      was !== null,
      ranges,
      resets,
    )
    if (laying.report.failed) diagnostics.push(...laying.report.diagnostics)
    else layings.push(laying)
  }
  const names = new Set(layings.map(({ draft }) => fullName(draft.service.object)))
  const others = cluster.services.filter(({ object }) => !names.has(fullName(object)))
  for (const service of others) if (service.assumed?.length) layings.push(unchanged(service))
  const allocated = allocate(
    sortedBy(layings, ({ draft }) => fullName(draft.service.object)),
    others,
    ranges,
  )
  diagnostics.push(...layings.flatMap(({ report }) => report.diagnostics), ...resetAssumed(resets))
  return { ...finish(cluster, layings), diagnostics, allocated }
}

function layOne(
  manifest: Sourced<Service>,
  live: Sourced<Service> | null,
  was: Service | null,
  wasGiven: boolean,
  ranges: Ranges,
  resets: Reset[],
): Laying {
  const report = new ObjectReport(manifest)
  report.diagnostics.push(...inspect(manifest))
  if (live === null) {
    const draft = created(manifest, report.add)
    fillFamilies(draft, ranges, report.add)
    return { draft, live, report, isLaid: true }
  }
  if (was === null) report.diagnostics.push(...ownedByController(live, manifest))
  const draft = updated(live, manifest, evidenceOf(live.object, was, wasGiven), report.add)
  if (draft.resetAssumed.length > 0) resets.push({ service: manifest, fields: draft.resetAssumed })
  fillFamilies(draft, ranges, report.add)
  return { draft, live, report, isLaid: true }
}

/** A Service that no manifest speaks of, with values that others may state now. */
function unchanged(service: Sourced<Service>): Laying {
  const spec = withDefaults(service.object.spec ?? {}) as SpecDraft
  const draft = {
    service,
    spec,
    status: service.object.status,
    assumed: [...(service.assumed ?? [])],
    before: service,
  }
  return { draft, live: service, report: new ObjectReport(service), isLaid: false }
}

/** What is stated comes first, then what was assumed before, then newcomers in the order of their names. */
function allocate(layings: readonly Laying[], others: readonly Sourced<Service>[], ranges: Ranges): number {
  const allocator = new Allocator(ranges)
  for (const { object, assumed } of others) allocator.take(object, assumed)
  for (const { draft } of layings)
    allocator.take({ ...draft.service.object, spec: draft.spec }, draft.assumed)
  for (const { draft } of layings) allocator.keep(draft)
  let allocated = 0
  for (const { draft, report } of layings) {
    const kept = draft.assumed.length
    allocator.fill(draft, report.add)
    allocated += draft.assumed.slice(kept).filter(([, field]) => field === 'clusterIPs').length
    markLoadBalancer(draft)
    warnPending(draft, report)
  }
  return allocated
}

/** An address that was asked for, and that no provider has confirmed. */
function markLoadBalancer({ status, spec, assumed, before }: Draft): void {
  const path: JsonPath = ['status', 'loadBalancer', 'ingress', 0, 'ip']
  const isNew = status !== before?.object.status && (status?.loadBalancer?.ingress ?? []).length > 0
  if (
    isNew &&
    spec.type === 'LoadBalancer' &&
    !assumed.some((known) => formatPath(known) === formatPath(path))
  )
    assumed.push(path)
}

function warnPending({ spec, status }: Draft, report: ObjectReport): void {
  if (typeOf(spec) !== 'LoadBalancer' || (status?.loadBalancer?.ingress ?? []).length > 0) return
  report.add({
    code: 'LOAD_BALANCER_PENDING',
    severity: 'info',
    message:
      'The load balancer has no address yet, so it has no virtual server; cluster IP and node ports are served.',
    path: ['status', 'loadBalancer'],
  })
}

function finish(cluster: Cluster, layings: readonly Laying[]): Pick<LaidServices, 'services' | 'laid'> {
  const results = new Map<string, Sourced<Service>>()
  const laid: Laid[] = []
  for (const { draft, live, report, isLaid } of layings) {
    if (report.failed) continue
    const after = live !== null && isSame(live, draft) ? live : result(draft)
    results.set(fullName(after.object), after)
    if (isLaid) laid.push({ before: live?.object ?? null, after: { ...after, origin: draft.service.origin } })
  }
  const kept = cluster.services.map((service) => results.get(fullName(service.object)) ?? service)
  const known = new Set(cluster.services.map(({ object }) => fullName(object)))
  const fresh = [...results].filter(([name]) => !known.has(name)).map(([, service]) => service)
  return { services: [...kept, ...fresh], laid }
}

function result({ service, spec, status, assumed }: Draft): Sourced<Service> {
  const { status: _old, ...object } = service.object
  const filled = { ...object, spec, ...(status === undefined ? {} : { status }) }
  return { object: filled, origin: service.origin, ...(assumed.length === 0 ? {} : { assumed }) }
}

function isSame(live: Sourced<Service>, draft: Draft): boolean {
  if (draft.before === null) return false
  const marks = (paths: readonly JsonPath[] = []): string => paths.map(formatPath).sort().join()
  const { metadata, spec, status } = live.object
  return (
    marks(live.assumed) === marks(draft.assumed) &&
    canonicalText(withDefaults(spec ?? {})) === canonicalText(draft.spec) &&
    canonicalText(metadata) === canonicalText(draft.service.object.metadata) &&
    canonicalText(status ?? null) === canonicalText(draft.status ?? null)
  )
}

interface Reset {
  readonly service: Sourced<Service>
  readonly fields: readonly string[]
}

/** Said once for all Services. */
function resetAssumed(resets: readonly Reset[]): Diagnostic[] {
  const [first] = resets
  if (first === undefined) return []
  const names = resets.map(({ service, fields }) => `${fullName(service.object)} (${fields.join(', ')})`)
  return [
    diagnostic({
      code: 'RESET_ASSUMED',
      severity: 'warning',
      message: `Nothing tells what an earlier apply had set, so fields that manifests are silent about are reset: ${names.join(', ')}. --was names the manifests from before.`,
      origin: first.service.origin,
    }),
  ]
}
