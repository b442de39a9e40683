import { UsageError } from '../../host/exit.ts'
import type { SnapshotAgeLimits } from '../../read/snapshotRecord.ts'

/** Milliseconds. */
const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** What `--max-snapshot-age` allows, and the time now. */
export function ageLimits(text = '7d'): SnapshotAgeLimits {
  const [, count, unit] = /^(\d{1,6})([mhdw])$/.exec(text) ?? []
  if (count === undefined || unit === undefined)
    throw new UsageError(
      `--max-snapshot-age must be a number with m, h, d or w, such as 12h, not ${JSON.stringify(text)}`,
    )
  return { now: Date.now(), maxAge: Number(count) * (UNITS[unit] as number) }
}
