import type { ProxyConfig } from '../../../config/types.ts'
import type { ChangeKind } from '../../../plan/changes/types.ts'
import type { ServiceFate } from '../../types.ts'
import { ofChange, ofService } from '../changed.ts'
import type { Draft } from '../draft.ts'
import type { AllowedChange, ChangeRule, GuardedChange } from '../types.ts'

export const changeNotAllowed: ChangeRule = {
  on: 'change',
  code: 'CHANGE_NOT_ALLOWED',
  severity: 'error',
  title: 'A kind of change happens that --allow does not name.',
  why: 'Who asked for additions alone wants to hear of anything else before it is loaded.',
  source: 'docs/lint.md',
  mend: 'Take that change out, or name its kind with --allow.',
  check: (change) => {
    const { allowed, review } = change
    if (allowed === null) return []
    const services = review.services.flatMap(({ service, fate }): Draft[] => {
      const refused = KINDS[fate].filter((kind) => !allowed.has(kind))
      return refused.length === 0
        ? []
        : [ofService(change, service, [], `It ${WORDS[fate]}, and --allow names ${namesOf(allowed)}.`)]
    })
    const others =
      allowed.has('update') || !changesOthers(change)
        ? []
        : [ofChange(`Rules or settings of no Service change, and --allow names ${namesOf(allowed)}.`)]
    return [...services, ...others]
  },
}

/** Kinds of changes that follow from Services that come, change or go, where nothing else changed. */
const FOLLOWING: ReadonlySet<ChangeKind> = new Set(['rule', 'set', 'entry', 'address', 'module'])

/** Whether what no Service owns changes by itself: a rule that asks a set stands only while that set holds something. */
function changesOthers({ review: { services, others }, before, after }: GuardedChange): boolean {
  if (services.length === 0 || !sameConfig(before.cluster?.config, after.cluster?.config))
    return others.length > 0
  return others.some(({ kind }) => !FOLLOWING.has(kind))
}

const sameConfig = (a: ProxyConfig | undefined, b: ProxyConfig | undefined): boolean =>
  a === undefined || b === undefined || configText(a) === configText(b)

/** Networks hold numbers of 128 bits. */
const configText = (config: ProxyConfig): string =>
  JSON.stringify(config, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value))

/** A Service that is created again is deleted first. */
const KINDS: Readonly<Record<ServiceFate, readonly AllowedChange[]>> = {
  added: ['add'],
  changed: ['update'],
  removed: ['delete'],
  recreated: ['delete', 'add'],
}
const WORDS: Readonly<Record<ServiceFate, string>> = {
  added: 'is added',
  changed: 'changes',
  removed: 'is removed',
  recreated: 'is deleted and created again',
}

const namesOf = (allowed: ReadonlySet<AllowedChange>): string =>
  allowed.size === 0 ? 'nothing' : [...allowed].join(', ') + (allowed.size === 1 ? ' alone' : '')
