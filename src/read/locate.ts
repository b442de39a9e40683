import type { Diagnostic, JsonPath, Origin, Position, RelatedPlace } from '../diagnostics/diagnostics.ts'
import { looksLikeJson } from './documents.ts'
import { locateJson, parseJsonStream } from './json.ts'
import { positionAt } from './position.ts'

/** The most places that are looked up in one text: enough for a person, bounded for a program. */
const MOST_PLACES = 2000

interface Place {
  readonly document: number
  readonly path: JsonPath
}

/**
 * Fills in the positions of diagnostics and their related places whose texts are at hand. Texts are scanned
 * only here, so that input without problems costs nothing.
 */
export async function withPositions(
  diagnostics: readonly Diagnostic[],
  texts: ReadonlyMap<string, string>,
): Promise<Diagnostic[]> {
  const placed = new Map<Diagnostic | RelatedPlace, Position>()
  const bySource = new Map<string, (Diagnostic | RelatedPlace)[]>()
  for (const item of diagnostics.flatMap((problem) => [problem, ...problem.related])) {
    if (item.position !== null || item.origin === null || isPassedOver(item)) continue
    const list = bySource.get(item.origin.source)
    if (list === undefined) bySource.set(item.origin.source, [item])
    else if (list.length < MOST_PLACES) list.push(item)
  }
  for (const [source, items] of bySource) {
    const text = texts.get(source)
    if (text === undefined) continue
    const offsets = await offsetsOf(text, items.map(placeOf))
    items.forEach((item, index) => {
      const offset = offsets[index] ?? null
      if (offset !== null) placed.set(item, positionAt(text, offset))
    })
  }
  return diagnostics.map((problem) => ({
    ...problem,
    position: placed.get(problem) ?? problem.position,
    related: problem.related.map((place) => ({ ...place, position: placed.get(place) ?? place.position })),
  }))
}

/** What is passed over by rule is counted, not looked up. */
const isPassedOver = (item: Diagnostic | RelatedPlace): boolean =>
  'severity' in item && item.severity === 'info'

function placeOf({ origin, path }: Diagnostic | RelatedPlace): Place {
  const { document, path: root } = origin as Origin
  return { document, path: [...root, ...path] }
}

async function offsetsOf(text: string, places: readonly Place[]): Promise<(number | null)[]> {
  if (looksLikeJson(text)) {
    const starts = jsonStarts(text, places)
    if (starts !== null) return locateByDocument(text, places, starts)
  }
  const { locateYaml } = await import('./yaml.ts')
  return locateYaml(text, places)
}

/** Where each JSON value of the text begins, or `null` when it is YAML in flow style. */
function jsonStarts(text: string, places: readonly Place[]): number[] | null {
  if (places.every(({ document }) => document === 0)) return [0]
  try {
    return parseJsonStream(text).map(({ offset }) => offset)
  } catch {
    return null
  }
}

function locateByDocument(text: string, places: readonly Place[], starts: readonly number[]): number[] {
  const offsets = places.map(() => 0)
  starts.forEach((start, document) => {
    const indices = places.flatMap((place, index) => (place.document === document ? [index] : []))
    const found = locateJson(
      text,
      start,
      indices.map((index) => (places[index] as Place).path),
    )
    indices.forEach((index, at) => {
      offsets[index] = found[at] as number
    })
  })
  return offsets
}
