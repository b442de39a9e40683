import { canonicalText } from '../kube/defaults.ts'
import { compareText } from '../order.ts'
import { isObject, type JsonObject } from './objects.ts'

/** The annotation in which `kubectl apply` remembers what it was given. */
export const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'
/** Manager under which fields of that annotation are listed. */
const LAST_APPLIED_MANAGER = 'kubectl-last-applied'

/**
 * Which spec fields of an object an apply or update set, and none of their values: entries like those of
 * `metadata.managedFields`, reduced to `{manager, operation, fieldsV1: {"f:spec": …}}`. The last-applied annotation
 * becomes one of them, of the manager `kubectl-last-applied`. Reduced entries stay as they are.
 */
export function appliedFields(metadata: JsonObject): JsonObject[] {
  const { managedFields, annotations } = metadata
  const entries = (Array.isArray(managedFields) ? managedFields : []).filter(isObject).map(specEntry)
  const lastApplied = isObject(annotations) ? lastAppliedEntry(annotations[LAST_APPLIED]) : null
  const distinct = new Map(
    [...entries, lastApplied]
      .filter((entry) => entry !== null)
      .map((entry) => [`${entry.manager} ${canonicalText(entry)}`, entry]),
  )
  return [...distinct].sort(([a], [b]) => compareText(a, b)).map(([, entry]) => entry)
}

/** A manager of the status or of metadata alone says nothing of the spec. */
function specEntry({ manager, operation, subresource, fieldsV1 }: JsonObject): JsonObject | null {
  const spec = isObject(fieldsV1) ? fieldsV1['f:spec'] : undefined
  if (!isObject(spec) || subresource) return null
  return { fieldsV1: { 'f:spec': spec }, manager: manager ?? '', operation: operation ?? '' }
}

function lastAppliedEntry(text: unknown): JsonObject | null {
  if (typeof text !== 'string') return null
  let object: unknown
  try {
    object = JSON.parse(text)
  } catch {
    return null
  }
  if (!isObject(object) || !isObject(object.spec)) return null
  return {
    fieldsV1: { 'f:spec': fieldsOf(object.spec) },
    manager: LAST_APPLIED_MANAGER,
    operation: 'Apply',
  }
}

/** Maps and lists that the API replaces whole have no fields of their own: a selector and all lists but that of ports. */
function fieldsOf(object: JsonObject): JsonObject {
  const fields: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(object)) {
    if (value === null) continue
    if (name === 'ports' && Array.isArray(value)) fields['f:ports'] = portFields(value)
    else fields[`f:${name}`] = isObject(value) && name !== 'selector' ? fieldsOf(value) : {}
  }
  return fields
}

/** Ports go by number and protocol. */
const portFields = (ports: readonly unknown[]): JsonObject =>
  Object.fromEntries(
    ports.filter(isObject).map((port) => {
      const key = JSON.stringify({ port: port.port, protocol: port.protocol || 'TCP' })
      return [`k:${key}`, { '.': {}, ...fieldsOf(port) }]
    }),
  )
