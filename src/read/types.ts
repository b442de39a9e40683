import type { Diagnostic } from '../diagnostics/diagnostics.ts'
import type { Cluster } from '../kube/cluster.ts'
import type { Limits } from './limits.ts'
import type { AmbiguousPlace } from './scalars.ts'

/** A text to read: a file, standard input, an answer of an API server. */
export interface SourceText {
  /** As messages name it: a path, or `-`. */
  readonly name: string
  readonly text: string
}

export interface ReadOptions {
  /** Where objects without a namespace go. Default: they stay as they are, and count as in `default`. */
  readonly namespace?: string
  /** Those that are not named have their defaults. */
  readonly limits?: Partial<Limits>
}

export interface ReadResult {
  /** Objects that passed; those with an error are left out. */
  readonly cluster: Cluster
  readonly diagnostics: readonly Diagnostic[]
  /** Objects of other kinds, counted by `apiVersion kind`, in the order of their names. */
  readonly passedOver: ReadonlyMap<string, number>
  /** Copies of objects that count once. */
  readonly copies: number
  /** Texts by name, with those that lie inside others, for positions and code frames. */
  readonly texts: ReadonlyMap<string, string>
}

/** A value of a text, not yet known to be an object. */
export interface Document {
  readonly source: string
  /** Which document of the source, from 0. */
  readonly index: number
  readonly value: unknown
  /** YAML scalars that YAML 1.1 reads as something else. */
  readonly ambiguous?: readonly AmbiguousPlace[]
}
