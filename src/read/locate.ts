import type { Diagnostic, JsonPath, Origin, Position, RelatedPlace } from '../diagnostics/diagnostics.ts'
import { looksLikeJson } from './documents.ts'
import { locateJson, parseJsonStream } from './json.ts'
import { positionsAt } from './position.ts'
import { skim } from './skim.ts'

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
  const items = diagnostics
    .flatMap((problem) => [problem, ...problem.related])
    .filter((item) => item.position === null && item.origin !== null && !isPassedOver(item))
  const positions = await positionsOf(items as readonly SourcedPlace[], texts)
  const placed = new Map<Diagnostic | RelatedPlace, Position>(
    items.flatMap((item, index) => {
      const position = positions[index] ?? null
      return position === null ? [] : [[item, position] as const]
    }),
  )
  return diagnostics.map((problem) => ({
    ...problem,
    position: placed.get(problem) ?? problem.position,
    related: problem.related.map((place) => ({ ...place, position: placed.get(place) ?? place.position })),
  }))
}

/** A field of an object that was read. */
export interface SourcedPlace {
  readonly origin: Origin
  readonly path: JsonPath
}

/** Where fields stand in texts that are at hand; `null`: the text is not, or too many are asked for. */
export async function positionsOf(
  places: readonly SourcedPlace[],
  texts: ReadonlyMap<string, string>,
): Promise<(Position | null)[]> {
  const bySource = new Map<string, number[]>()
  for (const [index, { origin }] of places.entries()) {
    const list = bySource.get(origin.source)
    if (list === undefined) bySource.set(origin.source, [index])
    else if (list.length < MOST_PLACES) list.push(index)
  }
  const found: (Position | null)[] = places.map(() => null)
  for (const [source, indices] of bySource) {
    const text = texts.get(source)
    if (text === undefined) continue
    const offsets = await offsetsOf(
      text,
      indices.map((index) => placeOf(places[index] as SourcedPlace)),
    )
    const positions = positionsAt(text, offsets)
    indices.forEach((index, at) => {
      found[index] = positions[at] ?? null
    })
  }
  return found
}

/** What is passed over by rule is counted, not looked up. */
const isPassedOver = (item: Diagnostic | RelatedPlace): boolean =>
  'severity' in item && item.severity === 'info'

const placeOf = ({ origin: { document, path: root }, path }: SourcedPlace): Place => ({
  document,
  path: [...root, ...path],
})

async function offsetsOf(text: string, places: readonly Place[]): Promise<(number | null)[]> {
  if (looksLikeJson(text)) {
    const starts = jsonStarts(text, places)
    if (starts !== null) return locateByDocument(text, places, starts)
  }
  const { locateYaml } = await import('./yaml.ts')
  return locateYaml(skim(text).text ?? '', places)
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
