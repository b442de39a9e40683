import { safeText } from '../../diagnostics/safeText.ts'
import { matches } from '../../golden/judge.ts'
import { formatResults, junitOfResults } from '../../golden/text.ts'
import type { CaseResult } from '../../golden/types.ts'
import { EXIT, RefusedError, UsageError } from '../../host/exit.ts'
import type { TestOptions } from '../options.ts'
import { coloursOf, print, printJson, printPainted } from '../terminal.ts'
import { initTests } from '../tests/init.ts'
import { loadSuites } from '../tests/load.ts'
import { readyCases } from '../tests/run.ts'

/** `ipvsc test [PATH…]`: cases of rule authors. */
export async function test(paths: readonly string[], options: TestOptions): Promise<number> {
  if (paths[0] === 'init') return init(paths.slice(1), options)
  if (options.update && isCi())
    throw new RefusedError(
      '--update is refused where CI is set: what is expected is written by a person, and reviewed',
    )
  const cases = (await loadSuites(paths.length === 0 ? ['.'] : paths)).flatMap(readyCases)
  const { filter } = options
  const chosen = filter === undefined ? cases : cases.filter(({ name }) => matches(`*${filter}*`, name))
  if (chosen.length === 0) throw new UsageError(`--filter ${filter}: no case has such a name`)
  const results: CaseResult[] = []
  for (const { run } of chosen) results.push(await run({ update: options.update ?? false }))
  show(results, options)
  return statusOf(results)
}

/** CI=false is none. */
const isCi = (): boolean => !['', 'false', '0', undefined].includes(process.env.CI)

/** A case that cannot be run says nothing of the rules, so it counts before one that failed. */
function statusOf(results: readonly CaseResult[]): number {
  if (results.some(({ status }) => status === 'broken')) return EXIT.input
  return results.some(({ status }) => status === 'failed') ? EXIT.differs : EXIT.done
}

function show(results: readonly CaseResult[], { output, quiet = false }: TestOptions): void {
  if (output === 'json') printJson({ version: 1, cases: results })
  else if (output === 'junit') print(junitOfResults(results))
  else {
    const { green, red, dim } = coloursOf('stdout')
    printPainted(formatResults(results, { paint: { good: green, bad: red, dim }, quiet }))
  }
}

async function init([folder, ...others]: readonly string[], { cluster, node }: TestOptions): Promise<number> {
  if (folder === undefined || others.length > 0 || cluster === undefined)
    throw new UsageError('ipvsc test init takes DIR and --cluster INPUT')
  const written = await initTests(folder, cluster, node)
  printPainted(`wrote ${safeText(written)}; run: ipvsc test ${safeText(folder)}\n`)
  return EXIT.done
}
