import { parseDuration } from '../config/duration.ts'
import type { JsonPath } from '../diagnostics/diagnostics.ts'
import type { Report } from '../kube/report.ts'
import type { Service } from '../kube/types.ts'

const DRAIN_TIMEOUT_ANNOTATION = 'ipvsc.dev/drain-timeout'
const PATH: JsonPath = ['metadata', 'annotations', DRAIN_TIMEOUT_ANNOTATION]

/** A year, in seconds. */
const LONGEST = 31_536_000

/**
 * Seconds, rounded up, that real servers which leave the Service may keep their connections, as its annotation asks for;
 * `null` where it asks for nothing, or for nothing that can be had.
 */
export function annotatedDrainTimeout(service: Service, report: Report): number | null {
  const text = service.metadata.annotations?.[DRAIN_TIMEOUT_ANNOTATION]
  if (text === undefined) return null
  const seconds = parseDuration(text)
  if (seconds !== null && seconds >= 0 && seconds <= LONGEST) return Math.ceil(seconds)
  report({
    code: 'ANNOTATION_VALUE',
    severity: 'error',
    message: 'It has to say how long real servers may keep their connections.',
    path: PATH,
    found: JSON.stringify(text),
    expected: 'a duration such as 90s or 1h30m, of a year at most',
  })
  return null
}
