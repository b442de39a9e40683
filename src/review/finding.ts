import type { JsonPath, ObjectRef, Origin, Position, Severity } from '../diagnostics/diagnostics.ts'

/**
 * What a rule has to say of a state (`ipvsc lint`) or of a change (`ipvsc diff --guard`), ready to be shown. Every rendering
 * is made of this; `schemas/findings.schema.json` states how it is told as JSON.
 */
export interface Finding {
  /** Stable: a pipeline may match on it. `docs/lint.md` explains each. */
  readonly code: string
  readonly severity: Severity
  /** One sentence: what is so, with its values. */
  readonly message: string
  /** One sentence: why that matters. The same for all findings of a code. */
  readonly why: string
  /** How to mend it. */
  readonly mend: string
  /** `null`: it is of no object. */
  readonly subject: ObjectRef | null
  /** `namespace/name` of the Service that it concerns. */
  readonly service: string | null
  /** Where it stands; `null` where nobody wrote it. */
  readonly place: Place | null
  /** Nodes on which it is so, in order. Empty: it is so whatever the node. */
  readonly nodes: readonly string[]
  /** `null`: it counts. */
  readonly silenced: Silence | null
}

export interface Place {
  readonly origin: Origin
  /** Field of the subject; empty: all of it. */
  readonly path: JsonPath
  /** `null`: the text is not at hand. */
  readonly position: Position | null
}

/** Who silenced a finding. */
export interface Silence {
  readonly by: 'annotation' | 'allowance'
  /** As it was given; `null`: none was. */
  readonly reason: string | null
  /** Last day of an allowance, `2027-01-31`. */
  readonly until: string | null
}

/** Findings of a run, those that are silenced too. */
export interface Findings {
  readonly version: 1
  /** Ordered by severity, worst first, then by Service, code and field. */
  readonly findings: readonly Finding[]
  /** Codes of rules that could not be asked, since the state does not tell what they look at. */
  readonly notAsked: readonly string[]
}
