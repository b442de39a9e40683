import { selectorText, unselected } from '../selectors.ts'
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
    unselected(subject).map(({ service, selector }) =>
      inService(service, ['spec', 'selector'], `No Pod of the namespace has ${selectorText(selector)}.`),
    ),
}
