import type { Cluster } from '../../../kube/cluster.ts'
import { fullName } from '../../../kube/names.ts'
import type { Draft } from '../draft.ts'
import { IGNORE_ANNOTATION, ignoredBy } from '../silence.ts'
import { inObject } from '../subject.ts'
import type { MetaRule, Rule } from '../types.ts'

export const ignoreUnknown: MetaRule & {
  readonly find: (cluster: Cluster, rules: readonly Rule[]) => Draft[]
} = {
  on: 'silence',
  code: 'IGNORE_UNKNOWN',
  severity: 'warning',
  title: 'The annotation that silences rules names one that there is not.',
  why: 'It silences nothing, though it looks as if it did.',
  source: 'docs/lint.md',
  mend: 'Name rules as ipvsc lint --rules lists them.',
  find: ({ services, endpointSlices, endpoints }, rules) => {
    const known = new Set(rules.map(({ code }) => code))
    return [...services, ...endpointSlices, ...endpoints].flatMap((source) => {
      const { object } = source
      const unknown = (ignoredBy(object)?.codes ?? []).filter((code) => !known.has(code))
      if (unknown.length === 0) return []
      const service = object.kind === 'Service' ? fullName(object) : null
      return [
        inObject(
          source,
          ['metadata', 'annotations', IGNORE_ANNOTATION],
          service,
          `There is no rule ${unknown.join(', ')}.`,
        ),
      ]
    })
  },
}
