import { labelText } from '../../../desired/expect.ts'
import { meantBy, unselected } from '../selectors.ts'
import { inService } from '../subject.ts'
import type { StateRule } from '../types.ts'

export const selectsNothing: StateRule = {
  on: 'state',
  code: 'SELECTS_NOTHING',
  severity: 'warning',
  title: 'A selector selects no Pod and no workload.',
  why: 'The Service has no real server and gets none: its clients are refused.',
  source: 'https://kubernetes.io/docs/concepts/services-networking/service/',
  mend: 'Let the selector and the labels of the Pods agree.',
  check: (subject) =>
    unselected(subject).map((one) => {
      const meant = meantBy(one, subject)
      const found = inService(
        one.service,
        ['spec', 'selector'],
        `No Pod of the namespace has ${labelText(one.selector)}.`,
      )
      return meant === null
        ? found
        : { ...found, mend: `Perhaps ${labelText(meant.labels)} is meant, as ${meant.name} has it.` }
    }),
}
