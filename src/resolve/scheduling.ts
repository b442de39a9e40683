import { isScheduler } from '../config/resolve.ts'
import type { JsonPath } from '../diagnostics/diagnostics.ts'
import { SCHEDULER_FLAGS, SCHEDULERS, type Scheduler, type SchedulerFlag } from '../kernel/schedulers.ts'
import type { Report } from '../kube/report.ts'
import type { Service } from '../kube/types.ts'
import type { Scheduling } from './types.ts'

const SCHEDULER_ANNOTATIONS = ['ipvsc.dev/scheduler', 'ipvs.scheduler'] as const
const FLAGS_ANNOTATION = 'ipvsc.dev/scheduler-flags'

/** Which flags a scheduler has: `ipvsadm` calls the same two bits by the scheduler's name. */
const flagsOf = (scheduler: Scheduler): readonly SchedulerFlag[] =>
  SCHEDULER_FLAGS.filter((flag) => flag.startsWith(`${scheduler}-`))

/**
 * The scheduler that the Service's annotations ask for, or `null` when they ask for none.
 *
 * Flags count for the annotated scheduler, or else for the configured one.
 */
export function annotatedScheduling(
  service: Service,
  configured: Scheduler,
  report: Report,
): Scheduling | null {
  const annotations = service.metadata.annotations ?? {}
  const asked = SCHEDULER_ANNOTATIONS.filter((name) => annotations[name] !== undefined)
  const flagText = annotations[FLAGS_ANNOTATION]
  if (asked.length === 0 && flagText === undefined) return null

  const names = new Set(asked.map((name) => annotations[name] as string))
  if (names.size > 1) {
    report({
      code: 'ANNOTATION_CONFLICT',
      severity: 'error',
      message: `${asked.join(' and ')} ask for different schedulers; keep one of them.`,
      path: annotationPath(asked[1] as string),
      found: [...names].map((name) => JSON.stringify(name)).join(' and '),
      expected: 'one scheduler',
    })
    return null
  }
  const [name = configured] = names
  if (!isScheduler(name)) {
    report({
      code: 'SCHEDULER_UNKNOWN',
      severity: 'error',
      message: 'The kernel has no such scheduler.',
      path: annotationPath(asked[0] as string),
      found: JSON.stringify(name),
      expected: `one of ${SCHEDULERS.join(', ')}`,
    })
    return null
  }
  return { scheduler: name, flags: parseFlags(name, flagText ?? '', report) }
}

function parseFlags(scheduler: Scheduler, text: string, report: Report): SchedulerFlag[] {
  const known = flagsOf(scheduler)
  const asked = text.split(',').map((flag) => flag.trim())
  for (const flag of asked) {
    if (flag === '' || (known as readonly string[]).includes(flag)) continue
    report({
      code: 'SCHEDULER_FLAG_UNKNOWN',
      severity: 'error',
      message: `Scheduler ${scheduler} does not have this flag.`,
      path: annotationPath(FLAGS_ANNOTATION),
      found: JSON.stringify(flag),
      expected: known.length === 0 ? 'no flags' : `some of ${known.join(', ')}`,
    })
  }
  return known.filter((flag) => asked.includes(flag))
}

const annotationPath = (name: string): JsonPath => ['metadata', 'annotations', name]
