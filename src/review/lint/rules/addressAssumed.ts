import { formatPath, type JsonPath } from '../../../diagnostics/diagnostics.ts'
import { valueAt } from '../../../kube/assumed.ts'
import { fullName } from '../../../kube/names.ts'
import type { Draft } from '../draft.ts'
import { servicesByName } from '../servers.ts'
import { inService } from '../subject.ts'
import type { ChangeRule } from '../types.ts'

export const addressAssumed: ChangeRule = {
  on: 'change',
  code: 'ADDRESS_ASSUMED',
  severity: 'warning',
  title: 'An address or node port after the change is assumed.',
  why: 'The cluster may choose another one, and then nodes do something else than what was reviewed.',
  source: 'docs/manifests.md',
  mend: 'State the address, or review again over a snapshot that was taken once the Service is there.',
  check: ({ before, after }) => {
    if (after.cluster === null) return []
    const old = before.cluster === null ? new Map() : servicesByName(before.cluster)
    return after.cluster.cluster.services.flatMap((service): Draft[] => {
      const { object, assumed = [] } = service
      const known = new Set(
        (old.get(fullName(object))?.assumed ?? []).map((path: JsonPath) => formatPath(path)),
      )
      return assumed
        .filter((path) => !known.has(formatPath(path)))
        .map((path) =>
          inService(
            service,
            path,
            `${String(valueAt(object, path))} is assumed: nobody has given it out yet.`,
          ),
        )
    })
  },
}
