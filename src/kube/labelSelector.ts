/** One condition on the labels of an object. */
export interface LabelRequirement {
  readonly key: string
  readonly operator: 'in' | 'notin' | 'exists' | 'absent'
  /** Empty for `exists` and `absent`. */
  readonly values: readonly string[]
}

/** Conditions that all have to hold. */
export type LabelSelector = readonly LabelRequirement[]

const NAME = '[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?'
const KEY = `(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/)?${NAME}`
const VALUE = `(?:${NAME})?`

/** The forms of a requirement, as `kubectl --selector` takes them. */
const FORMS: readonly (readonly [RegExp, LabelRequirement['operator']])[] = [
  [new RegExp(`^(${KEY})\\s*==?\\s*(${VALUE})$`), 'in'],
  [new RegExp(`^(${KEY})\\s*!=\\s*(${VALUE})$`), 'notin'],
  [new RegExp(`^(${KEY})\\s+in\\s*\\(([^()]*)\\)$`), 'in'],
  [new RegExp(`^(${KEY})\\s+notin\\s*\\(([^()]*)\\)$`), 'notin'],
  [new RegExp(`^!\\s*(${KEY})$`), 'absent'],
  [new RegExp(`^(${KEY})$`), 'exists'],
]

/** Reads a label selector such as `zone in (a, b),!retired`; `null` where it is none. */
export function parseLabelSelector(text: string): LabelSelector | null {
  const requirements = splitOutsideParentheses(text).map((part) => parseRequirement(part.trim()))
  return requirements.some((found) => found === null) ? null : (requirements as LabelRequirement[])
}

/** At commas that separate requirements, not values. */
const splitOutsideParentheses = (text: string): string[] => text.split(/,(?![^(]*\))/)

function parseRequirement(text: string): LabelRequirement | null {
  for (const [form, operator] of FORMS) {
    const found = form.exec(text)
    if (found === null) continue
    const [, key = '', listed] = found
    const values = listed === undefined ? [] : listed.split(',').map((value) => value.trim())
    return values.every((value) => new RegExp(`^${VALUE}$`).test(value)) ? { key, operator, values } : null
  }
  return null
}

type Labels = Readonly<Record<string, string>>

/** Whether labels meet all requirements. `!=` and `notin` hold where the label is absent, as in Kubernetes. */
export const matchesLabels = (selector: LabelSelector, labels: Labels): boolean =>
  selector.every((requirement) =>
    meets(requirement, Object.hasOwn(labels, requirement.key) ? (labels[requirement.key] as string) : null),
  )

function meets({ operator, values }: LabelRequirement, value: string | null): boolean {
  switch (operator) {
    case 'exists':
      return value !== null
    case 'absent':
      return value === null
    case 'in':
      return value !== null && values.includes(value)
    case 'notin':
      return value === null || !values.includes(value)
  }
}
