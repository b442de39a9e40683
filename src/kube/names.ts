import type { ObjectRef } from '../diagnostics/diagnostics.ts'
import type { ObjectMeta } from './types.ts'

export interface KubeObject {
  readonly kind: string
  readonly metadata: ObjectMeta
}

export const CLUSTER_SCOPED: ReadonlySet<string> = new Set(['Node'])

/** A namespaced object without a namespace lives in `default`, as for kubectl. */
export const namespaceOf = ({ metadata }: KubeObject): string => metadata.namespace || 'default'

/** `namespace/name`. */
export const fullName = (object: KubeObject): string => `${namespaceOf(object)}/${object.metadata.name}`

export const refOf = (object: KubeObject): ObjectRef => ({
  kind: object.kind,
  namespace: CLUSTER_SCOPED.has(object.kind) ? null : namespaceOf(object),
  name: object.metadata.name,
})

/** A name of an object among all of all kinds: `Service shop/web`, `Node node-1`. */
export const objectKey = ({ kind, namespace, name }: ObjectRef): string =>
  namespace === null ? `${kind} ${name}` : `${kind} ${namespace}/${name}`
