import type { Diagnostic } from '../diagnostics/diagnostics.ts'
import { diagnostic } from '../diagnostics/diagnostics.ts'
import { SCHEMAS } from '../generated/schemas.js'
import type { Sourced } from '../kube/cluster.ts'
import type { KubeProxyConfiguration } from '../kube/types.ts'
import { type FoundObject, isObject, type JsonObject } from './objects.ts'
import type { SourceText } from './types.ts'
import { schemaDiagnostics } from './validate.ts'

export const CONFIGURATION_GROUP = 'kubeproxy.config.k8s.io/'

export interface ReadConfiguration {
  readonly configuration: Sourced<KubeProxyConfiguration> | null
  readonly diagnostics: readonly Diagnostic[]
}

/** Checks a KubeProxyConfiguration as strict decoding does, and lists the fields that have no effect here. */
export async function readConfiguration({ object, origin }: FoundObject): Promise<ReadConfiguration> {
  const errors = (await schemaDiagnostics('KubeProxyConfiguration', object, origin)).map((error) => ({
    ...error,
    subject: CONFIGURATION_REF,
  }))
  if (errors.length > 0) return { configuration: null, diagnostics: errors }
  const unused = unusedFields(object)
  const notes = unused.length === 0 ? [] : [unusedNote(unused, origin)]
  const { mode } = object
  const modeNote = typeof mode === 'string' && mode !== 'ipvs' ? [otherMode(mode, origin)] : []
  return {
    configuration: { object: object as unknown as KubeProxyConfiguration, origin },
    diagnostics: [...modeNote, ...notes],
  }
}

export const CONFIGURATION_REF = { kind: 'KubeProxyConfiguration', namespace: null, name: 'config' }

const otherMode = (mode: string, origin: FoundObject['origin']): Diagnostic =>
  diagnostic({
    code: 'CONFIG_MODE',
    severity: mode === '' ? 'info' : 'warning',
    message: `The configuration selects ${mode === '' ? 'no mode' : `mode ${mode}`}; these rules are those of mode ipvs.`,
    subject: CONFIGURATION_REF,
    path: ['mode'],
    found: JSON.stringify(mode),
    expected: 'ipvs',
    origin,
  })

const unusedNote = (fields: readonly string[], origin: FoundObject['origin']): Diagnostic =>
  diagnostic({
    code: 'CONFIG_FIELD_UNUSED',
    severity: 'info',
    message: `Accepted, without effect on these rules: ${fields.join(', ')}.`,
    subject: CONFIGURATION_REF,
    origin,
  })

/** Fields that are set to something and that the schema does not mark as deciding rules. */
function unusedFields(object: JsonObject): string[] {
  const visit = (value: JsonObject, schema: JsonObject, prefix: string): string[] =>
    Object.entries(value).flatMap(([key, inner]) => {
      const field = isObject(schema.properties) ? schema.properties[key] : undefined
      if (key === 'apiVersion' || key === 'kind' || !isObject(field) || field['x-ipvsc'] === 'used') return []
      if (isObject(inner) && isObject(field.properties)) return visit(inner, field, `${prefix}${key}.`)
      return isZero(inner) ? [] : [`${prefix}${key}`]
    })
  return visit(object, SCHEMAS.kubeproxyconfiguration as JsonObject, '')
}

/** What kubeadm writes for a field that nobody set. */
const isZero = (value: unknown): boolean =>
  value === null || value === '' || value === 0 || value === false || value === '0s' || value === '0'

/** The proxy configurations that a ConfigMap holds, such as that of kubeadm: texts of their own. */
export function configurationTexts({ object, origin }: FoundObject): SourceText[] {
  const { data } = object
  if (!isObject(data)) return []
  return Object.entries(data).flatMap(([key, text]) =>
    typeof text === 'string' && /^kind: *["']?KubeProxyConfiguration/m.test(text)
      ? [{ name: `${origin.source}#${key}`, text }]
      : [],
  )
}

/** Whether the YAML of a ConfigMap may hold the settings of kube-proxy or of an API server, however it is written. */
export const configMapTells = (text: string): boolean =>
  /KubeProxyConfiguration|ClusterConfiguration/.test(text) || ESCAPED.test(text)

/** Ways to write a letter, or to break a line within a word, in double quotes; and text in base64. */
const ESCAPED = /\\(?:[xuU]|\r?\n)|!!binary|!<tag/
