import type { Finding } from './finding.ts'
import { has } from './summary.ts'
import type { EffectKind, Review, ServiceFate, ServiceReview } from './types.ts'

/** What a review can be narrowed to: what becomes of a Service, what clients notice, or what no Service owns. */
export const KINDS = [
  'added',
  'removed',
  'changed',
  'recreated',
  'unreachable',
  'reachable',
  'source',
  'servers',
  'affinity',
  'refusal',
  'rules',
] as const satisfies readonly (ServiceFate | EffectKind | 'rules')[]

export type Kind = (typeof KINDS)[number]

export interface Wanted {
  /** `namespace/name`. Absent: all. */
  readonly services?: readonly string[]
  /** Absent: all. A Service stays where one of them is so. */
  readonly kinds?: readonly Kind[]
}

/** A part of a review, which says how much it leaves out. */
export function narrow(review: Review, { services, kinds }: Wanted): Review {
  if (services === undefined && kinds === undefined) return review
  const isWanted = (one: ServiceReview): boolean =>
    (services?.includes(one.service) ?? true) && (kinds?.some((kind) => isOfKind(one, kind)) ?? true)
  const names = new Set(review.services.filter(isWanted).map(({ service }) => service))
  const concerns = ({ service }: Finding): boolean => service === null || names.has(service)
  const left = review.services.filter((one) => !isWanted(one))
  const others = services === undefined && kinds?.includes('rules') ? review.others : []
  // "No other packet" would be said of Services that are left out.
  const { packets: _packets, ...rest } = review
  return {
    ...rest,
    services: review.services.filter(isWanted),
    others,
    ...(review.findings === undefined ? {} : { findings: review.findings.filter(concerns) }),
    hidden: {
      services: left.length,
      unreachable: left.filter((one) => has(one, 'unreachable')).map(({ service }) => service),
      others: review.others.length - others.length,
    },
  }
}

const isOfKind = (service: ServiceReview, kind: Kind): boolean =>
  kind !== 'rules' && (service.fate === kind || has(service, kind as EffectKind))
