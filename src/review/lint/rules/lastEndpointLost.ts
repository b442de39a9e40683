import { ofService } from '../changed.ts'
import { changedServers } from '../servers.ts'
import type { ChangeRule } from '../types.ts'
import { counted } from '../words.ts'

export const lastEndpointLost: ChangeRule = {
  on: 'change',
  code: 'LAST_ENDPOINT_LOST',
  severity: 'error',
  title: 'A port of a Service that stays loses its last ready endpoint.',
  why: 'From then on its clients are refused.',
  source: 'docs/review.md',
  mend: 'Mend the selector or the Pods first; a Service that is to go had better be deleted.',
  check: (change) =>
    changedServers(change)
      .filter(({ before, after }) => before.size > 0 && after.size === 0)
      .map(({ service, port, before }) =>
        ofService(
          change,
          service,
          ['spec', 'selector'],
          `Its ${port} loses ${before.size === 1 ? 'its only ready endpoint' : `all ${counted(before.size, 'ready endpoint')}`}.`,
        ),
      ),
}
