import { ofChange } from '../changed.ts'
import type { ChangeRule } from '../types.ts'

export const servicesTouched: ChangeRule = {
  on: 'change',
  code: 'SERVICES_TOUCHED',
  severity: 'warning',
  title: 'A larger part of all Services changes than the threshold allows.',
  why: 'A change of many Services at once is often one that nobody meant: a template, a default, a namespace.',
  source: 'docs/lint.md',
  mend: 'Split the change, or raise lint.thresholds.servicesTouchedPercent in ipvsc.yaml.',
  check: ({ review }, { thresholds: { servicesTouchedPercent: most } }) => {
    const changed = review.services.length
    const all = changed + review.unchanged
    const percent = all === 0 ? 0 : (100 * changed) / all
    if (most === null || percent <= most) return []
    return [ofChange(`${changed} of ${all} Services change (${Math.floor(percent)} %; ${most} % may).`)]
  },
}
