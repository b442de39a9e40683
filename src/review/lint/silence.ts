import type { Cluster } from '../../kube/cluster.ts'
import { fullName, type KubeObject } from '../../kube/names.ts'
import type { Silence } from '../finding.ts'
import type { Draft } from './draft.ts'
import type { Allowance } from './types.ts'

/** Names the rules that an object asks to be passed over by: `EXTERNAL_IP_NOT_ALLOWED, NO_SOURCE_RANGES: why`. */
export const IGNORE_ANNOTATION = 'ipvsc.dev/lint-ignore'

export interface Ignored {
  readonly codes: readonly string[]
  /** What stands behind a colon. */
  readonly reason: string | null
}

export function ignoredBy({ metadata }: KubeObject): Ignored | null {
  const text = metadata.annotations?.[IGNORE_ANNOTATION]
  if (text === undefined) return null
  const colon = text.indexOf(':')
  const list = colon < 0 ? text : text.slice(0, colon)
  return {
    codes: list.split(/[\s,]+/).filter((code) => code !== ''),
    reason: colon < 0 ? null : text.slice(colon + 1).trim() || null,
  }
}

/** Objects that findings speak of, by kind and name, so that what they say of themselves is found. */
export class Silences {
  readonly #objects = new Map<string, KubeObject>()
  readonly #allowances: readonly Allowance[]
  readonly #today: string

  constructor(clusters: readonly (Cluster | null)[], allowances: readonly Allowance[], today: string) {
    for (const cluster of clusters)
      for (const { object } of cluster === null ? [] : annotatedKinds(cluster))
        this.#objects.set(`${object.kind} ${fullName(object)}`, object)
    this.#allowances = allowances
    this.#today = today
  }

  /** Who silences a finding: the object at hand, its Service, or an allowance; `null`: nobody. */
  of(code: string, draft: Draft): Silence | null {
    const { subject, service } = draft
    const objects = [
      subject === null
        ? undefined
        : this.#objects.get(`${subject.kind} ${subject.namespace}/${subject.name}`),
      service === null ? undefined : this.#objects.get(`Service ${service}`),
    ].filter((object) => object !== undefined)
    for (const object of objects) {
      const ignored = ignoredBy(object)
      if (ignored?.codes.includes(code)) return { by: 'annotation', reason: ignored.reason, until: null }
    }
    const found = this.#allowances.find(
      (allowance) => allowance.rules.includes(code) && this.#holds(allowance, draft, objects),
    )
    return found === undefined ? null : { by: 'allowance', reason: found.reason, until: found.until }
  }

  #holds(allowance: Allowance, { subject, service }: Draft, objects: readonly KubeObject[]): boolean {
    if (isExpired(allowance, this.#today)) return false
    const { namespace, name, labels } = allowance
    const [ofService, itsName] = service?.split('/') ?? []
    const spaces = [ofService, subject?.namespace ?? undefined]
    const names = [itsName, subject?.name]
    const asked = Object.entries(labels)
    return (
      (namespace === null || spaces.some((given) => matches(namespace, given))) &&
      (name === null || names.some((given) => matches(name, given))) &&
      (asked.length === 0 ||
        objects.some(({ metadata }) => asked.every(([key, value]) => metadata.labels?.[key] === value)))
    )
  }
}

function* annotatedKinds(cluster: Cluster): Iterable<{ readonly object: KubeObject }> {
  yield* cluster.services
  yield* cluster.endpointSlices
  yield* cluster.endpoints
}

/** The last day counts. Days in this form are ordered as text. */
export const isExpired = ({ until }: Allowance, today: string): boolean => until !== null && until < today

/** A name against a pattern in which `*` stands for any letters. */
function matches(pattern: string, name: string | undefined): boolean {
  if (name === undefined) return false
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined) return name === first
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length)
    return false
  let at = first.length
  for (const part of rest) {
    const found = name.indexOf(part, at)
    if (found < 0 || found + part.length > name.length - last.length) return false
    at = found + part.length
  }
  return true
}
