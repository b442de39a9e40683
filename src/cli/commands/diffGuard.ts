import { UsageError } from '../../host/exit.ts'
import { lintChange } from '../../review/lint/lint.ts'
import { ALLOWED_CHANGES, type AllowedChange, type GuardSide } from '../../review/lint/types.ts'
import type { ReviewSide } from '../../review/review.ts'
import type { Review } from '../../review/types.ts'
import type { CompiledNodes } from '../inputs/compiled.ts'
import { lintSettingsOf, readSettingsFile, today } from '../inputs/settingsFile.ts'
import type { State } from '../inputs/states.ts'
import type { DiffOptions } from '../options.ts'
import { placed, subjectOfInput, textsWith } from './lint.ts'

/** One side of a diff: stored, or compiled from inputs. */
export type AnySide = State | CompiledNodes

export const isCompiled = (side: AnySide): side is CompiledNodes => 'nodes' in side

/** `--allow` asks rules, too. */
export const isGuarded = ({ guard: asked, allow }: Pick<DiffOptions, 'guard' | 'allow'>): boolean =>
  asked === true || allow !== undefined

/** A review with what guard rules say of it. */
export async function guard(
  review: Review,
  states: readonly [AnySide, AnySide],
  [one, two]: readonly [ReviewSide, ReviewSide],
  options: DiffOptions,
): Promise<Review> {
  const allowed = allowedChanges(options)
  const file = await readSettingsFile(options.settings)
  const side = (state: AnySide, { nodes }: ReviewSide): GuardSide => ({
    cluster: isCompiled(state) ? subjectOfSide(state, options) : null,
    nodes,
  })
  const change = { review, before: side(states[0], one), after: side(states[1], two), allowed }
  const { findings } = lintChange(change, lintSettingsOf(file, today()))
  const texts = states.flatMap((state) => (isCompiled(state) ? [...state.compiled.laid.result.texts] : []))
  return placed({ ...review, findings }, textsWith(new Map(texts), file))
}

const subjectOfSide = (
  { compiled: { cluster, config } }: CompiledNodes,
  options: DiffOptions,
): GuardSide['cluster'] =>
  subjectOfInput({ result: { cluster }, config }, { ...options, onConflict: 'first' }).subject

function allowedChanges({ allow }: DiffOptions): ReadonlySet<AllowedChange> | null {
  if (allow === undefined) return null
  const words = allow.split(',').map((word) => word.trim())
  const unknown = words.find((word) => !(ALLOWED_CHANGES as readonly string[]).includes(word))
  if (unknown !== undefined)
    throw new UsageError(`--allow: ${JSON.stringify(unknown)} is none of ${ALLOWED_CHANGES.join(', ')}`)
  return new Set(words as AllowedChange[])
}
