import type { Origin } from '../diagnostics/diagnostics.ts'
import type { ChangeKind } from '../plan/changes/types.ts'
import type { Finding } from './finding.ts'

/**
 * What differs between two states of a cluster, as people judge it: by Service, on which nodes, and what it means for
 * traffic. Every rendering is made of this. `schemas/review.schema.json` states the same.
 */
export interface Review {
  readonly version: 1
  /** Nodes that were looked at, in order. */
  readonly nodes: readonly string[]
  /** Nodes that stand on one side alone. */
  readonly onlyBefore: readonly string[]
  readonly onlyAfter: readonly string[]
  /** Ordered by name: those that change. */
  readonly services: readonly ServiceReview[]
  /** Services that both sides have and that do not change. */
  readonly unchanged: number
  /** What no Service owns: rules, sets, settings; each with the nodes that it is so on. */
  readonly others: readonly OtherChange[]
  /** Packets at other addresses that meet something else; absent: none were followed. */
  readonly packets?: OtherPackets
  /** What changes and was not asked for; absent: all is here. */
  readonly hidden?: Hidden
  /** What guard rules say of the change; absent: they were not asked. */
  readonly findings?: readonly Finding[]
}

/** Packets that change their fate at no address of a Service that a review tells of. */
export interface OtherPackets {
  /** Nodes on which one packet of every class was followed, of those that differ. */
  readonly followed: number
  readonly differing: number
  readonly changed: readonly OtherPacket[]
}

/** A class of packets, by one of them. */
export interface OtherPacket {
  /** `tcp 10.96.0.10 80`. */
  readonly target: string
  readonly client: string
  readonly before: string
  readonly after: string
  readonly nodes: readonly string[]
}

/** What a review that was narrowed leaves out. */
export interface Hidden {
  readonly services: number
  /** Those of them that somebody can no longer reach. */
  readonly unreachable: readonly string[]
  readonly others: number
}

/** `recreated`: what changes cannot be changed in place, so that it has to be deleted and created again. */
export type ServiceFate = 'added' | 'removed' | 'changed' | 'recreated'

export interface ServiceReview {
  /** `namespace/name`. */
  readonly service: string
  readonly fate: ServiceFate
  /** Where it is stated after, else before. */
  readonly origin: Origin | null
  /** The line of that, from 1; absent: not looked up. */
  readonly line?: number
  readonly fields: readonly FieldChange[]
  /** What it waits for that a controller has to do, in sentences; absent: nothing new. */
  readonly waits?: readonly string[]
  /** What nodes do differently: nodes that do the same stand together. */
  readonly groups: readonly NodeGroup[]
}

/** A field of the Service, in the words of its manifest. */
export interface FieldChange {
  /** `sessionAffinity`, `node port of 80/TCP`. */
  readonly field: string
  /** `null`: it is not set on this side. */
  readonly before: string | null
  readonly after: string | null
  /** Where it is stated; absent: nobody states it, or it was not looked up. */
  readonly place?: FieldPlace
}

export interface FieldPlace {
  readonly source: string
  readonly line: number
  /** Whether only the side before states it. */
  readonly isBefore: boolean
}

export interface NodeGroup {
  readonly nodes: readonly string[]
  readonly virtualServers: readonly VirtualServerReview[]
  readonly effects: readonly Effect[]
}

export interface VirtualServerReview {
  /** `tcp 10.96.0.10:80`. */
  readonly key: string
  readonly fate: 'added' | 'removed' | 'changed'
  /** Real servers (`10.0.0.1:8080`) that come and go; of one that goes, whether its connections drain. */
  readonly added: readonly string[]
  readonly removed: readonly string[]
  /** How many there are on each side. */
  readonly before: number
  readonly after: number
  /** `scheduler rr → sh`, `persistence 10800 s → none`. */
  readonly settings: readonly string[]
  /** Whether its address or port is assumed: a cluster may choose another. Absent: it is stated. */
  readonly isAssumed?: true
}

/** What clients or servers notice. */
export interface Effect {
  readonly kind: EffectKind
  /** `tcp 10.96.0.10:80`. */
  readonly target: string
  /** Which clients, in words. */
  readonly clients: readonly string[]
  readonly before: string
  readonly after: string
}

export type EffectKind =
  | 'unreachable'
  | 'reachable'
  /** Servers see another source address. */
  | 'source'
  /** Other servers answer. */
  | 'servers'
  | 'affinity'
  /** Nobody answers before and after, but the client is told otherwise. */
  | 'refusal'

export interface OtherChange {
  readonly kind: ChangeKind
  readonly nodes: readonly string[]
  /** Lines of state. */
  readonly before: readonly string[]
  readonly after: readonly string[]
}
