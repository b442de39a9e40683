import { ofService } from '../changed.ts'
import type { Draft } from '../draft.ts'
import { changedServers } from '../servers.ts'
import type { ChangeRule } from '../types.ts'

export const changedUnderLoad: ChangeRule = {
  on: 'change',
  code: 'CHANGED_UNDER_LOAD',
  severity: 'warning',
  title: 'Scheduler, session affinity or a traffic policy of a Service that serves changes.',
  why: 'Clients of a Service with real servers on both sides reach others from one connection to the next: carts, sessions and caches notice.',
  source: 'docs/review.md',
  mend: 'Change it while nobody asks, or make sure that its servers share what they know of clients.',
  check: (change) => {
    const serving = new Set(
      changedServers(change)
        .filter(({ before, after }) => before.size > 0 && after.size > 0)
        .map(({ service }) => service),
    )
    return change.review.services
      .filter(({ service, fate }) => serving.has(service) && fate !== 'added' && fate !== 'removed')
      .flatMap(({ service, fields, groups }): Draft[] => {
        const stated = fields.filter(({ field }) => field in FIELDS)
        const settings = new Set(
          groups.flatMap(({ virtualServers }) =>
            virtualServers
              .filter(({ fate }) => fate === 'changed')
              .flatMap((server) => server.settings)
              .filter((text) => text.startsWith('scheduler ')),
          ),
        )
        return [
          ...stated.map(({ field, before, after }) =>
            ofService(
              change,
              service,
              FIELDS[field] as readonly string[],
              `Its ${field} changes from ${before ?? 'nothing'} to ${after ?? 'nothing'}.`,
            ),
          ),
          ...[...settings].map((text) =>
            ofService(change, service, ['metadata', 'annotations'], `Its ${text}.`),
          ),
        ]
      })
  },
}

/** Fields as a review names them, and where they stand. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  sessionAffinity: ['spec', 'sessionAffinity'],
  externalTrafficPolicy: ['spec', 'externalTrafficPolicy'],
  internalTrafficPolicy: ['spec', 'internalTrafficPolicy'],
}
