import type { Draft } from '../draft.ts'
import { isExpired } from '../silence.ts'
import type { LintSettings, MetaRule } from '../types.ts'

export const allowanceExpired: MetaRule & { readonly find: (settings: LintSettings) => Draft[] } = {
  on: 'silence',
  code: 'ALLOWANCE_EXPIRED',
  severity: 'warning',
  title: 'An allowance of ipvsc.yaml is past its last day.',
  why: 'What was to be for a while is still there, and silences nothing any more.',
  source: 'docs/lint.md',
  mend: 'Take the allowance out, or decide again and give it another day.',
  find: (settings) =>
    settings.allowances
      .filter((allowance) => isExpired(allowance, settings.today))
      .map(({ rules, until, reason, origin, path }) => ({
        message: `The allowance for ${rules.join(', ')} ended on ${until}: ${reason}`,
        subject: null,
        origin,
        path: [...path, 'until'],
        service: null,
      })),
}
