import type { ErrorObject } from 'ajv'
import {
  type Diagnostic,
  diagnostic,
  excerpt,
  type JsonPath,
  type ObjectRef,
  type Origin,
} from '../diagnostics/diagnostics.ts'
import {
  validateEndpointSlice,
  validateEndpoints,
  validateNode,
  validateService,
} from '../generated/validators.js'
import { CLUSTER_SCOPED } from '../kube/names.ts'
import { isObject, type JsonObject } from './objects.ts'

/** Kinds that are read, each with its validator and the name of the one that names every error. */
export const INPUT_KINDS = {
  Service: validateService,
  EndpointSlice: validateEndpointSlice,
  Endpoints: validateEndpoints,
  Node: validateNode,
} as const

export type InputKind = keyof typeof INPUT_KINDS

export type SchemaName =
  | InputKind
  | 'Pod'
  | 'KubeProxyConfiguration'
  | 'Plan'
  | 'Manifest'
  | 'Facts'
  | 'ProjectFile'
  | 'RuleTests'

/** Every way in which the value differs from its schema, each as a diagnostic about the object. */
export async function schemaDiagnostics(
  name: SchemaName,
  value: JsonObject,
  origin: Origin | null,
): Promise<Diagnostic[]> {
  const validators = await import('../generated/completeValidators.js')
  const validate = validators[`validate${name}`]
  if (validate(value)) return []
  const subject = describeSubject(name, value)
  return (validate.errors ?? [])
    .filter(({ keyword }) => !SUMMARY_KEYWORDS.has(keyword))
    .map((error) => schemaDiagnostic(error, subject, origin))
}

/** Keywords whose error only says that another one, reported beside it, failed. */
const SUMMARY_KEYWORDS: ReadonlySet<string> = new Set(['oneOf', 'anyOf', 'if'])

/** How messages name an object that may lack anything, also its metadata. */
export function describeSubject(kind: string, { metadata }: JsonObject): ObjectRef {
  const text = (key: string): string | null => {
    const value = isObject(metadata) ? metadata[key] : null
    return typeof value === 'string' ? value : null
  }
  return {
    kind,
    namespace: CLUSTER_SCOPED.has(kind) || !isObject(metadata) ? null : (text('namespace') ?? 'default'),
    name: text('name') ?? '(unnamed)',
  }
}

function schemaDiagnostic(error: ErrorObject, subject: ObjectRef, origin: Origin | null): Diagnostic {
  const variable = typeof error.data === 'string' ? VARIABLE.exec(error.data)?.[0] : undefined
  const { message, path, expected } = variable === undefined ? explain(error) : unsubstituted(error, variable)
  return diagnostic({
    code:
      variable === undefined
        ? 'SCHEMA'
        : variable.startsWith('{')
          ? 'TEMPLATE_NOT_RENDERED'
          : 'VARIABLE_NOT_SUBSTITUTED',
    severity: 'error',
    message,
    subject,
    path,
    found:
      error.keyword === 'required'
        ? 'nothing'
        : excerpt(error.keyword === 'additionalProperties' ? path.at(-1) : error.data),
    expected,
    origin,
  })
}

/** `${NAME}` and `{{ expression }}`: places that a tool fills in before Kubernetes sees them. */
export const VARIABLE = /\$\{[A-Za-z_][^}]*\}|\{\{[^}]*\}\}/

const unsubstituted = ({ instancePath }: ErrorObject, variable: string): Explanation => ({
  path: parsePointer(instancePath),
  message: `${excerpt(variable)} is not filled in; substitute it first (flux build, envsubst, helm template) and give the output.`,
  expected: 'a value',
})

interface Explanation {
  readonly message: string
  readonly path: JsonPath
  readonly expected: string
}

function explain(error: ErrorObject): Explanation {
  const path = parsePointer(error.instancePath)
  const params = error.params as Record<string, unknown>
  switch (error.keyword) {
    case 'required':
      return {
        path,
        message: `The field ${params.missingProperty} is missing.`,
        expected: `a field ${params.missingProperty}`,
      }
    case 'additionalProperties':
      return {
        path: [...path, String(params.additionalProperty)],
        message: 'There is no such field.',
        expected: 'a field of the schema',
      }
    case 'type': {
      const types = [params.type].flat().join(' or ')
      return { path, message: `The value must be of type ${types}.`, expected: types }
    }
    case 'enum': {
      const values = (params.allowedValues as unknown[]).filter((value) => value !== null && value !== '')
      const list = values.join(', ')
      return { path, message: `The value must be one of ${list}.`, expected: `one of ${list}` }
    }
    case 'const':
      return {
        path,
        message: `The value must be ${params.allowedValue}.`,
        expected: String(params.allowedValue),
      }
    case 'pattern':
      return {
        path,
        message: 'The value has characters or a form that the field does not allow.',
        expected: `text that matches ${params.pattern}`,
      }
    default:
      return { path, message: `The value ${error.message}.`, expected: error.message ?? error.keyword }
  }
}

/** A JSON pointer as a path; keys that are numbers are indices where they stand in arrays. */
function parsePointer(pointer: string): JsonPath {
  return pointer
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((key) => (/^(0|[1-9]\d*)$/.test(key) ? Number(key) : key))
}
