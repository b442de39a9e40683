import type { TableName } from '../../kernel/chains.ts'
import type { Family } from '../../net/family.ts'
import type { VirtualServerKey } from '../keys.ts'
import type {
  Chain,
  Conntrack,
  IpSet,
  IpvsTimeouts,
  Jump,
  RealServer,
  Rule,
  SetEntry,
  Sysctl,
  VirtualServer,
} from '../types.ts'

/** Both sides of a difference; `null` on one of them: it comes, or goes. */
export interface Sides<T> {
  readonly before: T | null
  readonly after: T | null
}

/** A set without what it holds. */
export type SetKey = Pick<IpSet, 'name' | 'type' | 'family'>

/** A rule at its place in its chain, counted from 1. */
export interface PlacedRule {
  readonly position: number
  readonly rule: Rule
}

interface OfTable {
  readonly family: Family
  readonly table: TableName
}

/**
 * One difference between two plans. What comes or goes as a whole is one change, with what it holds: a virtual server with its real
 * servers, a set with its entries, a chain with its rules.
 */
export type Change =
  /** With both sides: another scheduler, flags, persistence or drain timeout; real servers are changes of their own. */
  | ({ readonly kind: 'virtualServer' } & Sides<VirtualServer>)
  /** Of a virtual server that stands in both plans. With both sides: another weight or forwarding method. */
  | ({ readonly kind: 'realServer'; readonly virtualServer: VirtualServerKey } & Sides<RealServer>)
  /** With both sides: other parameters; entries are changes of their own. */
  | ({ readonly kind: 'set' } & Sides<IpSet>)
  /** Of a set that stands in both plans. */
  | ({ readonly kind: 'entry'; readonly set: SetKey } & Sides<SetEntry>)
  | ({ readonly kind: 'chain' } & OfTable & Sides<Chain>)
  /** Of a chain that stands in both plans. Rules that only move up or down since others come or go do not change. */
  | ({ readonly kind: 'rule'; readonly chain: string } & OfTable & Sides<PlacedRule>)
  | ({ readonly kind: 'jump' } & OfTable & Sides<Jump>)
  | ({ readonly kind: 'address' } & Sides<string>)
  | ({ readonly kind: 'module' } & Sides<string>)
  | ({ readonly kind: 'setting' } & Sides<Sysctl>)
  | { readonly kind: 'conntrack'; readonly before: Conntrack; readonly after: Conntrack }
  | ({ readonly kind: 'timeouts' } & Sides<IpvsTimeouts>)
  | ({ readonly kind: 'family' } & Sides<Family>)
  | ({ readonly kind: 'excludeCIDR' } & Sides<string>)

export type ChangeKind = Change['kind']
export type ChangeOf<Kind extends ChangeKind> = Extract<Change, { readonly kind: Kind }>
