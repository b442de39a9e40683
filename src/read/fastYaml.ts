import { FAILSAFE_SCHEMA, loadAll, Type, YAMLException } from 'js-yaml'
import { Ambiguous, plainScalar } from './scalars.ts'

/**
 * Values of YAML by a parser that is several times faster than the one that knows positions. It serves texts that it reads as
 * the other one does.
 */

/** Merge keys are read, as Kubernetes' own tools do. */
const MERGE = new Type('tag:yaml.org,2002:merge', {
  kind: 'scalar',
  resolve: (text: string | null) => text === '<<' || text === null,
})

export interface FastDocuments {
  readonly values: readonly unknown[]
  /** Whether a scalar with two meanings is among them. */
  readonly ambiguous: boolean
}

export interface FastFailure {
  readonly message: string
  readonly offset: number
  /** Whether the text lies too deep, which is no matter of syntax. */
  readonly tooDeep: boolean
}

export function parseFast(text: string, depth: number): FastDocuments | FastFailure {
  let ambiguous = false
  const plain = new Type('tag:yaml.org,2002:plain', {
    kind: 'scalar',
    resolve: (scalar: string | null) => scalar !== null && plainScalar(scalar) !== undefined,
    construct: (scalar: string) => {
      const value = plainScalar(scalar)
      if (value instanceof Ambiguous) ambiguous = true
      return value
    },
  })
  try {
    const schema = FAILSAFE_SCHEMA.extend({ implicit: [MERGE, plain] })
    // Its types do not know maxDepth yet.
    const options = { schema, maxDepth: depth }
    return { values: loadAll(text, null, options), ambiguous }
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error
    const { reason, mark } = error
    return { message: reason, offset: mark?.position ?? 0, tooDeep: reason.includes('exceeded maxDepth') }
  }
}

/**
 * What the other parser reads in its own way: tags, keys that are no scalars (also those that templates look like), and an
 * empty item within an item.
 */
const LEFT_TO_THE_OTHER =
  /(?:^|[\s[{,:-])!|\{\s*[{[]|(?:^|[\s[{,-])\?(?:\s|$)|[\]}]\s*:|\*\S+\s+:|-[ \t]+-[ \t]*(?:#.*)?$/m

export const needsOtherParser = (text: string): boolean => LEFT_TO_THE_OTHER.test(text)
