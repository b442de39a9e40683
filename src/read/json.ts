import type { JsonPath } from '../diagnostics/diagnostics.ts'

/**
 * A scanner of JSON text that knows where things stand. `JSON.parse` is many times faster and reads everything;
 * this one runs only when there is something to report.
 */

/** Offsets of the values at the given paths; a path that leads nowhere has the offset of its nearest parent. */
export function locateJson(text: string, start: number, paths: readonly JsonPath[]): number[] {
  const offsets = paths.map(() => start)
  const wanted = paths.map((path, index) => ({ path, index }))
  try {
    new Scanner(text, start).value(wanted, 0, offsets)
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error
  }
  return offsets
}

/** Where the text stops being JSON, or `null` when it is JSON from `start` on. */
export function findJsonError(text: string, start: number): JsonSyntaxError | null {
  const scanner = new Scanner(text, start)
  try {
    scanner.value([], 0, [])
    scanner.end()
    return null
  } catch (error) {
    if (error instanceof JsonSyntaxError) return error
    throw error
  }
}

export class JsonSyntaxError extends Error {
  readonly offset: number
  /** Whether a whole value stands before it. */
  readonly afterValue: boolean
  constructor(offset: number, expected: string, afterValue = false) {
    super(expected)
    this.offset = offset
    this.afterValue = afterValue
  }
}

/** Levels that are followed; a value that lies deeper is named by the place of what holds it. */
const MOST_LEVELS = 1000

interface Wanted {
  readonly path: JsonPath
  readonly index: number
}

const WHITE_SPACE = /[ \t\n\r]*/y
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null/y

class Scanner {
  readonly #text: string
  #offset: number

  constructor(text: string, start: number) {
    this.#text = text
    this.#offset = start
  }

  /** Passes one value, noting its offset for every wanted path that ends here or leads through it. */
  value(wanted: readonly Wanted[], depth: number, offsets: number[]): void {
    this.#match(WHITE_SPACE)
    for (const { index } of wanted) offsets[index] = this.#offset
    if (depth > MOST_LEVELS) throw this.#error(`fewer than ${MOST_LEVELS} levels`)
    const inner = wanted.filter(({ path }) => path.length > depth)
    const next = (key: string | number) => inner.filter(({ path }) => path[depth] === key)
    if (this.#skip('{')) this.#object((key) => this.value(next(key), depth + 1, offsets))
    else if (this.#skip('[')) this.#array((index) => this.value(next(index), depth + 1, offsets))
    else if (this.#match(STRING) === null && this.#match(SCALAR) === null) throw this.#error('a value')
  }

  end(): void {
    this.#match(WHITE_SPACE)
    if (this.#offset < this.#text.length) throw new JsonSyntaxError(this.#offset, 'the end of the text', true)
  }

  #object(member: (key: string) => void): void {
    if (this.#close('}')) return
    do {
      this.#match(WHITE_SPACE)
      const key = this.#match(STRING)
      if (key === null) throw this.#error('a key in double quotes')
      this.#match(WHITE_SPACE)
      if (!this.#skip(':')) throw this.#error('a colon')
      member(JSON.parse(key))
    } while (this.#separator('}'))
  }

  #array(item: (index: number) => void): void {
    if (this.#close(']')) return
    let index = 0
    do item(index++)
    while (this.#separator(']'))
  }

  #separator(closing: string): boolean {
    if (this.#close(closing)) return false
    if (!this.#skip(',')) throw this.#error(`a comma or ${closing}`)
    return true
  }

  #close(closing: string): boolean {
    this.#match(WHITE_SPACE)
    return this.#skip(closing)
  }

  #skip(character: string): boolean {
    if (this.#text[this.#offset] !== character) return false
    this.#offset++
    return true
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#offset
    const match = pattern.exec(this.#text)
    if (match === null) return null
    this.#offset = pattern.lastIndex
    return match[0]
  }

  #error(expected: string): JsonSyntaxError {
    return new JsonSyntaxError(this.#offset, expected)
  }
}

/** The JSON values that follow one another in the text, with the offset of each. */
export function parseJsonStream(text: string): { readonly value: unknown; readonly offset: number }[] {
  const values: { value: unknown; offset: number }[] = []
  let offset = 0
  const rest = /\S/g
  for (;;) {
    rest.lastIndex = offset
    if (rest.exec(text) === null) return values

    const error = findJsonError(text, offset)
    if (error !== null && !error.afterValue) throw error
    const end = error === null ? text.length : error.offset
    values.push({ value: JSON.parse(text.slice(offset, end)), offset })
    offset = end
  }
}
