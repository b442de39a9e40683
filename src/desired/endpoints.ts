import type { Diagnostic, DiagnosticInput } from '../diagnostics/diagnostics.ts'
import type { Cluster, Sourced } from '../kube/cluster.ts'
import { canonicalText } from '../kube/defaults.ts'
import { fullName, namespaceOf } from '../kube/names.ts'
import { ObjectReport } from '../kube/report.ts'
import type { EndpointSlice, Pod, Service } from '../kube/types.ts'
import { type PodIndex, selectorOf, zonesOf } from './pods.ts'
import {
  CONTROLLER,
  endpointsMeaning,
  hasAutoHints,
  hintsMeaning,
  MANAGED_BY,
  serviceOfSlice,
  slicesFromOthers,
  slicesFromPods,
  slicesOfEndpoints,
  withHints,
} from './slices.ts'

/** A Service before and after; `before` is `null` for a new one. */
export interface Laid {
  readonly before: Service | null
  readonly after: Sourced<Service>
}

/** What the endpoints of laid Services become. */
export interface LaidEndpoints {
  readonly endpointSlices: readonly Sourced<EndpointSlice>[]
  readonly endpoints: Cluster['endpoints']
  readonly diagnostics: readonly Diagnostic[]
}

/**
 * Slices of the snapshot stay while what they follow from stays the same, and where a selector is removed. Otherwise they are
 * made anew: from Pods, or from what other Services tell of the same Pods.
 */
export function layEndpoints(snapshot: Cluster, laid: readonly Laid[], pods: PodIndex | null): LaidEndpoints {
  const state = new EndpointState(snapshot, pods)
  const diagnostics = laid.flatMap((service) => state.lay(service))
  return { endpointSlices: state.slices(), endpoints: state.endpoints(), diagnostics }
}

class EndpointState {
  readonly #snapshot: Cluster
  readonly #pods: PodIndex | null
  readonly #zones: ReadonlyMap<string, string | null>
  readonly #byService = new Map<string, Sourced<EndpointSlice>[]>()
  readonly #replaced = new Set<Sourced<EndpointSlice>>()
  readonly #dropped = new Set<string>()
  readonly #made: Sourced<EndpointSlice>[] = []

  constructor(snapshot: Cluster, pods: PodIndex | null) {
    this.#snapshot = snapshot
    this.#pods = pods
    this.#zones = zonesOf(snapshot)
    for (const slice of snapshot.endpointSlices) {
      const name = serviceOfSlice(slice.object)
      const known = this.#byService.get(name)
      if (known === undefined) this.#byService.set(name, [slice])
      else known.push(slice)
    }
  }

  lay({ before, after }: Laid): Diagnostic[] {
    const service = after.object
    const selector = selectorOf(service)
    if (selector === null || service.spec?.type === 'ExternalName') return []
    if (before !== null && endpointsMeaning(before) === endpointsMeaning(service)) {
      if (hintsMeaning(before) === hintsMeaning(service)) return []
      this.#replace(before, after, this.#ownSlices(before, fullName(service)))
      return autoHints(after)
    }
    if (this.#pods !== null) {
      this.#replace(
        before,
        after,
        slicesFromPods(after, this.#known(this.#pods.podsOf(service), service), this.#zones),
      )
      return autoHints(after)
    }
    return [...this.#derive(before, after), ...autoHints(after)]
  }

  /** The controller leaves Pods out whose Node is gone; the one that made Endpoints objects does not look. */
  #known(pods: readonly Pod[], { spec }: Service): readonly Pod[] {
    const looks = this.#snapshot.endpointSlices.length > 0 && this.#zones.size > 0
    if (!looks || spec?.publishNotReadyAddresses) return pods
    return pods.filter((pod) => !pod.spec?.nodeName || this.#zones.has(pod.spec.nodeName))
  }

  #derive(before: Service | null, after: Sourced<Service>): Diagnostic[] {
    const donor = this.#donor(before, after.object)
    const report = new ObjectReport(after)
    if (donor === null) {
      this.#replace(before, after, [])
      const problem = unknownEndpoints('No Pods are known, and no other Service of this selector')
      // Without any snapshot nothing else can be expected.
      report.add(this.#hasSnapshot() ? problem : { ...problem, severity: 'info' })
      return report.diagnostics
    }
    const name = fullName(donor)
    const known = this.#byService.get(name) ?? slicesOfEndpoints(this.#snapshot, name)
    const { slices, unknown } = slicesFromOthers(after, donor, known)
    this.#replace(before, after, slices)
    if (unknown.length > 0)
      report.add(unknownEndpoints(`No Pods are known that would tell them for ${unknown.join(', ')}`))
    return report.diagnostics
  }

  #hasSnapshot(): boolean {
    const { endpointSlices, endpoints } = this.#snapshot
    return endpointSlices.length + endpoints.length > 0
  }

  /** A Service of the snapshot with the same Pods: itself, or the first by name with the same selector. */
  #donor(before: Service | null, after: Service): Service | null {
    const wanted = canonicalText(selectorOf(after))
    const hasSame = (service: Service): boolean =>
      namespaceOf(service) === namespaceOf(after) && canonicalText(selectorOf(service)) === wanted
    if (before !== null && hasSame(before) && before.spec?.type !== 'ExternalName') return before
    const others = this.#snapshot.services.map(({ object }) => object).filter(hasSame)
    return others.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))[0] ?? null
  }

  /** Slices of other makers stay, and those of a Service that had no selector. An Endpoints object is made anew, too. */
  #replace(
    before: Service | null,
    service: Sourced<Service>,
    slices: readonly Sourced<EndpointSlice>[],
  ): void {
    const name = fullName(service.object)
    for (const slice of this.#ownSlices(before, name)) this.#replaced.add(slice)
    this.#dropped.add(name)
    this.#made.push(...slices.map((slice) => withHints(slice, service.object)))
  }

  #ownSlices(before: Service | null, name: string): Sourced<EndpointSlice>[] {
    const unlabelled = before === null || selectorOf(before) !== null
    return (this.#byService.get(name) ?? []).filter(({ object }) => {
      const maker = object.metadata.labels?.[MANAGED_BY]
      return maker === undefined ? unlabelled : maker === CONTROLLER
    })
  }

  slices(): Sourced<EndpointSlice>[] {
    if (this.#replaced.size + this.#made.length === 0) return [...this.#snapshot.endpointSlices]
    return [...this.#snapshot.endpointSlices.filter((slice) => !this.#replaced.has(slice)), ...this.#made]
  }

  endpoints(): Cluster['endpoints'] {
    if (this.#dropped.size === 0) return this.#snapshot.endpoints
    return this.#snapshot.endpoints.filter(({ object }) => !this.#dropped.has(fullName(object)))
  }
}

const unknownEndpoints = (why: string): DiagnosticInput => ({
  code: 'ENDPOINTS_UNKNOWN',
  severity: 'warning',
  message: `${why}, so its real servers are unknown.`,
  path: ['spec', 'selector'],
  expected: 'a snapshot that lists Pods',
})

function autoHints(service: Sourced<Service>): Diagnostic[] {
  if (!hasAutoHints(service.object)) return []
  const report = new ObjectReport(service)
  report.add({
    code: 'ENDPOINTS_UNKNOWN',
    severity: 'info',
    message:
      'Topology hints of mode Auto are unknown: the controller weighs CPUs of zones; the endpoints count without hints.',
    path: ['metadata', 'annotations'],
  })
  return report.diagnostics
}
