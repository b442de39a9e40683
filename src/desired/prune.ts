import type { Diagnostic } from '../diagnostics/diagnostics.ts'
import type { Cluster, Sourced, Unrendered } from '../kube/cluster.ts'
import { fullName, type KubeObject, objectKey } from '../kube/names.ts'
import { ObjectReport } from '../kube/report.ts'

export interface Pruned {
  /** `Service shop/web`, `EndpointSlice shop/web-1`. */
  readonly names: ReadonlySet<string>
  readonly diagnostics: readonly Diagnostic[]
}

export const NOTHING_GONE: Pruned = { names: new Set(), diagnostics: [] }

/**
 * Objects of the manifests from before that the new ones lack. What may lie in a part that is not rendered is unknown, and
 * stays.
 */
export function pruned(base: Cluster, was: Cluster, now: Cluster): Pruned {
  const keyOf = ({ object }: Sourced<KubeObject>): string => `${object.kind} ${fullName(object)}`
  const objects = ({ services, endpointSlices, endpoints }: Cluster): Sourced<KubeObject>[] => [
    ...services,
    ...endpointSlices,
    ...endpoints,
  ]
  // A manifest that an API server refuses changes nothing.
  const present = new Set([...objects(now).map(keyOf), ...(now.refused ?? []).map(objectKey)])
  const existing = new Map(objects(base).map((source) => [keyOf(source), source]))
  const names = new Set<string>()
  const diagnostics: Diagnostic[] = []
  for (const source of objects(was)) {
    const key = keyOf(source)
    if (present.has(key) || !existing.has(key)) continue
    const hidden = (now.unrendered ?? []).find((part) => mayHold(part, source))
    const report = new ObjectReport(source)
    if (hidden === undefined) {
      names.add(key)
      report.add({
        code: 'OBJECT_GONE',
        severity: 'info',
        message: 'The manifests no longer have it: it is gone, if your tool prunes.',
      })
    } else
      report.add({
        code: 'OBJECT_UNKNOWN',
        severity: 'warning',
        message: `The manifests no longer have it as it is; ${hidden.source} may hold it, which is not rendered, so it stays.`,
      })
    diagnostics.push(...report.diagnostics)
  }
  return { names, diagnostics }
}

/** By the name of the Service, or because it lay in a file of this name. */
const mayHold = ({ services, source, kind }: Unrendered, { object, origin }: Sourced<KubeObject>): boolean =>
  services.includes(object.metadata.name) || (kind === 'template' && tail(source) === tail(origin.source))

/** The last two parts of a path. */
const tail = (path: string): string => path.split('/').slice(-2).join('/')
