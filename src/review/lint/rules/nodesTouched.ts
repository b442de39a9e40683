import { ofChange } from '../changed.ts'
import type { ChangeRule } from '../types.ts'
import { counted, some } from '../words.ts'

export const nodesTouched: ChangeRule = {
  on: 'change',
  code: 'NODES_TOUCHED',
  severity: 'warning',
  title: 'More nodes change than the threshold allows.',
  why: 'What is wrong with the change is wrong on all of them at once.',
  source: 'docs/lint.md',
  mend: 'Bring it to a few nodes first, or raise lint.thresholds.nodesTouched in ipvsc.yaml.',
  check: ({ review }, { thresholds: { nodesTouched: most } }) => {
    if (most === null) return []
    const nodes = [
      ...new Set([
        ...review.services.flatMap(({ groups }) => groups.flatMap((group) => group.nodes)),
        ...review.others.flatMap((other) => other.nodes),
      ]),
    ].sort()
    if (nodes.length <= most) return []
    return [{ ...ofChange(`${counted(nodes.length, 'node')} change (${most} may): ${some(nodes)}.`), nodes }]
  },
}
