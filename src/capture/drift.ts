import { changes } from '../plan/changes/changes.ts'
import type { Change, ChangeKind } from '../plan/changes/types.ts'
import type { ForeignItem } from '../plan/foreign.ts'
import { inScope } from '../plan/scope.ts'
import type { Plan } from '../plan/types.ts'
import { type Captured, foreignTo } from './capture.ts'

/** How a node differs from a plan. */
export interface Drift {
  /** What would have to change on the node: `before` is what it holds, `after` what the plan wants. Places of rules are the node's. */
  readonly changes: readonly Change[]
  /** What stands in chains, sets and devices of the plan's and no plan can say. */
  readonly foreign: readonly ForeignItem[]
  /** Whether the dummy interface is missing. */
  readonly lacksInterface: boolean
}

/** What a listing of a node tells: settings and timeouts are not among it. */
const LISTED: ReadonlySet<ChangeKind> = new Set<ChangeKind>([
  'virtualServer',
  'realServer',
  'set',
  'entry',
  'chain',
  'rule',
  'jump',
  'address',
])

/** How a node differs from a plan, in what the plan speaks of: its families, without what its `excludeCIDRs` leave to others. */
export function driftOf(captured: Captured, wanted: Plan): Drift {
  const foreign = foreignTo(captured, wanted)
  // The kernel knows nothing of how long a virtual server drains.
  const held = inScope(captured.plan, withoutDrainTimeouts(wanted))
  const found = changes(held, withoutDrainTimeouts(wanted)).filter(({ kind }) => LISTED.has(kind))
  return {
    changes: found.map((change) => atItsPlace(change, foreign)),
    foreign,
    lacksInterface: !captured.hasInterface,
  }
}

const withoutDrainTimeouts = (plan: Plan): Plan =>
  plan.virtualServers.some(({ drainTimeout }) => drainTimeout !== undefined)
    ? { ...plan, virtualServers: plan.virtualServers.map(({ drainTimeout: _, ...server }) => server) }
    : plan

/** A captured chain is without its foreign rules: they count where a rule of it stands on the node. */
function atItsPlace(change: Change, foreign: readonly ForeignItem[]): Change {
  if (change.kind !== 'rule' || change.before === null) return change
  const { family, table, chain } = change
  let { position } = change.before
  for (const item of foreign)
    if (
      item.kind === 'rule' &&
      item.family === family &&
      item.table === table &&
      item.chain === chain &&
      item.position <= position
    )
      position++
  return { ...change, before: { ...change.before, position } }
}
