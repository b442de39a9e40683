import { ofService } from '../changed.ts'
import { changedServers } from '../servers.ts'
import type { ChangeRule } from '../types.ts'

export const endpointsLost: ChangeRule = {
  on: 'change',
  code: 'ENDPOINTS_LOST',
  severity: 'warning',
  title: 'More real servers of a port go at once than the threshold allows.',
  why: 'Those that stay, or are new and cold, take over the connections of those that go.',
  source: 'docs/lint.md',
  mend: 'Change fewer at a time, or raise lint.thresholds.endpointsLostPercent (50) in ipvsc.yaml.',
  check: (change, { thresholds: { endpointsLostPercent: most } }) =>
    changedServers(change).flatMap(({ service, port, before, after }) => {
      const gone = [...before].filter((server) => !after.has(server)).length
      const percent = (100 * gone) / before.size
      // Losing all of them is the matter of another rule.
      if (before.size < 2 || after.size === 0 || percent <= most) return []
      const message = `Of its ${port}, ${gone} of ${before.size} real servers go at once (${Math.floor(percent)} %; ${most} % may).`
      return [ofService(change, service, ['spec', 'selector'], message)]
    }),
}
