import { hostPort } from '../plan/keys.ts'
import type { Fate, Served } from './follow.ts'

/** The first three of many, and how many more. */
export const listed = (endpoints: readonly string[]): string =>
  endpoints.length <= 3
    ? endpoints.join(', ')
    : `${endpoints.slice(0, 3).join(', ')} and ${endpoints.length - 3} more`

/** What becomes of a packet, in a phrase. */
export function describeFate(fate: Fate): string {
  switch (fate.kind) {
    case 'served': {
      const silent = fate.servers.filter(({ unanswered }) => unanswered !== null)
      const names = listed(fate.servers.map(({ server }) => hostPort(server.address, server.port)))
      if (silent.length > 0) return `handed to ${names}; ${listed(silent.map(silence))}`
      const seen = fate.servers.every(({ masqueraded }) => masqueraded) ? ', which see the node' : ''
      return `answered by ${names}${seen}`
    }
    case 'refused':
      return fate.reason === 'rule' ? 'refused by a rule' : 'refused: no real server'
    case 'dropped':
      return 'dropped'
    case 'node':
      return fate.accepted ? "let in to the node's own programs" : "handed to the node's own programs"
    case 'forwarded':
      return fate.masqueraded
        ? 'sent on with the address of the node as source'
        : 'forwarded: the address is not local'
  }
}

const silence = ({ server, unanswered }: Served): string =>
  `no answer from ${hostPort(server.address, server.port)} (${unanswered})`
