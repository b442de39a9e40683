import { fieldPaths } from '../desired/fieldPaths.ts'
import type { JsonPath, Origin, Position } from '../diagnostics/diagnostics.ts'
import type { Cluster, Sourced } from '../kube/cluster.ts'
import { fullName } from '../kube/names.ts'
import type { Service } from '../kube/types.ts'
import type { FieldChange, Review, ServiceReview } from './types.ts'

/** What a side was made of. */
export interface Stated {
  /** The manifests that were laid over a cluster; `null`: there are none, or nobody knows. */
  readonly manifests: Cluster | null
  readonly cluster: Cluster | null
  /** By the name of their source. */
  readonly texts: ReadonlyMap<string, string>
}

/** A field of an object that was read. */
interface SourcedPlace {
  readonly origin: Origin
  readonly path: JsonPath
}

/** Finds places in texts; `null`: it cannot. */
export type FindPositions = (
  places: readonly SourcedPlace[],
  texts: ReadonlyMap<string, string>,
) => Promise<(Position | null)[]>

/** A review whose Services and fields have the lines that state them. Texts are searched only for what changes. */
export async function withPlaces(
  review: Review,
  before: Stated,
  after: Stated,
  positionsOf: FindPositions,
): Promise<Review> {
  if (review.services.length === 0) return review
  const [old, now] = [statedServices(before), statedServices(after)]
  const places: SourcedPlace[] = []
  const asked = review.services.map((service) => {
    const [was, is] = [old.get(service.service), now.get(service.service)]
    const origin = (service.fate === 'removed' ? was : (is ?? was))?.origin ?? service.origin
    const at = origin === null ? null : places.push({ origin, path: [] }) - 1
    return { service: { ...service, origin }, at, fields: fieldsAsked(service, was, is, places) }
  })
  const texts = new Map([...before.texts, ...after.texts])
  const lines = (await positionsOf(places, texts)).map((position) => position?.line ?? null)
  const services = asked.map(({ service, at, fields }): ServiceReview => {
    const line = at === null ? null : (lines[at] ?? null)
    return {
      ...service,
      ...(line === null ? {} : { line }),
      fields: fields.map(({ field, at: place, isBefore }) => withLine(field, places, lines, place, isBefore)),
    }
  })
  return { ...review, services }
}

/** Services by name, as manifests state them, else as the cluster has them. */
function statedServices({ manifests, cluster }: Stated): ReadonlyMap<string, Sourced<Service>> {
  const all = [...(cluster?.services ?? []), ...(manifests?.services ?? [])]
  return new Map(all.map((service) => [fullName(service.object), service]))
}

interface AskedField {
  readonly field: FieldChange
  /** Which of the places; `null`: none. */
  readonly at: number | null
  readonly isBefore: boolean
}

/** The side after says why a field is as it is; where it is silent, the side before says what is no longer asked for. */
function fieldsAsked(
  { fate, fields }: ServiceReview,
  was: Sourced<Service> | undefined,
  is: Sourced<Service> | undefined,
  places: SourcedPlace[],
): AskedField[] {
  if (fate === 'added' || fate === 'removed')
    return fields.map((field) => ({ field, at: null, isBefore: false }))
  const sides = [is, was].map((side) => ({
    side,
    paths: side === undefined ? null : fieldPaths(side.object),
  }))
  return fields.map((field) => {
    for (const { side, paths } of sides) {
      const path = paths?.get(field.field)
      if (side === undefined || path === undefined) continue
      return {
        field,
        at: places.push({ origin: side.origin, path }) - 1,
        isBefore: side === was,
      }
    }
    return { field, at: null, isBefore: false }
  })
}

function withLine(
  field: FieldChange,
  places: readonly SourcedPlace[],
  lines: readonly (number | null)[],
  at: number | null,
  isBefore: boolean,
): FieldChange {
  const line = at === null ? null : (lines[at] ?? null)
  if (at === null || line === null) return field
  return { ...field, place: { source: (places[at] as SourcedPlace).origin.source, line, isBefore } }
}
