import { isRecord } from '../kube/defaults.ts'
import type { ManagedFields, Service, ServicePortSpec } from '../kube/types.ts'

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/** What an earlier apply is known to have set of a Service: a field that is no longer stated is reset only then. */
export interface Evidence {
  /** `null`: nothing is known of any apply. */
  readonly spec: Readonly<Record<string, unknown>> | null
  /** `null`: nothing is known of labels and annotations. */
  readonly metadata: Readonly<Record<string, unknown>> | null
}

/** Nothing was applied before, as far as anybody knows. */
export const NO_EVIDENCE: Evidence = { spec: null, metadata: null }

/**
 * The manifest applied before, else kubectl's annotation, else the fields that an applying manager owns. Where manifests
 * from before were given without this Service, it was not applied with them.
 */
export function evidenceOf(live: Service, was: Service | null, wasGiven: boolean): Evidence {
  if (was !== null) return { spec: asRecord(was.spec), metadata: asRecord(was.metadata) }
  const annotation = live.metadata.annotations?.[LAST_APPLIED]
  if (annotation !== undefined) return fromAnnotation(annotation)
  const applied = (live.metadata.managedFields ?? []).filter(isApply)
  if (applied.length > 0) return fromManagers(applied)
  return wasGiven ? { spec: {}, metadata: {} } : NO_EVIDENCE
}

function fromAnnotation(text: string): Evidence {
  try {
    const object: unknown = JSON.parse(text)
    if (isRecord(object)) return { spec: asRecord(object.spec), metadata: asRecord(object.metadata) }
  } catch {
    // An annotation that somebody broke says nothing.
  }
  return NO_EVIDENCE
}

/** Server-side apply, and kubectl's client-side one as it was recorded later. */
const isApply = ({ operation, manager, subresource }: ManagedFields): boolean =>
  !subresource && (operation === 'Apply' || manager === 'kubectl-client-side-apply')

function fromManagers(managers: readonly ManagedFields[]): Evidence {
  const spec: Record<string, unknown> = {}
  const metadata: Record<string, unknown> = {}
  for (const { fieldsV1 } of managers) {
    Object.assign(spec, plain(fieldsV1?.['f:spec']))
    Object.assign(metadata, plain(fieldsV1?.['f:metadata']))
  }
  return { spec, metadata: managers.some(({ fieldsV1 }) => fieldsV1?.['f:metadata']) ? metadata : null }
}

/** `{"f:type": {}}` as `{type: true}`; list entries by key as a list of those keys. */
function plain(fields: unknown): Record<string, unknown> {
  if (!isRecord(fields)) return {}
  return Object.fromEntries(
    Object.entries(fields).flatMap(([key, inner]) =>
      key.startsWith('f:') ? [[key.slice(2), value(inner)]] : [],
    ),
  )
}

function value(inner: unknown): unknown {
  if (!isRecord(inner)) return true
  const items = Object.keys(inner).filter((key) => key.startsWith('k:'))
  if (items.length > 0) return items.map((key) => ({ ...plain(inner[key]), ...keyOf(key) }))
  return Object.keys(inner).some((key) => key.startsWith('f:')) ? plain(inner) : true
}

/** `k:{"port":80,"protocol":"TCP"}` */
function keyOf(key: string): object {
  try {
    const fields: unknown = JSON.parse(key.slice(2))
    return isRecord(fields) ? fields : {}
  } catch {
    return {}
  }
}

const asRecord = (part: unknown): Record<string, unknown> => (isRecord(part) ? part : {})

/** Whether an earlier apply set the field; `assumed`: nobody knows, so it counts as set. */
export function wasSet({ spec }: Evidence, field: string): boolean | 'assumed' {
  if (spec === null) return 'assumed'
  return spec[field] !== undefined && spec[field] !== null
}

/** The port of the earlier apply with this number and protocol; `null`: it had none; `assumed`: nobody knows. */
export function portWas(
  { spec }: Evidence,
  port: ServicePortSpec,
): Readonly<Record<string, unknown>> | null | 'assumed' {
  if (spec === null) return 'assumed'
  const ports = Array.isArray(spec.ports) ? spec.ports.filter(isRecord) : []
  return (
    ports.find(
      (other) => other.port === port.port && (other.protocol ?? 'TCP') === (port.protocol || 'TCP'),
    ) ?? null
  )
}
