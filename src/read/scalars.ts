import type { JsonPath } from '../diagnostics/diagnostics.ts'

/** Plain scalars of YAML 1.2 (core schema), and those that YAML 1.1, as Kubernetes reads it, takes for something else. */

type ScalarValue = string | number | boolean | null

/** A plain scalar with two meanings. It stands in a parsed value until somebody decides what that means. */
export class Ambiguous {
  readonly text: string
  /** What YAML 1.2 reads. */
  readonly value: ScalarValue
  /** What YAML 1.1 reads. */
  readonly older: ScalarValue

  constructor(text: string, value: ScalarValue, older: ScalarValue) {
    this.text = text
    this.value = value
    this.older = older
  }

  /** As a key of a mapping. */
  toString(): string {
    return String(this.value)
  }

  get [Symbol.toStringTag](): string {
    return 'Ambiguous'
  }
}

/** An ambiguous scalar of a document, and where it stands. */
export interface AmbiguousPlace {
  readonly path: JsonPath
  readonly scalar: Ambiguous
}

const WORDS: ReadonlyMap<string, ScalarValue | Ambiguous> = new Map<string, ScalarValue | Ambiguous>([
  ...['~', 'null', 'Null', 'NULL'].map((word) => [word, null] as const),
  ...['true', 'True', 'TRUE'].map((word) => [word, true] as const),
  ...['false', 'False', 'FALSE'].map((word) => [word, false] as const),
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'on', 'On', 'ON'].map(
    (word) => [word, new Ambiguous(word, word, true)] as const,
  ),
  ...['n', 'N', 'no', 'No', 'NO', 'off', 'Off', 'OFF'].map(
    (word) => [word, new Ambiguous(word, word, false)] as const,
  ),
])

const LONGEST_WORD = 5
const COUNTING_NUMBER = /^(?:0|[1-9][0-9]{0,14})$/
const BEGINS_LIKE_NUMBER = /^[-+]?\.?[0-9]|^[-+]?\.(?:inf|nan)/i

/** What a plain scalar means, or `undefined` for text, which nearly all are. */
export function plainScalar(text: string): Exclude<ScalarValue, string> | Ambiguous | undefined {
  const first = text.charCodeAt(0)
  // Letters and `~`: a word; digits, signs and dots: perhaps a number.
  if (first > 0x39) return text.length <= LONGEST_WORD ? (WORDS.get(text) as undefined) : undefined
  if (COUNTING_NUMBER.test(text)) return Number(text)
  if (!BEGINS_LIKE_NUMBER.test(text)) return undefined
  const [value, older] = [number(text), olderNumber(text)]
  if (Object.is(value, older)) return value
  return new Ambiguous(text, value ?? text, older ?? text)
}

/** Numbers of YAML 1.2: `0o17` is octal, `010` is ten. */
function number(text: string): number | undefined {
  if (/^0o[0-7]+$/.test(text)) return Number.parseInt(text.slice(2), 8)
  if (/^0x[0-9a-fA-F]+$/.test(text)) return Number.parseInt(text.slice(2), 16)
  if (/^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/.test(text)) return Number(text)
  return special(text)
}

const OLDER_INTEGER =
  /^([-+]?)(?:0b([01_]+)|0x([0-9a-fA-F_]+)|0([0-7_]+)|(0|[1-9][0-9_]*)|([1-9][0-9_]*(?::[0-5]?[0-9])+))$/
const OLDER_FLOAT =
  /^([-+]?)(?:((?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+][0-9]+)?)|([0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*))$/

/** Numbers of YAML 1.1: `010` is eight, `1:30` is ninety, `1_000` is a thousand. */
function olderNumber(text: string): number | undefined {
  const integer = OLDER_INTEGER.exec(text)
  if (integer !== null) {
    const [, sign, binary, hex, octal, decimal, sexagesimal] = integer.map((part) =>
      part?.replaceAll('_', ''),
    )
    const absolute =
      sexagesimal !== undefined
        ? base60(sexagesimal)
        : Number.parseInt(binary ?? hex ?? octal ?? decimal ?? '', binary ? 2 : hex ? 16 : octal ? 8 : 10)
    return sign === '-' ? -absolute : absolute
  }
  const float = OLDER_FLOAT.exec(text)
  if (float === null) return special(text)
  const [, sign, plain, sexagesimal] = float.map((part) => part?.replaceAll('_', ''))
  const absolute = sexagesimal === undefined ? Number(plain) : base60(sexagesimal)
  return sign === '-' ? -absolute : absolute
}

const base60 = (text: string): number => text.split(':').reduce((sum, digit) => sum * 60 + Number(digit), 0)

function special(text: string): number | undefined {
  if (/^[-+]?\.(?:inf|Inf|INF)$/.test(text))
    return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  return /^\.(?:nan|NaN|NAN)$/.test(text) ? Number.NaN : undefined
}
