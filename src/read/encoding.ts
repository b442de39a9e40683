import { isUtf8 } from 'node:buffer'

type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'utf-32le' | 'utf-32be'

/** The encoding of JSON or YAML, by its byte order mark or by where the zeros of its first character stand. */
export function encodingOf(bytes: Uint8Array): Encoding {
  const [a = -1, b = -1, c = -1, d = -1] = bytes
  if (a === 0xff && b === 0xfe) return c === 0 && d === 0 ? 'utf-32le' : 'utf-16le'
  if (a === 0 && b === 0) return d > 0 ? 'utf-32be' : 'utf-8'
  if (a === 0xfe && b === 0xff) return 'utf-16be'
  if (a === 0) return 'utf-16be'
  if (b === 0) return c === 0 && d === 0 ? 'utf-32le' : 'utf-16le'
  return 'utf-8'
}

/** The text of bytes without its byte order mark, or `null` when they are no text of any encoding that YAML allows. */
export function decodeText(bytes: Uint8Array): string | null {
  const encoding = encodingOf(bytes)
  if (encoding === 'utf-8') {
    if (!isUtf8(bytes)) return null
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
      .toString('utf8')
      .replace(/^\ufeff/, '')
  }
  try {
    if (encoding === 'utf-32le' || encoding === 'utf-32be') return decodeUtf32(bytes, encoding === 'utf-32le')
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch {
    return null
  }
}

/** Throws a RangeError at what is no character. */
function decodeUtf32(bytes: Uint8Array, littleEndian: boolean): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const parts: string[] = []
  for (let offset = 0; offset < bytes.length; offset += 4)
    parts.push(String.fromCodePoint(view.getUint32(offset, littleEndian)))
  return parts.join('').replace(/^\ufeff/, '')
}
