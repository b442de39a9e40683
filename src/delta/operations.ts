import type { TableName } from '../kernel/chains.ts'
import type { Family } from '../net/family.ts'
import type { SetKey } from '../plan/changes/types.ts'
import type { VirtualServerKey } from '../plan/keys.ts'
import type { Chain, IpSet, IpvsTimeouts, Jump, RealServer, SetEntry, VirtualServer } from '../plan/types.ts'

export type { SetKey, VirtualServerKey }

/** One step from a plan to another, in words of the plan. */
export type Operation =
  | { readonly kind: 'loadModule'; readonly module: string }
  /** `before` is `null` where the plan before says nothing of it. */
  | {
      readonly kind: 'setSysctl'
      readonly name: string
      readonly value: number
      readonly before: number | null
    }
  /** With its entries, but for those that come later. */
  | { readonly kind: 'createSet'; readonly set: IpSet }
  /**
   * A set that is filled aside and swapped in: one of other parameters with the entries of both; one too small for both, first
   * larger with both and, after servers have changed, as it is wanted; and one that loses more than it keeps.
   */
  | { readonly kind: 'replaceSet'; readonly set: IpSet }
  /** Before servers change, or after (`plan/transitions.ts`): where it stands in the list tells. */
  | {
      readonly kind: 'addEntries' | 'removeEntries'
      readonly set: SetKey
      readonly entries: readonly SetEntry[]
    }
  /**
   * Chains that gain rules, whole, and jumps that are missing, in one transaction. What a chain is to lose stays until
   * `trimTable`: rules of both plans, each in its order.
   */
  | {
      readonly kind: 'writeTable'
      readonly family: Family
      readonly table: TableName
      readonly chains: readonly Chain[]
      readonly jumps: readonly Jump[]
    }
  | { readonly kind: 'setTimeouts'; readonly timeouts: IpvsTimeouts }
  /** Without its real servers. */
  | { readonly kind: 'addVirtualServer'; readonly virtualServer: VirtualServer }
  | { readonly kind: 'editVirtualServer'; readonly virtualServer: VirtualServer }
  | {
      readonly kind: 'addRealServer' | 'editRealServer'
      readonly virtualServer: VirtualServerKey
      readonly realServer: RealServer
    }
  | { readonly kind: 'bindAddress' | 'unbindAddress'; readonly address: string }
  | {
      readonly kind: 'removeRealServer'
      readonly virtualServer: VirtualServerKey
      readonly realServer: RealServer
    }
  /** With all its real servers. */
  | { readonly kind: 'removeVirtualServer'; readonly virtualServer: VirtualServer }
  | {
      readonly kind: 'trimTable'
      readonly family: Family
      readonly table: TableName
      /** Chains that lose rules, whole. */
      readonly chains: readonly Chain[]
      /** Chains that go. */
      readonly removed: readonly string[]
      /** Jumps that go. */
      readonly jumps: readonly Jump[]
    }
  | { readonly kind: 'destroySet'; readonly set: SetKey }

export type OperationKind = Operation['kind']

/** Operations of one part of a plan: those that add, and those that take away. */
export interface Halves {
  readonly make: readonly Operation[]
  readonly break: readonly Operation[]
}
