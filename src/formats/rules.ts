import { PROTOCOL_NUMBER } from '../kernel/protocols.ts'
import type { Jump, Match, Rule, Target } from '../plan/types.ts'
import { quoteText } from './quote.ts'

/**
 * Rules in the form that iptables-save prints, so that what is read back compares as text too:
 * `-p tcp -m comment --comment "…" -m set --match-set KUBE-NODE-PORT-TCP dst -j KUBE-MARK-MASQ`.
 */

type HeaderKind = 'source' | 'inInterface' | 'protocol'
const HEADER_KINDS: readonly string[] = ['source', 'inInterface', 'protocol'] satisfies HeaderKind[]

export function formatRule({ comment, matches, target }: Rule): string {
  const isHeader = ({ kind }: Match): boolean => HEADER_KINDS.includes(kind)
  return [
    ...matches.filter(isHeader).map(formatMatch),
    ...(comment === null ? [] : [formatComment(comment)]),
    ...matches.filter((match) => !isHeader(match)).map(formatMatch),
    formatTarget(target),
  ].join(' ')
}

export const formatJump = ({ from, to, comment }: Jump): string =>
  `${from} ${formatComment(comment)} -j ${to}`

const formatComment = (comment: string): string => `-m comment --comment ${quoteText(comment)}`

const not = (negate: boolean): string => (negate ? '! ' : '')
const hex = (bits: number): string => `0x${bits.toString(16)}`

function formatMatch(match: Match): string {
  switch (match.kind) {
    case 'source':
      return `${not(match.negate)}-s ${match.network}`
    case 'inInterface':
      return `${not(match.negate)}-i ${match.name}`
    case 'protocol':
      return `-p ${match.protocol}`
    case 'set':
      return `-m set --match-set ${match.set} ${match.directions.join(',')}`
    case 'mark':
      return `-m mark ${not(match.negate)}--mark ${hex(match.value)}/${hex(match.mask)}`
    case 'addressType':
      return `-m addrtype ${not(match.negate)}--${match.side}-type ${match.type}`
    case 'physdevIsIn':
      return `-m physdev ${not(match.negate)}--physdev-is-in`
    case 'conntrackState':
      return `-m conntrack --ctstate ${match.states.join(',')}`
    case 'ipvs':
      return `-m ipvs --vproto ${PROTOCOL_NUMBER[match.protocol]} --vaddr ${match.address} --vport ${match.port}`
  }
}

function formatTarget(target: Target): string {
  switch (target.kind) {
    case 'accept':
      return '-j ACCEPT'
    case 'drop':
      return '-j DROP'
    case 'return':
      return '-j RETURN'
    case 'reject':
      return `-j REJECT --reject-with ${target.with}`
    case 'jump':
      return `-j ${target.chain}`
    case 'mark':
      return `-j MARK --set-xmark ${hex(target.value)}/${hex(target.mask)}`
    case 'masquerade':
      return target.randomFully ? '-j MASQUERADE --random-fully' : '-j MASQUERADE'
  }
}
