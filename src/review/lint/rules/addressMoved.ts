import { ofService } from '../changed.ts'
import { handovers } from '../ownership.ts'
import type { ChangeRule } from '../types.ts'

export const addressMoved: ChangeRule = {
  on: 'change',
  code: 'ADDRESS_MOVED',
  severity: 'error',
  title: 'An address goes from one Service to another.',
  why: 'Clients of the one reach the real servers of the other, with all that they send.',
  source: 'docs/lint.md',
  mend: 'Give the other Service an address of its own, or allow the move with a reason.',
  check: (change) =>
    handovers(change).flatMap(({ address, kind, from, to }) =>
      to === null ? [] : [ofService(change, to, ['spec'], `It takes the ${kind} ${address} from ${from}.`)],
    ),
}
