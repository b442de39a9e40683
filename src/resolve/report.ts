import type { Sourced } from '../cluster/types.ts'
import { type Diagnostic, type DiagnosticInput, diagnostic, type ObjectRef } from '../diagnostics.ts'
import type { ObjectMeta } from '../kube/types.ts'

/** Takes a diagnostic about the object at hand; subject and origin are filled in. */
export type Report = (input: DiagnosticInput) => void

interface KubeObject {
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

/** Collects diagnostics of one object, and knows whether any was an error. */
export class ObjectReport {
  readonly diagnostics: Diagnostic[] = []
  readonly #source: Sourced<KubeObject>

  constructor(source: Sourced<KubeObject>) {
    this.#source = source
  }

  readonly add: Report = (input) => {
    const { object, origin } = this.#source
    this.diagnostics.push(diagnostic({ subject: refOf(object), origin, ...input }))
  }

  get failed(): boolean {
    return this.diagnostics.some(({ severity }) => severity === 'error')
  }
}
