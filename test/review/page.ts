import type { Finding } from '../../src/review/finding.ts'
import { formatHtml } from '../../src/review/html.ts'
import { picturesOf } from '../../src/review/picture.ts'
import { COMMAND, loadCase, type ReviewCase } from './cases.ts'

/** The page of a case. */
export const pageOf = ({ review, before, after }: ReviewCase): string =>
  formatHtml({ review, pictures: picturesOf(review, before, after), command: COMMAND })

const FINDING: Finding = {
  code: 'LAST_ENDPOINT_LOST',
  severity: 'error',
  message: 'shop/cart loses its last ready endpoint.',
  why: 'Connections to its addresses are refused from then on.',
  mend: 'Mend the selector, or allow it in ipvsc.yaml.',
  subject: { kind: 'Service', namespace: 'shop', name: 'cart' },
  service: 'shop/cart',
  place: {
    origin: { source: 'deploy/cart.yaml', document: 0, path: [] },
    path: [],
    position: { line: 4, column: 1 },
  },
  nodes: [],
  silenced: null,
}

/** A page with everything that one can have: Services that come, go and break, findings, and rules of no Service. */
export async function fullPage(): Promise<string> {
  const found = await loadCase('last-endpoint-goes')
  const findings: readonly Finding[] = [
    FINDING,
    {
      ...FINDING,
      severity: 'warning',
      code: 'VIP_GOES',
      service: 'ops/metrics',
      message: '10.96.20.6 is nobody’s then.',
    },
    {
      ...FINDING,
      severity: 'info',
      code: 'MANY_NODES',
      service: null,
      place: null,
      message: 'All nodes are touched.',
    },
    { ...FINDING, silenced: { by: 'allowance', reason: 'planned', until: '2027-01-31' } },
  ]
  return pageOf({ ...found, review: { ...found.review, findings } })
}
