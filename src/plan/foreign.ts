import type { TableName } from '../kernel/chains.ts'
import { familyOf } from '../net/address.ts'
import type { Family } from '../net/family.ts'
import type { VirtualServerKey } from './keys.ts'
import { isInScope } from './scope.ts'
import type { Plan } from './types.ts'

/**
 * Something that stands in a chain, set or device of ours, or in IPVS, and that no plan can say. What of it a plan can say is
 * in the captured plan as well: a set with `forceadd` has its entries there.
 */
export type ForeignItem =
  /** A rule in a chain of ours, as iptables-save prints it behind the name of the chain. */
  | (InTable & { readonly kind: 'rule' })
  /** A rule in a built-in chain that leads to a chain of ours, but not from every packet. */
  | (InTable & { readonly kind: 'jump' })
  /** A set of another type or with parameters of its own: `hash:ip,port family inet maxelem 65536 forceadd`. */
  | { readonly kind: 'set'; readonly family: Family; readonly set: string; readonly text: string }
  /** An entry with options, or one that is not understood: `10.0.0.1,tcp:80,10.0.0.0/8 nomatch`. */
  | { readonly kind: 'entry'; readonly family: Family; readonly set: string; readonly text: string }
  /** A virtual server with options of its own: `-s rr -o`. */
  | (OfServer & { readonly kind: 'virtualServer' })
  /** A real server with options or thresholds: `10.0.0.1:80 -m -w 1 -x 100 -y 50`. */
  | (OfServer & { readonly kind: 'realServer' })
  /** An address of a Service on another interface, or one of a whole network on ours. */
  | {
      readonly kind: 'address'
      readonly interface: string
      readonly address: string
      readonly prefixLength: number
    }
  /** An interface with the name of ours that is no dummy. */
  | { readonly kind: 'link'; readonly name: string; readonly type: string }

interface InTable {
  readonly family: Family
  readonly table: TableName
  readonly chain: string
  /** Counted from 1 within the chain. */
  readonly position: number
  readonly text: string
}

interface OfServer {
  readonly virtualServer: VirtualServerKey
  readonly text: string
}

/** The foreign items among those that a plan speaks of: of its families, outside of its `excludeCIDRs`. */
export function foreignInScope(items: readonly ForeignItem[], plan: Plan): ForeignItem[] {
  const isOurs = isInScope(plan)
  return items.filter((item) => {
    switch (item.kind) {
      case 'link':
        return true
      case 'address':
        return plan.families.includes(familyOf(item.address))
      case 'virtualServer':
      case 'realServer':
        return isOurs(item.virtualServer)
      default:
        return plan.families.includes(item.family)
    }
  })
}
