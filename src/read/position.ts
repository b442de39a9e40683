import type { Position } from '../diagnostics/diagnostics.ts'

/** Line and column of an offset, both from 1. */
export function positionAt(text: string, offset: number): Position {
  let line = 1
  let start = 0
  for (let next = text.indexOf('\n'); next >= 0 && next < offset; next = text.indexOf('\n', start)) {
    line++
    start = next + 1
  }
  return { line, column: offset - start + 1 }
}

/** The positions of several offsets, in their order, by one walk through the text; `null` stays. */
export function positionsAt(text: string, offsets: readonly (number | null)[]): (Position | null)[] {
  const found: (Position | null)[] = offsets.map(() => null)
  const ordered = offsets
    .flatMap((offset, index) => (offset === null ? [] : [{ offset, index }]))
    .sort((a, b) => a.offset - b.offset)
  let line = 1
  let start = 0
  let next = text.indexOf('\n')
  for (const { offset, index } of ordered) {
    while (next >= 0 && next < offset) {
      line++
      start = next + 1
      next = text.indexOf('\n', start)
    }
    found[index] = { line, column: offset - start + 1 }
  }
  return found
}
