import { type Diagnostic, diagnostic } from '../diagnostics/diagnostics.ts'
import type { Sourced, Unrendered } from '../kube/cluster.ts'
import type { Service } from '../kube/types.ts'
import { type FoundObject, isObject, type JsonObject } from './objects.ts'

export const KUSTOMIZE_GROUP = 'kustomize.config.k8s.io/'

export const isKustomization = ({ apiVersion }: FoundObject): boolean =>
  apiVersion.startsWith(KUSTOMIZE_GROUP)

/** A Kustomization, with paths as the sources have them. */
interface Layer {
  readonly source: string
  readonly folder: string
  readonly object: JsonObject
  /** Files and folders that it takes in. */
  readonly resources: readonly string[]
  readonly patches: readonly string[]
}

export interface Kustomized {
  /** Services that count as they are. */
  readonly services: readonly Sourced<Service>[]
  readonly unrendered: readonly Unrendered[]
  readonly diagnostics: readonly Diagnostic[]
}

/**
 * Takes patches out, and Services that a Kustomization changes: only its rendered output says what they will be. Where it
 * only lists files, they count as they are.
 */
export function kustomized(
  kustomizations: readonly FoundObject[],
  services: readonly Sourced<Service>[],
  namespace: string,
): Kustomized {
  const layers = kustomizations.map(layerOf)
  const patches = new Set(layers.flatMap((layer) => layer.patches))
  const listed = services.filter(({ origin }) => !patches.has(origin.source))
  const whole = withoutFragments(listed)
  if (layers.length === 0) return { services: whole, unrendered: [], diagnostics: [] }
  const hidden = new Map<Layer, Sourced<Service>[]>()
  const kept = whole.filter((service) => {
    const layer = layers.find(
      (candidate) =>
        covers(candidate, service.origin.source, layers) &&
        changes(candidate, service.object, namespace, services),
    )
    if (layer === undefined) return true
    hidden.set(layer, [...(hidden.get(layer) ?? []), service])
    return false
  })
  const unrendered = layers.map(
    (layer): Unrendered => ({
      kind: 'kustomization',
      source: layer.source,
      services: (hidden.get(layer) ?? []).map(({ object }) => renamed(layer, object.metadata.name)),
    }),
  )
  return { services: kept, unrendered, diagnostics: [kustomizationDiagnostic(layers, unrendered)] }
}

function layerOf({ object, origin }: FoundObject): Layer {
  const folder = origin.source.replace(/[^/]*$/, '')
  const at = (list: unknown): string[] =>
    (Array.isArray(list) ? list : []).flatMap((item) => {
      const path = isObject(item) ? item.path : item
      return typeof path === 'string' && !path.includes('\n') ? [joined(folder, path)] : []
    })
  const { resources, bases, components, patches, patchesStrategicMerge, patchesJson6902 } = object
  return {
    source: origin.source,
    folder,
    object,
    resources: [...at(resources), ...at(bases), ...at(components)],
    patches: [...at(patches), ...at(patchesStrategicMerge), ...at(patchesJson6902)],
  }
}

