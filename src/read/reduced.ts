import { appliedFields } from './applied.ts'
import { isObject, type JsonObject } from './objects.ts'

/** Objects as a snapshot keeps them, where that is less than an object without noise has, or more. */

type Reducer = (object: JsonObject, quiet: JsonObject) => JsonObject

/** What is kept of a reference to an owner. */
const OWNER = ['apiVersion', 'kind', 'name', 'controller'] as const

/** By kind: takes the whole object and the one without noise. */
export const REDUCERS: Readonly<Record<string, Reducer>> = {
  /** With the spec fields that were set, by whom, and the controller that it belongs to. */
  Service: ({ metadata }, quiet) => {
    const managedFields = isObject(metadata) ? appliedFields(metadata) : []
    const more = present({
      managedFields: managedFields.length === 0 ? undefined : managedFields,
      ownerReferences: listed(metadata, 'ownerReferences', OWNER),
    })
    if (Object.keys(more).length === 0) return quiet
    return { ...quiet, metadata: { ...(quiet.metadata as JsonObject), ...more } }
  },
  /** What decides which endpoints a Service has: no image, command, environment or volume. */
  Pod: ({ metadata, spec, status }) =>
    present({
      metadata: present({
        ...picked(metadata, ['name', 'namespace', 'labels', 'deletionTimestamp']),
        ownerReferences: listed(metadata, 'ownerReferences', OWNER),
      }),
      spec: present({
        ...picked(spec, ['nodeName', 'hostNetwork']),
        containers: containers(spec, 'containers'),
        initContainers: containers(spec, 'initContainers', isSidecar),
      }),
      status: present({
        ...picked(status, ['phase']),
        ...podIPs(status),
        conditions: listed(status, 'conditions', ['type', 'status']),
      }),
    }),
  ServiceCIDR: ({ metadata, spec }) => ({
    metadata: picked(metadata, ['name', 'deletionTimestamp']),
    spec: picked(spec, ['cidrs']),
  }),
}

/** Clusters from before 1.16 know one address only. */
const podIPs = (status: unknown): JsonObject => {
  const several = picked(status, ['podIPs'])
  return 'podIPs' in several ? several : picked(status, ['podIP'])
}

/** An init container that goes on running; its ports count as those of other containers do. */
const isSidecar = ({ restartPolicy }: JsonObject): boolean => restartPolicy === 'Always'

/** Named ports of containers; containers without any are left out. */
function containers(
  spec: unknown,
  field: string,
  counts: (container: JsonObject) => boolean = () => true,
): readonly JsonObject[] | undefined {
  const all = isObject(spec) && Array.isArray(spec[field]) ? spec[field].filter(isObject) : []
  const kept = all.filter(counts).flatMap((container) => {
    const ports = (listed(container, 'ports', ['name', 'containerPort', 'protocol']) ?? []).filter(
      ({ name }) => name,
    )
    return ports.length === 0 ? [] : [{ ...picked(container, ['name', 'restartPolicy']), ports }]
  })
  return kept.length === 0 ? undefined : kept
}

/** The named fields of an object, those that it has. */
function picked(value: unknown, fields: readonly string[]): JsonObject {
  if (!isObject(value)) return {}
  return Object.fromEntries(
    fields
      .filter((field) => value[field] !== undefined && value[field] !== null)
      .map((field) => [field, value[field]]),
  )
}

/** The named fields of each object in a list; an empty list is absent. */
function listed(value: unknown, field: string, fields: readonly string[]): JsonObject[] | undefined {
  const list = isObject(value) ? value[field] : undefined
  if (!Array.isArray(list) || list.length === 0) return undefined
  return list.filter(isObject).map((item) => picked(item, fields))
}

const present = (object: Readonly<Record<string, unknown>>): JsonObject =>
  Object.fromEntries(
    Object.entries(object).filter(
      ([, value]) => value !== undefined && !(isObject(value) && Object.keys(value).length === 0),
    ),
  )
