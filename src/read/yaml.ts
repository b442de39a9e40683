import { type Document, isCollection, isNode, parseAllDocuments, Scalar, visit } from 'yaml'
import type { JsonPath } from '../diagnostics/diagnostics.ts'
import { expandedSize, ownSize } from './aliases.ts'
import { settled } from './ambiguous.ts'
import { extentsOf } from './extents.ts'
import { needsOtherParser, parseFast } from './fastYaml.ts'
import { deeperThan, type Limits } from './limits.ts'
import type { AmbiguousPlace } from './scalars.ts'
import { Ambiguous, plainScalar } from './scalars.ts'

export interface ParsedYaml {
  readonly value: unknown
  readonly ambiguous: readonly AmbiguousPlace[]
  readonly errors: readonly YamlError[]
}

export interface YamlError {
  readonly message: string
  readonly offset: number
  /** The limit that the text exceeds; absent: a matter of syntax. */
  readonly limit?: keyof Limits
}

const OPTIONS = { merge: true, prettyErrors: false, logLevel: 'silent' } as const

/** Characters from which on a text is not given to the parser that knows positions: it needs 60 times as much memory. */
const LONGEST_WITH_POSITIONS = 32 * 2 ** 20

const hasPositions = (text: string): boolean => text.length <= LONGEST_WITH_POSITIONS

/** The documents of a text: by the fast parser, or by the other one, which names every error. */
export function parseYaml(text: string, limits: Limits): ParsedYaml[] {
  if (!hasPositions(text) || !needsOtherParser(text)) {
    const fast = parseFast(text, limits.depth)
    if ('values' in fast) return fast.values.map((value) => finished(text, value, fast.ambiguous, limits))
    if (fast.tooDeep) return [failed(tooDeep(fast.offset, limits))]
    if (!hasPositions(text)) return [failed({ message: fast.message, offset: fast.offset })]
  }
  return parseWithPositions(text, limits)
}

/** The same by the parser that knows positions. */
export function parseWithPositions(text: string, limits: Limits): ParsedYaml[] {
  try {
    return documentsOf(text).map(({ document, offset }) => {
      const errors = document.errors.map(({ message, pos }) => ({
        message: message.replace(/\.$/, ''),
        offset: offset + pos[0],
      }))
      const overflow = errors.find(({ message }) => message.startsWith('Maximum call stack'))
      if (overflow !== undefined) return failed(tooDeep(overflow.offset, limits))
      if (errors.length > 0) return { value: null, ambiguous: [], errors }
      const ambiguous = markAmbiguous(document)
      try {
        return finished(text, document.toJS({ maxAliasCount: -1 }), ambiguous, limits)
      } catch (error) {
        if (error instanceof RangeError) throw error
        return failed({ message: (error as Error).message, offset: offset + (document.range?.[0] ?? 0) })
      }
    })
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return [failed(tooDeep(0, limits))]
  }
}

const failed = (error: YamlError): ParsedYaml => ({ value: null, ambiguous: [], errors: [error] })

const tooDeep = (offset: number, { depth }: Limits): YamlError => ({
  message: `The text is nested deeper than ${depth} levels`,
  offset,
  limit: 'depth',
})

/** A parsed value once its aliases were looked at, with ambiguous scalars as YAML 1.2 reads them. */
function finished(text: string, value: unknown, ambiguous: boolean, limits: Limits): ParsedYaml {
  if (text.includes('*') && text.includes('&')) {
    const size = expandedSize(value)
    if (size === null) return failed({ message: 'an alias stands inside what it means', offset: 0 })
    if (size - ownSize(value) > limits.aliases)
      return failed({
        message: `Aliases add more than ${limits.aliases} values to the document`,
        offset: 0,
        limit: 'aliases',
      })
  }
  if (deeperThan(value, limits.depth)) return failed(tooDeep(0, limits))
  return { ...(ambiguous ? settled(value) : { value, ambiguous: [] }), errors: [] }
}

/** Puts what has two meanings in the place of what YAML 1.2 reads, but for keys. */
function markAmbiguous(document: Document): boolean {
  let found = false
  visit(document, {
    Scalar: (key, node) => {
      if (key === 'key' || node.type !== Scalar.PLAIN || node.tag !== undefined) return
      const value = node.source === undefined ? undefined : plainScalar(node.source)
      if (!(value instanceof Ambiguous)) return
      node.value = value
      found = true
    },
  })
  return found
}

interface PlacedDocument {
  readonly document: Document
  /** What its own offsets are counted from. */
  readonly offset: number
}

/** The documents of a text. Where one is broken, each is parsed alone: a quote that nobody closes swallows what follows. */
function documentsOf(text: string): PlacedDocument[] {
  const whole = parseDocuments(text)
  const extents = whole.every(({ errors }) => errors.length === 0) ? [] : extentsOf(text)
  if (extents.length < 2) return whole.map((document) => ({ document, offset: 0 }))
  return extents.flatMap(({ border, end }) =>
    parseDocuments(text.slice(border, end)).map((document) => ({ document, offset: border })),
  )
}

function parseDocuments(text: string): Document[] {
  const parsed = parseAllDocuments(text, OPTIONS)
  return 'empty' in parsed ? [] : (parsed as Document[])
}

/**
 * Offsets of the values at paths of the documents; a path that leads nowhere has that of its nearest parent. `null`: the
 * text is too long or too deep to be searched.
 */
export function locateYaml(
  text: string,
  places: readonly { document: number; path: JsonPath }[],
): (number | null)[] {
  if (!hasPositions(text)) return places.map(() => null)
  try {
    const documents = documentsOf(text)
    return places.map(({ document, path }) => {
      const root = documents[document]
      return root === undefined ? 0 : root.offset + offsetOf(root.document, path)
    })
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return places.map(() => null)
  }
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
