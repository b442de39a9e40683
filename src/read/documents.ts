import { type Diagnostic, diagnostic } from '../diagnostics/diagnostics.ts'
import { JsonSyntaxError, parseJsonStream } from './json.ts'
import { DEFAULT_LIMITS, type Limits, limitDiagnostic } from './limits.ts'
import { positionAt } from './position.ts'
import type { Document, SourceText } from './types.ts'

export interface DocumentsResult {
  readonly documents: readonly Document[]
  readonly diagnostics: readonly Diagnostic[]
}

/** The documents of a text. What begins like JSON is read as JSON, anything else as YAML. */
export async function readDocuments(
  source: SourceText,
  limits: Limits = DEFAULT_LIMITS,
): Promise<DocumentsResult> {
  const text = source.text.charCodeAt(0) === 0xfeff ? source.text.slice(1) : source.text
  return looksLikeJson(text) ? readJson({ ...source, text }, limits) : readYaml({ ...source, text }, limits)
}

export const looksLikeJson = (text: string): boolean => /^\s*[{[]/.test(text.slice(0, 1000))

/** A text of JSON: one value, or several one after the other. Flow-style YAML begins like JSON too. */
async function readJson(source: SourceText, limits: Limits): Promise<DocumentsResult> {
  const { name, text } = source
  try {
    return { documents: [{ source: name, index: 0, value: JSON.parse(text) }], diagnostics: [] }
  } catch {
    // Found again below, with its position.
  }
  try {
    const values = parseJsonStream(text)
    return { documents: values.map(({ value }, index) => ({ source: name, index, value })), diagnostics: [] }
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error
    if (/\.ya?ml$/.test(name)) return readYaml(source, limits)
    return { documents: [], diagnostics: [jsonError(source, error)] }
  }
}

function jsonError({ name, text }: SourceText, { offset, message }: JsonSyntaxError): Diagnostic {
  const found = offset >= text.length ? 'the end of the text' : JSON.stringify(text.charAt(offset))
  return diagnostic({
    code: 'SYNTAX',
    severity: 'error',
    message: `The text is not JSON: ${message} must stand here.`,
    found,
    expected: message,
    origin: { source: name, document: 0, path: [] },
    position: positionAt(text, offset),
  })
}

async function readYaml({ name, text }: SourceText, limits: Limits): Promise<DocumentsResult> {
  const { parseYaml } = await import('./yaml.ts')
  const documents: Document[] = []
  const diagnostics: Diagnostic[] = []
  parseYaml(text, limits).forEach((parsed, index) => {
    const origin = { source: name, document: index, path: [] }
    for (const { message, offset, limit } of parsed.errors)
      diagnostics.push(
        limit === undefined
          ? diagnostic({
              code: 'SYNTAX',
              severity: 'error',
              message: `The text is not YAML: ${message}.`,
              origin,
              position: positionAt(text, offset),
            })
          : limitDiagnostic(limit, message, origin, positionAt(text, offset)),
      )
    if (parsed.errors.length === 0 && parsed.value !== null && parsed.value !== undefined)
      documents.push({ source: name, index, value: parsed.value, ambiguous: parsed.ambiguous })
  })
  return { documents, diagnostics }
}
