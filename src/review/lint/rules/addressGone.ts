import { ofService } from '../changed.ts'
import { handovers } from '../ownership.ts'
import type { ChangeRule } from '../types.ts'

export const addressGone: ChangeRule = {
  on: 'change',
  code: 'ADDRESS_GONE',
  severity: 'warning',
  title: 'An address of a Service disappears.',
  why: 'Clients that know the address, from DNS or by heart, are refused, and the address may be given to another Service.',
  source: 'docs/lint.md',
  mend: 'Keep the address until no client asks it any more.',
  check: (change) =>
    handovers(change)
      .filter(({ to }) => to === null)
      .map(({ address, kind, from, isAssumed }) =>
        ofService(change, from, ['spec'], `Its ${kind}${isAssumed ? '' : ` ${address}`} disappears.`),
      ),
}
