import type { Kind } from '../../review/narrow.ts'
import type { NodeOptions } from './node.ts'

/** How `ipvsc diff` may tell what it found. */
export const DIFF_FORMS = ['text', 'unified', 'markdown', 'json', 'html'] as const
export type DiffForm = (typeof DIFF_FORMS)[number]

export interface DiffOptions extends Omit<NodeOptions, 'node' | 'output'> {
  readonly node?: readonly string[]
  readonly nodesMatching?: string
  readonly allNodes?: boolean
  readonly output: DiffForm
  /** `html=review.html`: other forms of the same review, into files. */
  readonly report?: readonly string[]
  readonly stat?: boolean
  readonly service?: readonly string[]
  readonly kind?: readonly Kind[]
  readonly exitCode?: boolean
}
