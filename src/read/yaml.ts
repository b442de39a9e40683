import { type Document, isCollection, isNode, parseAllDocuments } from 'yaml'
import type { JsonPath } from '../diagnostics/diagnostics.ts'

export interface ParsedYaml {
  readonly value: unknown
  readonly errors: readonly { readonly message: string; readonly offset: number }[]
}

/** Merge keys are read, as Kubernetes' own tools do; a document of too many aliases is refused. */
const OPTIONS = { merge: true, prettyErrors: false, logLevel: 'silent' } as const
const MAX_ALIASES = 1000

export function parseYaml(text: string): ParsedYaml[] {
  return documentsOf(text).map((document) => {
    const errors = document.errors.map(({ message, pos }) => ({
      message: message.replace(/\.$/, ''),
      offset: pos[0],
    }))
    if (errors.length > 0) return { value: null, errors }
    try {
      return { value: document.toJS({ maxAliasCount: MAX_ALIASES }), errors }
    } catch (error) {
      return {
        value: null,
        errors: [{ message: (error as Error).message, offset: document.range?.[0] ?? 0 }],
      }
    }
  })
}

function documentsOf(text: string): Document[] {
  const parsed = parseAllDocuments(text, OPTIONS)
  return 'empty' in parsed ? [] : (parsed as Document[])
}

/** Offsets of the values at paths of the documents; a path that leads nowhere has that of its nearest parent. */
export function locateYaml(text: string, places: readonly { document: number; path: JsonPath }[]): number[] {
  const documents = documentsOf(text)
  return places.map(({ document, path }) => {
    const root = documents[document]
    return root === undefined ? 0 : offsetOf(root, path)
  })
}

function offsetOf(document: Document, path: JsonPath): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range) return node.range[0]
    const parent = document.getIn(path.slice(0, length - 1), true)
    if (isCollection(parent) && parent.range && length === path.length) return parent.range[0]
  }
  const contents = document.contents
  return contents?.range ? contents.range[0] : (document.range?.[0] ?? 0)
}
