/**
 * The plan: what the kernel of one node must hold, as plain data. It is the contract between the compiler,
 * the emitters and their parsers, the delta and the applier. `schemas/plan.schema.json` states the same shape.
 *
 * There are no optional fields: `null` means "known to be absent", so that a golden plan shows every field.
 */

import type { TableName } from '../kernel/chains.ts'
import type { Protocol } from '../kernel/protocols.ts'
import type { Scheduler, SchedulerFlag } from '../kernel/schedulers.ts'
import type { IpSetType } from '../kernel/sets.ts'
import type { Family } from '../net/family.ts'

export interface Plan {
  readonly version: 1
  /** Families compiled, IPv4 first. */
  readonly families: readonly Family[]
  /** Ordered by family, address, protocol and port. */
  readonly virtualServers: readonly VirtualServer[]
  /** Ordered by family, then in the order of the set definitions. */
  readonly sets: readonly IpSet[]
  /** IPv4 before IPv6, nat before filter. */
  readonly tables: readonly Table[]
  readonly dummyInterface: DummyInterface
  /** Kernel modules to load, without those that load by themselves. */
  readonly modules: readonly string[]
  /** Ordered by name. */
  readonly sysctls: readonly Sysctl[]
  readonly conntrack: Conntrack
  /** Seconds; 0 leaves a timeout as it is. `null`: none of them is set. */
  readonly ipvsTimeouts: IpvsTimeouts | null
  /** Virtual servers inside these networks belong to somebody else and are never removed. */
  readonly excludeCIDRs: readonly string[]
}

export interface VirtualServer {
  readonly address: string
  readonly port: number
  readonly protocol: Protocol
  readonly scheduler: Scheduler
  /** In the order of SCHEDULER_FLAGS. */
  readonly flags: readonly SchedulerFlag[]
  readonly persistence: Persistence | null
  /**
   * Seconds that a real server which leaves may keep its connections; absent: what the run says that removes it. The kernel
   * knows nothing of it. TCP only, since others leave at once.
   */
  readonly drainTimeout?: number
  /** Ordered by address and port. */
  readonly realServers: readonly RealServer[]
}

export interface Persistence {
  /** Seconds, 1 to 31536000. */
  readonly timeout: number
  /** Prefix length of the clients that share a real server: 32 or 128 is one host. */
  readonly prefixLength: number
}

export type ForwardingMethod = 'masquerading' | 'gatewaying' | 'ipip'

export interface RealServer {
  readonly address: string
  readonly port: number
  readonly forwarding: ForwardingMethod
  /** 0 keeps the connections it has and admits no new ones. */
  readonly weight: number
}

interface SetOf<Type extends IpSetType, Entry> {
  /** At most 31 characters. */
  readonly name: string
  readonly type: Type
  readonly entries: readonly Entry[]
}

interface HashSetOf<Type extends IpSetType, Entry> extends SetOf<Type, Entry> {
  readonly family: Family
  /** Initial number of buckets, a power of two. The kernel doubles it as the set fills. */
  readonly hashSize: number
  /** Most entries the set may hold, a power of two. */
  readonly maxElements: number
}

/** Written `10.0.0.1`. */
export interface IpEntry {
  readonly address: string
}
/** Written `10.0.0.1,tcp:80`. */
export interface IpPortEntry extends IpEntry {
  readonly protocol: Protocol
  readonly port: number
}
/** Written `10.0.0.1,tcp:80,10.0.0.1`. */
export interface IpPortIpEntry extends IpPortEntry {
  readonly source: string
}
/** Written `10.0.0.1,tcp:80,192.168.0.0/16`; a host network is written without its length. */
export interface IpPortNetEntry extends IpPortEntry {
  /** Network with its prefix length, host bits zero. */
  readonly sourceRange: string
}
/** Written `30080`. */
export interface PortEntry {
  readonly port: number
}

export type IpSet =
  | HashSetOf<'hash:ip', IpEntry>
  | HashSetOf<'hash:ip,port', IpPortEntry>
  | HashSetOf<'hash:ip,port,ip', IpPortIpEntry>
  | HashSetOf<'hash:ip,port,net', IpPortNetEntry>
  | (SetOf<'bitmap:port', PortEntry> & {
      /** A bitmap has no family of its own; this one says whose rules it serves. */
      readonly family: Family
      readonly range: readonly [first: number, last: number]
    })
export type SetEntry = IpSet['entries'][number]

export interface Table {
  readonly family: Family
  readonly name: TableName
  /** Chains that ipvsc owns. */
  readonly chains: readonly Chain[]
  /** What the built-in chains begin with, from the top: the first jump of a chain stands at its head. */
  readonly jumps: readonly Jump[]
}

export interface Chain {
  /** At most 28 characters. */
  readonly name: string
  /** Order is meaning. */
  readonly rules: readonly Rule[]
}

export interface Jump {
  readonly from: 'PREROUTING' | 'INPUT' | 'FORWARD' | 'OUTPUT' | 'POSTROUTING'
  readonly to: string
  readonly comment: string
}

/** Packet header matches come first, then the comment, then the other matches in their order. */
export interface Rule {
  readonly comment: string | null
  readonly matches: readonly Match[]
  readonly target: Target
}

export type Match =
  | { readonly kind: 'source'; readonly network: string; readonly negate: boolean }
  | { readonly kind: 'inInterface'; readonly name: string; readonly negate: boolean }
  | { readonly kind: 'protocol'; readonly protocol: Protocol }
  | { readonly kind: 'set'; readonly set: string; readonly directions: readonly ('src' | 'dst')[] }
  | { readonly kind: 'mark'; readonly value: number; readonly mask: number; readonly negate: boolean }
  | {
      readonly kind: 'addressType'
      readonly side: 'src' | 'dst'
      readonly type: 'LOCAL'
      readonly negate: boolean
    }
  | { readonly kind: 'physdevIsIn'; readonly negate: boolean }
  | { readonly kind: 'conntrackState'; readonly states: readonly ConntrackState[] }
  | { readonly kind: 'ipvs'; readonly protocol: Protocol; readonly address: string; readonly port: number }

export type ConntrackState = 'INVALID' | 'NEW' | 'RELATED' | 'ESTABLISHED'

export type Target =
  | { readonly kind: 'accept' }
  | { readonly kind: 'drop' }
  | { readonly kind: 'return' }
  | { readonly kind: 'reject'; readonly with: string }
  | { readonly kind: 'jump'; readonly chain: string }
  /** As `--set-xmark value/mask`: clears the bits of the mask, then XORs the value in. */
  | { readonly kind: 'mark'; readonly value: number; readonly mask: number }
  | { readonly kind: 'masquerade'; readonly randomFully: boolean }

export interface DummyInterface {
  readonly name: 'kube-ipvs0'
  /** Bound as /32 or /128. IPv4 before IPv6. */
  readonly addresses: readonly string[]
}

export interface Sysctl {
  /** With dots, as `sysctl` prints it: `net.ipv4.vs.conntrack`. */
  readonly name: string
  readonly value: number
  /** `set`: ipvsc sets it. `check`: it belongs to the node's owner; the node is checked for it. */
  readonly action: 'set' | 'check'
}

/** Size of the connection tracking table: max(maxPerCore × cores, min). */
export interface Conntrack {
  /** 0: the size is left as it is. */
  readonly maxPerCore: number
  readonly min: number
  /** The result when the number of cores is known, 0 to leave the size; `null`: the node computes it. */
  readonly max: number | null
}

export interface IpvsTimeouts {
  readonly tcp: number
  readonly tcpFin: number
  readonly udp: number
}
