import { safeJson } from '../diagnostics/safeText.ts'
import type { SnapshotRecord } from '../kube/types.ts'
import { compareText } from '../order.ts'
import { isObject, type JsonObject } from './objects.ts'
import { REDUCERS } from './reduced.ts'

/** Bookkeeping of the API server and of controllers, which decides no rule. */
const NOISY_METADATA: ReadonlySet<string> = new Set([
  'managedFields',
  'resourceVersion',
  'uid',
  'generation',
  'selfLink',
  'ownerReferences',
  'clusterName',
  'finalizers',
  'generateName',
])
/** Annotations that decide rules; any other may hold what nobody meant to publish. */
const KEPT_ANNOTATIONS: ReadonlySet<string> = new Set([
  'ipvs.scheduler',
  'service.kubernetes.io/topology-mode',
  'service.kubernetes.io/topology-aware-hints',
])
const OWN_ANNOTATIONS = 'ipvsc.dev/'
/** Fields of a kind whose objects must bring nothing else into a snapshot; kinds without an entry keep all. */
const KEPT_FIELDS: Readonly<Record<string, ReadonlySet<string>>> = {
  Service: new Set(['spec']),
  Node: new Set(['spec']),
  EndpointSlice: new Set(['addressType', 'endpoints', 'ports']),
  Endpoints: new Set(['subsets']),
}
/** Of a Node's status only what says where it is and what it runs on. */
const NODE_STATUS: ReadonlySet<string> = new Set(['addresses', 'capacity', 'nodeInfo'])
const NODE_CAPACITY: ReadonlySet<string> = new Set(['cpu'])
const NODE_INFO: ReadonlySet<string> = new Set(['kernelVersion', 'operatingSystem', 'architecture'])

/** The object without what changes by itself and decides no rule, its keys in order. */
export function withoutNoise(kind: string, object: JsonObject): JsonObject {
  const { metadata, status, ...rest } = object
  const fields = Object.hasOwn(KEPT_FIELDS, kind) ? KEPT_FIELDS[kind] : undefined
  const kept: Record<string, unknown> = fields === undefined ? { ...rest } : pick(rest, fields)
  if (isObject(metadata)) kept.metadata = quietMetadata(metadata)
  if (isObject(status)) kept.status = kind === 'Node' ? quietNodeStatus(status) : status
  return sortKeys(kept) as JsonObject
}

function quietMetadata(metadata: JsonObject): JsonObject {
  const kept = omit(metadata, NOISY_METADATA)
  const { annotations } = metadata
  if (!isObject(annotations)) return kept
  const decisive = Object.entries(annotations).filter(
    ([name]) => name.startsWith(OWN_ANNOTATIONS) || KEPT_ANNOTATIONS.has(name),
  )
  return { ...kept, annotations: Object.fromEntries(decisive) }
}

function quietNodeStatus(status: JsonObject): JsonObject {
  const kept: Record<string, unknown> = pick(status, NODE_STATUS)
  if (isObject(kept.capacity)) kept.capacity = pick(kept.capacity, NODE_CAPACITY)
  if (isObject(kept.nodeInfo)) kept.nodeInfo = pick(kept.nodeInfo, NODE_INFO)
  return kept
}

const pick = (object: JsonObject, keys: ReadonlySet<string>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(object).filter(([key]) => keys.has(key)))

const omit = (object: JsonObject, keys: ReadonlySet<string>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(object).filter(([key]) => !keys.has(key)))

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => compareText(a, b))
      .map(([key, inner]) => [key, sortKeys(inner)]),
  )
}

export interface SnapshotObject {
  readonly apiVersion: string
  readonly kind: string
  readonly object: JsonObject
}

/**
 * A `v1` List of the objects as JSON, behind the record of when and where they were listed. The bytes depend on what
 * these say alone: neither on the order of the objects or of their keys, nor on bookkeeping such as resource versions.
 */
export function canonicalSnapshot(objects: readonly SnapshotObject[], record?: SnapshotRecord): string {
  const items = objects
    .map((found) => ({ ...snapshotForm(found), apiVersion: found.apiVersion, kind: found.kind }))
    .map((object) => ({ key: snapshotKey(object), text: itemText(object) }))
    .sort((a, b) => compareText(a.key, b.key))
    .map(({ text }) => text)
  const all = record === undefined ? items : [itemText(record as unknown as JsonObject), ...items]
  const list = all.length === 0 ? '[]' : `[\n${all.join(',\n')}\n ]`
  return `{\n "apiVersion": "v1",\n "items": ${list},\n "kind": "List"\n}\n`
}

/** What a snapshot keeps of an object. */
function snapshotForm({ kind, object }: SnapshotObject): JsonObject {
  const reduce = Object.hasOwn(REDUCERS, kind) ? REDUCERS[kind] : undefined
  const quiet = withoutNoise(kind, object)
  return reduce === undefined ? quiet : reduce(object, quiet)
}

const itemText = (object: JsonObject): string =>
  safeJson(JSON.stringify(sortKeys(object), null, 1)).replace(/^/gm, '  ')

function snapshotKey(object: JsonObject): string {
  const metadata = isObject(object.metadata) ? object.metadata : {}
  return [object.kind, metadata.namespace ?? '', metadata.name].join('\u0000')
}
