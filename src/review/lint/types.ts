import type { JsonPath, Origin, Severity } from '../../diagnostics/diagnostics.ts'
import type { Network } from '../../net/address.ts'
import type { Plan } from '../../plan/types.ts'
import type { NodeSide } from '../effects.ts'
import type { Review } from '../types.ts'
import type { Draft } from './draft.ts'
import type { ClusterSubject } from './subject.ts'

/** What a rule is, whatever it looks at. One file under `rules/` each. */
interface RuleText {
  /** Stable, in capitals. */
  readonly code: string
  /** Where `ipvsc.yaml` says nothing else. */
  readonly severity: Severity
  /** What it finds, in a few words. */
  readonly title: string
  /** One sentence: why that matters. */
  readonly why: string
  /** Where that is stated: an address, or a page of the documentation. */
  readonly source: string
  /** How to mend it. */
  readonly mend: string
}

/** Looks at a state. */
export interface StateRule extends RuleText {
  readonly on: 'state'
  /** Of Services, endpoints and Nodes. Absent: it looks at plans alone. */
  readonly check?: (subject: ClusterSubject, settings: LintSettings) => Iterable<Draft>
  /** Of a bundle, a plan or a node, which say nothing of Services. Absent: it cannot be asked there. */
  readonly checkPlan?: (plan: Plan, settings: LintSettings) => Iterable<Draft>
}

/** Looks at a change from one state to another. */
export interface ChangeRule extends RuleText {
  readonly on: 'change'
  readonly check: (change: GuardedChange, settings: LintSettings) => Iterable<Draft>
}

/** Looks at what silences other rules. */
export interface MetaRule extends RuleText {
  readonly on: 'silence'
}

export type Rule = StateRule | ChangeRule | MetaRule

/** A change between two states, with what guard rules ask of it. */
export interface GuardedChange {
  readonly review: Review
  readonly before: GuardSide
  readonly after: GuardSide
  /** Kinds of changes that may happen; `null`: all. */
  readonly allowed: ReadonlySet<AllowedChange> | null
}

/** `cluster`: `null` for a bundle, a plan or a node, which say nothing of Services. */
export interface GuardSide {
  readonly cluster: ClusterSubject | null
  readonly nodes: ReadonlyMap<string, NodeSide>
}

export const ALLOWED_CHANGES = ['add', 'update', 'delete'] as const
export type AllowedChange = (typeof ALLOWED_CHANGES)[number]

/** The part of `ipvsc.yaml` that rules are asked with; `schemas/ipvsc.schema.json` says what each field means. */
export interface LintSettings {
  readonly severities: ReadonlyMap<string, Severity | 'off'>
  readonly thresholds: Thresholds
  readonly networks: AllowedNetworks
  readonly allowances: readonly Allowance[]
  /** Today, `2026-11-24`. */
  readonly today: string
}

/** `null`: no limit. */
export interface Thresholds {
  /** Real servers of a port that may go at once, in percent. */
  readonly endpointsLostPercent: number
  readonly nodesTouched: number | null
  readonly servicesTouchedPercent: number | null
}

/** `null`: any. */
export interface AllowedNetworks {
  readonly externalIPs: readonly Network[]
  readonly loadBalancers: readonly Network[] | null
  readonly sourceRanges: readonly Network[] | null
  /** Addresses of API servers that no input tells. */
  readonly apiServers: readonly string[]
}

/** Findings that are silenced on purpose, for a while. */
export interface Allowance {
  readonly rules: readonly string[]
  /** `null`: any. `*` stands for any letters. */
  readonly namespace: string | null
  readonly name: string | null
  /** Of the Service. */
  readonly labels: Readonly<Record<string, string>>
  readonly reason: string
  /** Last day, `2027-01-31`; `null`: for good. */
  readonly until: string | null
  readonly origin: Origin
  readonly path: JsonPath
}
