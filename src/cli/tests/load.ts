import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Diagnostic, diagnostic } from '../../diagnostics/diagnostics.ts'
import { caseProblems } from '../../golden/check.ts'
import type { RuleTests } from '../../golden/types.ts'
import { UsageError } from '../../host/exit.ts'
import { filesBelow } from '../../host/inputFolder.ts'
import { positionsOf } from '../../read/locate.ts'
import type { JsonObject } from '../../read/objects.ts'
import { schemaDiagnostics } from '../../read/validate.ts'
import { readChecked, readSettingsFile } from '../inputs/settingsFile.ts'

/** A file of cases. */
export interface Suite {
  readonly file: string
  /** From which its paths are. */
  readonly folder: string
  readonly tests: RuleTests
  /** Where each case stands. */
  readonly places: readonly { readonly line: number | null; readonly column: number | null }[]
}

const SETTINGS = 'ipvsc.yaml'
const isTestFile = (path: string): boolean => /\.ipvsc-test\.ya?ml$/.test(path)
const isSettings = (path: string): boolean => path === SETTINGS || path.endsWith(`/${SETTINGS}`)

/**
 * The cases of files and folders: `*.ipvsc-test.yaml`, and the `tests` of each `ipvsc.yaml`. A file with errors is refused with
 * each of them at its place.
 */
export async function loadSuites(paths: readonly string[]): Promise<Suite[]> {
  const files = paths.flatMap(testFiles)
  const suites: Suite[] = []
  for (const file of new Set(files))
    suites.push(...(isSettings(file) ? await ofSettings(file) : [await ofFile(file)]))
  if (suites.length === 0)
    throw new UsageError(`${paths.join(' ')} holds no *.ipvsc-test.yaml and no tests in an ipvsc.yaml`)
  return suites
}

function testFiles(path: string): string[] {
  if (!existsSync(path)) throw new UsageError(`cannot read ${path}: it is not there`)
  if (!statSync(path).isDirectory()) return [path]
  const isOurs = (file: string): boolean => isTestFile(file) || isSettings(file)
  return filesBelow(path, isOurs, () => {}).filter((file) => isOurs(file) && !file.includes('node_modules/'))
}

async function ofFile(file: string): Promise<Suite> {
  const { value, text } = await readChecked(file, async (object, origin) => {
    const problems = await schemaDiagnostics('RuleTests', object, origin)
    if (problems.length > 0) return problems.map((problem) => ({ ...problem, subject: null }))
    return kindProblems(object, origin, [])
  })
  return suiteOf(file, text, value, [])
}

async function ofSettings(file: string): Promise<Suite[]> {
  const settings = await readSettingsFile(file)
  const { text, value } = settings as NonNullable<typeof settings>
  if (value.tests === undefined) return []
  const tests = value.tests as JsonObject
  await readChecked(file, async (_value, origin) => kindProblems(tests, origin, ['tests']))
  return [await suiteOf(file, text, tests, ['tests'])]
}

const kindProblems = (
  tests: JsonObject,
  origin: NonNullable<Diagnostic['origin']>,
  above: readonly string[],
): Diagnostic[] =>
  caseProblems(tests as unknown as RuleTests).map(({ path, message, expected }) =>
    diagnostic({ code: 'SCHEMA', severity: 'error', message, expected, origin, path: [...above, ...path] }),
  )

async function suiteOf(
  file: string,
  text: string,
  value: JsonObject,
  above: readonly string[],
): Promise<Suite> {
  const tests = value as unknown as RuleTests
  const origin = { source: file, document: 0, path: [] }
  const places = tests.cases.map((_case, index) => ({ origin, path: [...above, 'cases', index] }))
  const positions = await positionsOf(places, new Map([[file, text]]))
  return {
    file,
    folder: dirname(file),
    tests,
    places: positions.map((position) => ({ line: position?.line ?? null, column: position?.column ?? null })),
  }
}

/** A path of a file of cases, as the command line would have it; one in git stays. */
export const pathFrom = (folder: string, path: string): string =>
  path.startsWith('git:') || path.startsWith('/') ? path : join(folder, path)
