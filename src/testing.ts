import { loadSuites } from './cli/tests/load.ts'
import { type RunOptions, readyCases } from './cli/tests/run.ts'
import { failureMessage } from './golden/text.ts'
import type { CaseResult } from './golden/types.ts'

export type { CaseResult } from './golden/types.ts'

/** A case for a runner of tests, such as node:test, uvu or vitest: `for (const { name, run } of …) test(name, run)`. */
export interface RuleTest {
  readonly name: string
  /** Runs it; throws a RuleTestError where it fails or is broken. */
  readonly run: () => Promise<void>
  /** Runs it and gives what came of it. */
  readonly result: (options?: RunOptions) => Promise<CaseResult>
}

/** A case that did not pass; runners show `expected` and `actual` as a diff. */
export class RuleTestError extends Error {
  override readonly name = 'RuleTestError'
  readonly code = 'ERR_ASSERTION'
  readonly expected: string
  readonly actual: string
  readonly result: CaseResult
  constructor(result: CaseResult) {
    super(failureMessage(result))
    this.expected = result.expected.join('\n')
    this.actual = result.found.join('\n')
    this.result = result
  }
}

/** The cases of files and folders. Throws where a file has errors, which are said on standard error. */
export async function ruleTests(...paths: readonly string[]): Promise<RuleTest[]> {
  const suites = await loadSuites(paths.length === 0 ? ['.'] : paths)
  return suites.flatMap(readyCases).map(({ name, run: result }) => ({
    name,
    result,
    run: async () => {
      const found = await result()
      if (found.status !== 'passed') throw new RuleTestError(found)
    },
  }))
}
