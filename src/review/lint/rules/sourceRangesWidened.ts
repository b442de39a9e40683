import type { Service } from '../../../kube/types.ts'
import { formatNetwork, type Network, parseNetwork } from '../../../net/address.ts'
import { isCovered } from '../addresses.ts'
import { ofService } from '../changed.ts'
import type { Draft } from '../draft.ts'
import { servicesByName } from '../servers.ts'
import type { ChangeRule } from '../types.ts'
import { some } from '../words.ts'

export const sourceRangesWidened: ChangeRule = {
  on: 'change',
  code: 'SOURCE_RANGES_WIDENED',
  severity: 'error',
  title: 'More clients than before may ask a load balancer address.',
  why: 'Networks that were refused reach the Service from then on.',
  source: 'docs/lint.md',
  mend: 'Name only networks that are meant, or allow this with a reason.',
  check: (change) => {
    const { before, after, review } = change
    if (before.cluster === null || after.cluster === null) return []
    const [old, now] = [servicesByName(before.cluster), servicesByName(after.cluster)]
    return review.services.flatMap(({ service }): Draft[] => {
      const [was, is] = [old.get(service)?.object, now.get(service)?.object]
      if (was === undefined || is === undefined) return []
      const message = widened(rangesOf(was), rangesOf(is), is)
      return message === null
        ? []
        : [ofService(change, service, ['spec', 'loadBalancerSourceRanges'], message)]
    })
  },
}

const rangesOf = ({ spec }: Service): Network[] =>
  (spec?.loadBalancerSourceRanges ?? []).flatMap((text) => parseNetwork(text.trim()) ?? [])

/** No range at all means anybody. */
function widened(before: readonly Network[], after: readonly Network[], { spec }: Service): string | null {
  if (before.length === 0 || spec?.type !== 'LoadBalancer') return null
  if (after.length === 0)
    return `Its ${before.length} source ranges go, so that anybody may ask.`.replace(
      '1 source ranges go',
      'only source range goes',
    )
  const fresh = after.filter((network) => !isCovered(before, network))
  return fresh.length === 0 ? null : `${some(fresh.map(formatNetwork))} may ask from then on.`
}