/** The path of a file seen from a folder, without `.` and `..`. */
function joined(folder: string, path: string): string {
  const parts: string[] = []
  for (const part of `${folder}${path}`.split('/')) {
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts.join('/').replace(/\/$/, '')
}

/** Whether a file is among what a layer takes in, itself or by way of another one. */
function covers(layer: Layer, source: string, layers: readonly Layer[], depth = 0): boolean {
  if (depth > layers.length) return false
  return layer.resources.some((resource) => {
    if (resource === source) return true
    const inner = layers.find(({ folder }) => folder === `${resource}/`)
    return inner !== undefined && inner !== layer && covers(inner, source, layers, depth + 1)
  })
}

/** Whether rendering makes another Service of it: another name, namespace or selector, or a patch that nobody has applied. */
function changes(
  { object, patches }: Layer,
  service: Service,
  namespace: string,
  services: readonly Sourced<Service>[],
): boolean {
  const { namespace: wanted, namePrefix, nameSuffix, commonLabels, labels } = object
  if (typeof wanted === 'string' && wanted !== (service.metadata.namespace || namespace)) return true
  if (namePrefix || nameSuffix || isFilled(commonLabels)) return true
  if (
    (Array.isArray(labels) ? labels : []).some((entry) => isObject(entry) && entry.includeSelectors === true)
  )
    return true
  if (['components', 'transformers', 'replacements', 'helmCharts'].some((field) => isFilled(object[field])))
    return true
  const touched = (file: string): boolean => services.some(({ origin }) => origin.source === file)
  return patches.some(touched) || patchEntries(object).some((patch) => mayPatchServices(patch, touched))
}

const patchEntries = ({ patches, patchesJson6902, patchesStrategicMerge }: JsonObject): unknown[] =>
  [patches, patchesJson6902, patchesStrategicMerge].flatMap((list) => (Array.isArray(list) ? list : []))

/** A patch with a target says its kind; one without says it in its text; a file that holds Services was seen before. */
function mayPatchServices(patch: unknown, touched: (file: string) => boolean): boolean {
  if (!isObject(patch)) return typeof patch === 'string' && /^kind:\s*Service\s*$/m.test(patch)
  const { target, patch: text, path } = patch
  if (isObject(target)) return target.kind === undefined || /^Service$/.test(String(target.kind))
  return typeof text === 'string'
    ? /^\s*kind:\s*Service\s*$/m.test(text)
    : typeof path === 'string' && touched(path)
}

const isFilled = (value: unknown): boolean =>
  Array.isArray(value) ? value.length > 0 : isObject(value) && Object.keys(value).length > 0

/** Half a Service beside a whole one of its name is a patch, of a Kustomization that is not among the inputs. */
function withoutFragments(services: readonly Sourced<Service>[]): readonly Sourced<Service>[] {
  if (!services.some(({ object }) => isBare(object))) return services
  const whole = services.filter(({ object }) => !isBare(object))
  const names = new Set(
    whole.flatMap(({ object: { metadata } }) => [metadata.name, `${metadata.namespace}/${metadata.name}`]),
  )
  return services.filter(({ object }) => {
    const { namespace, name } = object.metadata
    return !isBare(object) || !names.has(namespace ? `${namespace}/${name}` : name)
  })
}

const isBare = ({ spec }: Service): boolean =>
  !spec?.selector && (spec?.ports ?? []).length === 0 && spec?.type !== 'ExternalName'

const renamed = ({ object: { namePrefix, nameSuffix } }: Layer, name: string): string =>
  `${typeof namePrefix === 'string' ? namePrefix : ''}${name}${typeof nameSuffix === 'string' ? nameSuffix : ''}`

function kustomizationDiagnostic(layers: readonly Layer[], unrendered: readonly Unrendered[]): Diagnostic {
  const [first] = layers as [Layer, ...Layer[]]
  const hidden = [...new Set(unrendered.flatMap(({ services }) => services))].sort()
  const namespaces = [
    ...new Set(
      layers.flatMap(({ object }) => (typeof object.namespace === 'string' ? [object.namespace] : [])),
    ),
  ]
  const what = layers.length === 1 ? 'A Kustomization covers' : `${layers.length} Kustomizations cover`
  const where = namespaces.length === 0 ? '' : `, in namespace ${namespaces.join(' or ')}`
  const effect =
    hidden.length === 0
      ? 'what it only lists counts as it is'
      : `what it makes of ${hidden.length === 1 ? 'Service' : 'Services'} ${hidden.join(', ')}${where} is unknown`
  return diagnostic({
    code: 'KUSTOMIZATION',
    severity: hidden.length === 0 ? 'info' : 'warning',
    message: `${what} inputs; ${effect}. Give its output: kustomize build ${first.folder.replace(/\/$/, '') || '.'} | ipvsc … -`,
    origin: { source: first.source, document: 0, path: [] },
    related: layers.slice(1).map(({ source }) => ({
      message: 'another one',
      subject: null,
      path: [],
      origin: { source, document: 0, path: [] },
      position: null,
    })),
  })
}
