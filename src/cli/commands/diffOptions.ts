import type { NodeOptions } from './node.ts'

/** How `ipvsc diff` may tell what it found. */
export const DIFF_FORMATS = ['text', 'markdown', 'json'] as const

export interface DiffOptions extends Omit<NodeOptions, 'node' | 'output'> {
  readonly node?: readonly string[]
  readonly allNodes?: boolean
  readonly format: (typeof DIFF_FORMATS)[number]
  readonly service?: readonly string[]
  readonly exitCode?: boolean
}
