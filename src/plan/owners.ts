import type { JsonPath, Origin } from '../diagnostics/diagnostics.ts'
import type { TableName } from '../kernel/chains.ts'
import type { Family } from '../net/family.ts'
import type { VirtualServerKey } from './keys.ts'
import type { SetEntry } from './types.ts'

/** A port of a Service that asks for an item of a plan, and the field that does. Equal owners are one object. */
export interface Owner {
  /** `namespace/name` of the Service. */
  readonly service: string
  /** `namespace/name:portName`. */
  readonly servicePort: string
  /** Index in the `spec.ports` of the Service. */
  readonly portIndex: number
  readonly family: Family
  /** The object that the field stands in: the Service, or, for what endpoints ask for, the slice or Endpoints object. */
  readonly origin: Origin
  readonly path: JsonPath
}

/** What a rule depends on: Services, by the entries of its sets, and fields of the configuration, or why it is always there. */
export interface RuleOwners {
  readonly owners: readonly Owner[]
  /** `iptables.masqueradeBit`, the name of a set, or `IPVS mode`. */
  readonly fields: readonly string[]
}

export interface RulePlace {
  readonly family: Family
  readonly table: TableName
  readonly chain: string
  /** Counted from 1 within the chain. */
  readonly position: number
}

/**
 * All that asked for each item of a plan, in the order of service ports; none for an item that the plan does not have. Worked out
 * when it is first asked for.
 */
export interface Owners {
  virtualServer(key: VirtualServerKey): readonly Owner[]
  /** Several where several slices state the same endpoint. */
  realServer(
    key: VirtualServerKey,
    server: { readonly address: string; readonly port: number },
  ): readonly Owner[]
  /** Of an address on the dummy interface. */
  address(address: string): readonly Owner[]
  /** Several where one pod serves several Services. `set` is its name in the kernel. */
  entry(set: string, entry: SetEntry): readonly Owner[]
  rule(place: RulePlace): RuleOwners
  /** The configuration field, or the reason, of a sysctl. */
  setting(name: string): readonly string[]
}
