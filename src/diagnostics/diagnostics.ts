import type { DiagnosticCode } from './codes.ts'

/** A problem of the input as a value: collected, never thrown, decorated with its position at the edge. */
export interface Diagnostic {
  /** Stable: a pipeline may match on it. `docs/diagnostics.md` explains each. */
  readonly code: DiagnosticCode
  /** error: nothing is written. warning: skipped alone, or worth a look. info: passed over by rule. */
  readonly severity: Severity
  /** One sentence: what is wrong, then what happens or what to do. */
  readonly message: string
  /** The object the problem is in; `null` for a problem of a whole file or of the command. */
  readonly subject: ObjectRef | null
  /** Where in the subject (or, without one, in the document) the problem is. */
  readonly path: JsonPath
  /** What stood there, in short. */
  readonly found: string | null
  readonly expected: string | null
  /** Where the subject was read. */
  readonly origin: Origin | null
  /** Filled from `origin` and `path` by whoever holds the text. */
  readonly position: Position | null
  /** Whether this is an error whose object was left out so that the rest could be compiled. */
  readonly quarantined: boolean
  /** Other places that belong to the problem, such as the first of two definitions. */
  readonly related: readonly RelatedPlace[]
}

export type Severity = 'error' | 'warning' | 'info'

export interface ObjectRef {
  readonly kind: string
  readonly namespace: string | null
  readonly name: string
}

/** Keys and indices from the root: `['spec', 'ports', 0, 'nodePort']`. */
export type JsonPath = readonly (string | number)[]

/** Where an object was read: the source's name, which document of it, and where in the document. */
export interface Origin {
  readonly source: string
  readonly document: number
  readonly path: JsonPath
}

/** Both counted from 1; `column` in UTF-16 code units. */
export interface Position {
  readonly line: number
  readonly column: number
}

export interface RelatedPlace {
  readonly message: string
  readonly subject: ObjectRef | null
  readonly path: JsonPath
  readonly origin: Origin | null
  readonly position: Position | null
}

/** What a diagnostic says about the place of a problem; everything else has a default. */
export type DiagnosticInput = Pick<Diagnostic, 'code' | 'severity' | 'message'> & Partial<Diagnostic>

export const diagnostic = (input: DiagnosticInput): Diagnostic => ({
  subject: null,
  path: [],
  found: null,
  expected: null,
  origin: null,
  position: null,
  quarantined: false,
  related: [],
  ...input,
})

/** `Service default/web`. */
export const formatSubject = ({ kind, namespace, name }: ObjectRef): string =>
  `${kind} ${namespace === null ? '' : `${namespace}/`}${name}`

/** `spec.ports[0].nodePort`, with keys that are no identifiers in quotes. */
export const formatPath = (path: JsonPath): string =>
  path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`
    if (!/^[A-Za-z_$][\w$-]*$/.test(key)) return `${text}[${JSON.stringify(key)}]`
    return text === '' ? key : `${text}.${key}`
  }, '')

/** A value in short, for `found`: control characters are escaped and long values cut. */
export function excerpt(value: unknown): string {
  const text = value === undefined ? 'nothing' : beginning(value, 81)
  return text.length > 80 ? `${text.slice(0, 77)}…` : text
}

/** The first characters of a value as JSON, at least so many where it has them: values may be huge, and deep. */
function beginning(value: unknown, length: number): string {
  if (length <= 0) return ''
  if (typeof value === 'string') return JSON.stringify(value.slice(0, length))
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? typeof value
  const list = Array.isArray(value)
  let text = list ? '[' : '{'
  for (const key in value) {
    if (text.length >= length) break
    const name = list ? '' : `${JSON.stringify(key.slice(0, length))}:`
    const inner = (value as Readonly<Record<string, unknown>>)[key]
    if (inner === undefined && !list) continue
    const left = length - text.length - name.length
    text += `${text.length > 1 ? ',' : ''}${name}${beginning(inner ?? null, left)}`
  }
  return `${text}${list ? ']' : '}'}`
}

export const hasErrors = (diagnostics: readonly Diagnostic[]): boolean =>
  diagnostics.some(({ severity }) => severity === 'error')
