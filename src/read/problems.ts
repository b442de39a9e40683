import { type Diagnostic, diagnostic, type ObjectRef } from '../diagnostics/diagnostics.ts'
import { objectKey } from '../kube/names.ts'

/** Collects diagnostics, and of each code and severity only so many: a text can make millions of them. */
export class Problems {
  readonly #list: Diagnostic[] = []
  readonly #counts = new Map<string, number>()
  readonly #refused = new Map<string, ObjectRef>()
  readonly #most: number

  /** @param most Messages of one code and severity. */
  constructor(most: number) {
    this.#most = most
  }

  readonly add = (problem: Diagnostic): void => {
    const { severity, code, subject } = problem
    if (severity === 'error' && subject !== null) this.#refused.set(objectKey(subject), subject)
    const key = `${severity} ${code}`
    const count = (this.#counts.get(key) ?? 0) + 1
    this.#counts.set(key, count)
    if (count <= this.#most) this.#list.push(problem)
  }

  /** Objects with an error, each once. */
  refused(): ObjectRef[] {
    return [...this.#refused.values()]
  }

  /** What was kept, with a word about what was not. */
  all(): Diagnostic[] {
    const dropped = [...this.#counts].filter(([, count]) => count > this.#most)
    return [
      ...this.#list,
      ...dropped.map(([key, count]) =>
        diagnostic({
          code: 'LIMIT',
          severity: 'warning',
          message: `${count - this.#most} more of "${key}" are not listed; --limit messages=N raises the limit.`,
        }),
      ),
    ]
  }
}

/** The same for diagnostics that are there already; those that are only notes are summed up elsewhere. */
export function atMost(diagnostics: readonly Diagnostic[], most: number): Diagnostic[] {
  const problems = new Problems(most)
  for (const problem of diagnostics) if (problem.severity !== 'info') problems.add(problem)
  return [...diagnostics.filter(({ severity }) => severity === 'info'), ...problems.all()]
}
