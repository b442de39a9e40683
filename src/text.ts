/** Characters from which on V8 keeps a string in a space of its own and never copies it. */
const CHUNK_LENGTH = 256 * 1024

/**
 * Collects pieces of a large text. Pieces are joined into chunks early, so that the garbage collector has few
 * young strings to copy: a third of the time of emitting a large plan.
 */
export class TextBuilder {
  readonly #chunks: string[] = []
  #pieces: string[] = []
  #length = 0

  push(piece: string): void {
    this.#pieces.push(piece)
    this.#length += piece.length
    if (this.#length >= CHUNK_LENGTH) this.#flush()
  }

  toString(): string {
    this.#flush()
    return this.#chunks.length === 1 ? (this.#chunks[0] as string) : this.#chunks.join('')
  }

  #flush(): void {
    if (this.#pieces.length > 0) this.#chunks.push(this.#pieces.join(''))
    this.#pieces = []
    this.#length = 0
  }
}

/** All pieces as one text. */
export function joined(pieces: Iterable<string>): string {
  const text = new TextBuilder()
  for (const piece of pieces) text.push(piece)
  return text.toString()
}

/** Items made one at a time while they are walked through, as often as wanted; none of them is kept. */
export const lazily = <T, U>(items: Iterable<T>, make: (item: T) => U): Iterable<U> => ({
  *[Symbol.iterator]() {
    for (const item of items) yield make(item)
  },
})

/** Characters that are joined before they are encoded: few enough to be young when they are dropped. */
const BLOCK_LENGTH = 32 * 1024

/** UTF-8 of many pieces, which are never joined to one string: that would touch as much memory again. */
export function encodePieces(pieces: Iterable<string>): Uint8Array {
  let bytes = Buffer.allocUnsafe(2 ** 20)
  let end = 0
  let waiting: string[] = []
  let length = 0
  const flush = (): void => {
    const text = waiting.join('')
    const size = Buffer.byteLength(text)
    if (end + size > bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(2 * bytes.length, end + size))
      bytes.copy(larger, 0, 0, end)
      bytes = larger
    }
    // Text that is all ASCII, as nearly all of it is, is the same in Latin-1, which is written much faster.
    end += bytes.write(text, end, size === text.length ? 'latin1' : 'utf8')
    waiting = []
    length = 0
  }
  for (const piece of pieces) {
    waiting.push(piece)
    length += piece.length
    if (length >= BLOCK_LENGTH) flush()
  }
  flush()
  return bytes.subarray(0, end)
}

/** A piece of a text. One that other texts may have, too, is known by the item that it is made of. */
export interface Piece {
  readonly item: object | null
  readonly text: () => string
}

export const piece = (text: string): Piece => ({ item: null, text: () => text })

/** Bytes of pieces that several texts have in common, by the kind of text: each is made once. */
export class SharedBytes {
  readonly #kinds = new Map<string, WeakMap<object, Uint8Array>>()

  /** `make` is asked where the item is new. */
  of(kind: string, item: object, make: () => string): Uint8Array {
    let known = this.#kinds.get(kind)
    if (known === undefined) {
      known = new WeakMap()
      this.#kinds.set(kind, known)
    }
    let bytes = known.get(item)
    if (bytes === undefined) {
      bytes = Buffer.from(make())
      known.set(item, bytes)
    }
    return bytes
  }
}

/** UTF-8 of pieces. With `shared`, what others of the kind have in common with it is not made again. */
export function encodeShared(kind: string, pieces: Iterable<Piece>, shared: SharedBytes | null): Uint8Array {
  if (shared === null) return encodePieces(lazily(pieces, ({ text }) => text()))
  const parts: Uint8Array[] = []
  let own = ''
  const flush = (): void => {
    if (own !== '') parts.push(Buffer.from(own))
    own = ''
  }
  for (const { item, text } of pieces)
    if (item === null) own += text()
    else {
      flush()
      parts.push(shared.of(kind, item, text))
    }
  flush()
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts)
}

/** Rows as lines whose cells stand below each other, two blanks apart; columns that `alignRight` names end at the same place. */
export function alignedLines(
  rows: readonly (readonly string[])[],
  alignRight: ReadonlySet<number> = new Set(),
): string[] {
  const columns = Math.max(0, ...rows.map((cells) => cells.length))
  const widths = Array.from({ length: columns }, (_, column) =>
    rows.reduce((widest, cells) => Math.max(widest, cells[column]?.length ?? 0), 0),
  )
  return rows.map((cells) =>
    cells
      .map((cell, column) =>
        alignRight.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  )
}
