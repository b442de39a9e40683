import type { Rule } from '../../../plan/types.ts'
import { ALWAYS } from './settings.ts'

/** The sets and configuration fields that a rule depends on, or why it is always there. */
export function ruleFields({ matches, target }: Rule): string[] {
  const fields = matches.flatMap((match) => {
    if (match.kind === 'set') return [match.set]
    if (match.kind === 'mark') return ['iptables.masqueradeBit']
    if (match.kind === 'ipvs') return ['spec.loadBalancerSourceRanges']
    const detectsLocal = (match.kind === 'source' || match.kind === 'inInterface') && match.negate
    return detectsLocal ? ['detectLocalMode'] : []
  })
  const all = target.kind === 'mark' ? [...fields, 'iptables.masqueradeBit'] : fields
  return all.length === 0 ? [ALWAYS] : all
}
