import { formatPath, type JsonPath } from '../diagnostics/diagnostics.ts'
import type { Sourced } from './cluster.ts'
import { fullName, namespaceOf } from './names.ts'
import type { Service } from './types.ts'

/** A Service with values that nobody stated. */
export interface AssumedObject {
  readonly kind: 'Service'
  readonly namespace: string
  readonly name: string
  readonly values: readonly AssumedValue[]
}

export interface AssumedValue {
  /** `spec.clusterIPs[0]`. */
  readonly field: string
  readonly value: string
}

/** Services with values that nobody stated. */
export const assumedObjects = (services: readonly Sourced<Service>[]): AssumedObject[] =>
  services
    .filter(({ assumed }) => (assumed ?? []).length > 0)
    .map((service): [string, AssumedObject] => [
      fullName(service.object),
      {
        kind: 'Service',
        namespace: namespaceOf(service.object),
        name: service.object.metadata.name,
        values: valuesOf(service),
      },
    ])
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, object]) => object)

const valuesOf = ({ object, assumed = [] }: Sourced<Service>): AssumedValue[] =>
  assumed.map((path) => ({ field: formatPath(path), value: String(valueAt(object, path)) }))

export const valueAt = (object: unknown, path: JsonPath): unknown =>
  path.reduce<unknown>(
    (value, key) => (value as Readonly<Record<string | number, unknown>> | undefined)?.[key],
    object,
  )

/** Addresses and port numbers of a Service that are assumed, as text. */
export const assumedValues = ({ object, assumed = [] }: Sourced<Service>): ReadonlySet<string> =>
  new Set(assumed.map((path) => String(valueAt(object, path))))
