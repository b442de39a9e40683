import { type Diagnostic, diagnostic, type JsonPath } from '../diagnostics/diagnostics.ts'
import { type FoundObject, isObject, type JsonObject } from './objects.ts'
import { Ambiguous, type AmbiguousPlace } from './scalars.ts'
import { describeSubject } from './validate.ts'

export interface Settled {
  readonly value: unknown
  readonly ambiguous: readonly AmbiguousPlace[]
}

/** The value with every ambiguous scalar as YAML 1.2 reads it, and where they were. */
export function settled(root: unknown): Settled {
  const ambiguous: AmbiguousPlace[] = []
  const visit = (value: unknown, path: JsonPath): unknown => {
    if (value instanceof Ambiguous) {
      ambiguous.push({ path, scalar: value })
      return value.value
    }
    if (Array.isArray(value)) return value.map((inner, index) => visit(inner, [...path, index]))
    if (!isObject(value)) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, visit(inner, [...path, key])]),
    )
  }
  return { value: visit(root, []), ambiguous }
}

/** Those places that lie in an object, in fields that its kind's schema reads; nobody else's matter. */
export async function ambiguousDiagnostics(
  { kind, object, origin }: FoundObject,
  places: readonly AmbiguousPlace[],
): Promise<Diagnostic[]> {
  const { SCHEMAS } = await import('../generated/schemas.js')
  const schemas = SCHEMAS as Readonly<Record<string, JsonObject>>
  const name = kind.toLowerCase()
  const schema = Object.hasOwn(schemas, name) ? schemas[name] : undefined
  return places.flatMap(({ path, scalar }) => {
    if (!origin.path.every((key, index) => path[index] === key)) return []
    const inner = path.slice(origin.path.length)
    return isRead(schema, inner) ? [ambiguousDiagnostic(scalar, inner, kind, object, origin)] : []
  })
}

/** Whether a path leads to a field that a schema knows. */
function isRead(schema: unknown, [key, ...rest]: JsonPath): boolean {
  if (!isObject(schema)) return false
  if (key === undefined) return true
  const { properties, items, additionalProperties } = schema
  if (typeof key === 'number') return isRead(items, rest)
  const named = isObject(properties) && Object.hasOwn(properties, key) ? properties[key] : undefined
  return isRead(named ?? additionalProperties, rest)
}

const ambiguousDiagnostic = (
  { text, value, older }: Ambiguous,
  path: JsonPath,
  kind: string,
  object: JsonObject,
  origin: FoundObject['origin'],
): Diagnostic =>
  diagnostic({
    code: 'SCALAR_AMBIGUOUS',
    severity: 'error',
    message: `YAML 1.1, which Kubernetes reads, takes this for ${meaning(older)} and YAML 1.2 for ${meaning(value)}; write what is meant.`,
    subject: describeSubject(kind, object),
    path,
    found: text,
    expected: [...new Set([older, value].map((one) => JSON.stringify(one)))].join(' or '),
    origin,
  })

const meaning = (value: Ambiguous['value']): string =>
  typeof value === 'string' ? 'text' : typeof value === 'number' ? `the number ${value}` : String(value)
