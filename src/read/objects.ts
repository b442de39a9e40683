import { type Diagnostic, diagnostic, excerpt, type Origin } from '../diagnostics/diagnostics.ts'
import { DEFAULT_LIMITS, limitDiagnostic } from './limits.ts'
import type { Document } from './types.ts'

export type JsonObject = Readonly<Record<string, unknown>>

/** An object of any kind, with what is known of its kind. */
export interface FoundObject {
  readonly object: JsonObject
  readonly apiVersion: string
  readonly kind: string
  readonly origin: Origin
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What a list says about items that do not say it themselves. */
interface ListContext {
  readonly apiVersion: string
  readonly kind: string
}

/** What may still be visited, of all documents together. */
export interface Budget {
  readonly depth: number
  objects: number
}

/** Spends one visit; says once when there is none left. */
function within(budget: Budget, origin: Origin, report: (diagnostic: Diagnostic) => void): boolean {
  budget.objects--
  if (budget.objects === -1)
    report(limitDiagnostic('objects', 'The inputs hold more objects than are read', origin))
  if (budget.objects < 0) return false
  if (origin.path.length <= budget.depth) return true
  report(limitDiagnostic('depth', `Lists are nested deeper than ${budget.depth} levels`, origin))
  return false
}

/**
 * Every object of a document: itself, the items of a list of any kind, the items of a bare array. Items without
 * a kind get that of their typed list, of the name of their file, or of what they look like.
 */
export function findObjects(
  { source, index, value }: Document,
  found: (object: FoundObject) => void,
  report: (diagnostic: Diagnostic) => void,
  budget: Budget = { depth: DEFAULT_LIMITS.depth, objects: DEFAULT_LIMITS.objects },
): void {
  const root: Origin = { source, document: index, path: [] }
  const visit = (item: unknown, origin: Origin, context: ListContext | null): void => {
    if (!within(budget, origin, report)) return
    if (Array.isArray(item)) {
      const inner = context ?? contextOfFile(source)
      for (let at = 0; at < item.length; at++)
        visit(item[at], { ...origin, path: [...origin.path, at] }, inner)
      return
    }
    if (!isObject(item)) {
      if (item !== null) report(notAnObject(item, origin))
      return
    }
    const kind = typeof item.kind === 'string' ? item.kind : (context?.kind ?? '')
    const apiVersion = typeof item.apiVersion === 'string' ? item.apiVersion : (context?.apiVersion ?? '')
    if (kind.endsWith('List') && 'items' in item) {
      const inner = kind === 'List' ? null : { apiVersion, kind: kind.slice(0, -'List'.length) }
      visit(item.items, { ...origin, path: [...origin.path, 'items'] }, inner ?? contextOfFile(source))
      return
    }
    const known = kind === '' ? looksLike(item, source) : { kind, apiVersion }
    if (known === null) report(notAnObject(item, origin))
    else found({ object: item, kind: known.kind, apiVersion: known.apiVersion || 'v1', origin })
  }
  visit(value, root, null)
}

const FILE_KINDS: readonly (readonly [RegExp, ListContext])[] = [
  [/endpointslices$/i, { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' }],
  [/(^|[^a-z])services$/i, { apiVersion: 'v1', kind: 'Service' }],
  [/(^|[^a-z])endpoints$/i, { apiVersion: 'v1', kind: 'Endpoints' }],
  [/(^|[^a-z])nodes$/i, { apiVersion: 'v1', kind: 'Node' }],
]

/** What a file of a dump holds, by its name: `Services.json`, `core_v1_endpoints.json`. */
function contextOfFile(source: string): ListContext | null {
  const stem = (source.split('/').at(-1) ?? '').replace(/\.(json|ya?ml)$/i, '')
  return FILE_KINDS.find(([pattern]) => pattern.test(stem))?.[1] ?? null
}

/** A Kustomization needs no kind in a file of its name. */
export const isKustomizationFile = (source: string): boolean => /(^|\/)kustomization(\.ya?ml)?$/i.test(source)

/** The kind of an object without one, by fields that no other kind has. */
function looksLike(object: JsonObject, source: string): ListContext | null {
  const { metadata, spec, status } = object
  if (isKustomizationFile(source))
    return { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization' }
  if (!isObject(metadata)) return null
  if ('subsets' in object) return { apiVersion: 'v1', kind: 'Endpoints' }
  if ('addressType' in object) return { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' }
  if (isObject(status) && 'nodeInfo' in status) return { apiVersion: 'v1', kind: 'Node' }
  if (isObject(spec) && ('clusterIP' in spec || 'sessionAffinity' in spec))
    return { apiVersion: 'v1', kind: 'Service' }
  return null
}

const notAnObject = (value: unknown, origin: Origin): Diagnostic =>
  diagnostic({
    code: 'NOT_AN_OBJECT',
    severity: 'warning',
    message: 'This is neither a Kubernetes object nor a list of them, so it is passed over.',
    found: excerpt(value),
    expected: 'an object with apiVersion and kind',
    origin,
  })
