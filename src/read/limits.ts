import { type Diagnostic, diagnostic, type Origin, type Position } from '../diagnostics/diagnostics.ts'

/** What reading takes on at most. Input beyond a limit is refused or cut short, and named. */
export interface Limits {
  /** Bytes of one text. Beyond some 512 MiB Node.js has no text. */
  readonly bytes: number
  /** Levels of lists and objects within one another. */
  readonly depth: number
  /** Objects and items of lists, of all texts together. */
  readonly objects: number
  /** Values that the aliases of a YAML document add to it. */
  readonly aliases: number
  /** Messages of one code. */
  readonly messages: number
}

export const DEFAULT_LIMITS: Limits = {
  bytes: 500 * 2 ** 20,
  depth: 100,
  objects: 2_000_000,
  aliases: 100_000,
  messages: 1000,
}

/** Input that exceeds a limit: an error, so that nothing is compiled from a part of it. */
export const limitDiagnostic = (
  name: keyof Limits,
  what: string,
  origin: Origin,
  position: Position | null = null,
): Diagnostic =>
  diagnostic({
    code: 'LIMIT',
    severity: 'error',
    message: `${what}; --limit ${name}=N raises the limit.`,
    origin,
    position,
  })

/** Whether lists and objects lie within one another on more levels than that. */
export function deeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  for (const inner of Array.isArray(value) ? value : Object.values(value))
    if (deeperThan(inner, levels - 1)) return true
  return false
}
