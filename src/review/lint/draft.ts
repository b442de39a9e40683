import type { JsonPath, ObjectRef, Origin } from '../../diagnostics/diagnostics.ts'

/** What a rule found, before settings and annotations are asked. */
export interface Draft {
  readonly message: string
  /** Absent: as the rule says. */
  readonly mend?: string
  readonly subject: ObjectRef | null
  readonly origin: Origin | null
  readonly path: JsonPath
  /** `namespace/name`. */
  readonly service: string | null
  /** Absent: whatever the node. */
  readonly nodes?: readonly string[]
}
