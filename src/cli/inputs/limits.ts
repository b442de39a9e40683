import { UsageError } from '../../host/exit.ts'
import { DEFAULT_LIMITS, type Limits } from '../../read/limits.ts'

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }

/** `--limit bytes=1G --limit depth=500` as limits; those that are not named keep their defaults. */
export function parseLimits(words: readonly string[] = []): Limits {
  const given = words.map((word): [string, number] => {
    const [, name = '', digits = '', unit = ''] = /^([a-z]+)=([1-9]\d{0,11})([kMG]?)$/.exec(word) ?? []
    if (!Object.hasOwn(DEFAULT_LIMITS, name))
      throw new UsageError(
        `--limit ${word}: it must be NAME=N, with a whole number (k, M, G: times 1024) and one of ${Object.keys(DEFAULT_LIMITS).join(', ')}`,
      )
    return [name, Number(digits) * (UNITS[unit] as number)]
  })
  return { ...DEFAULT_LIMITS, ...Object.fromEntries(given) }
}
