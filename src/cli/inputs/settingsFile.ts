import { existsSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { type Diagnostic, diagnostic, hasErrors } from '../../diagnostics/diagnostics.ts'
import { FailedError, UsageError } from '../../host/exit.ts'
import { readDocuments } from '../../read/documents.ts'
import { withPositions } from '../../read/locate.ts'
import { isObject, type JsonObject } from '../../read/objects.ts'
import { schemaDiagnostics } from '../../read/validate.ts'
import { type LintBlock, lintSettings, unusableValues } from '../../review/lint/settings.ts'
import type { LintSettings } from '../../review/lint/types.ts'
import { formatDiagnostics } from '../report.ts'
import { isPainted, isTerminal, sayPainted } from '../terminal.ts'
import { readText } from './files.ts'

/** `ipvsc.yaml`: what a repository says to ipvsc. It is data and never executed. */
export interface SettingsFile {
  /** As messages name it. */
  readonly source: string
  readonly text: string
  readonly value: JsonObject
}

const NAME = 'ipvsc.yaml'

/**
 * Reads the file that was named, or the nearest one from the working directory upwards to the root of its repository; outside
 * of a repository the working directory alone counts. `null`: there is none. Errors are said with their places.
 */
export async function readSettingsFile(named: string | undefined): Promise<SettingsFile | null> {
  const source = named ?? nearest(process.cwd())
  return source === null ? null : readChecked(source, problemsOf)
}

type Check = (value: JsonObject, origin: NonNullable<Diagnostic['origin']>) => Promise<Diagnostic[]>

/** Reads a file that holds one object, and refuses it with each problem at its place. */
export async function readChecked(source: string, check: Check): Promise<SettingsFile> {
  const text = readText(source)
  const origin = { source, document: 0, path: [] }
  const { documents, diagnostics } = await readDocuments({ name: source, text })
  const [first, second] = documents
  const found: Diagnostic[] = [...diagnostics]
  const value = first === undefined ? {} : first.value
  if (second !== undefined || !isObject(value))
    found.push(
      diagnostic({
        code: 'SCHEMA',
        severity: 'error',
        message: second === undefined ? 'The file holds no object.' : 'The file holds several documents.',
        origin,
        expected: 'one object',
      }),
    )
  else if (!hasErrors(diagnostics)) found.push(...(await check(value, origin)))
  if (found.length > 0) await refuse(found, source, text)
  return { source, text, value: value as JsonObject }
}

async function problemsOf(
  value: JsonObject,
  origin: NonNullable<Diagnostic['origin']>,
): Promise<Diagnostic[]> {
  const problems = await schemaDiagnostics('ProjectFile', value, origin)
  if (problems.length > 0) return problems.map((problem) => ({ ...problem, subject: null }))
  return unusableValues((value.lint ?? {}) as LintBlock).map(({ path, found, expected }) =>
    diagnostic({
      code: 'SCHEMA',
      severity: 'error',
      message: 'The value cannot be used.',
      path: ['lint', ...path],
      found: JSON.stringify(found),
      expected,
      origin,
    }),
  )
}

async function refuse(found: readonly Diagnostic[], source: string, text: string): Promise<never> {
  const texts = new Map([[source, text]])
  const style = { colors: isPainted('stderr'), frames: isTerminal(), texts }
  sayPainted(formatDiagnostics(await withPositions(found, texts), style))
  throw new FailedError(
    `${source} cannot be used: ${found.length === 1 ? '1 error' : `${found.length} errors`}`,
  )
}

function nearest(from: string): string | null {
  const candidates: string[] = []
  for (let folder = from; ; folder = dirname(folder)) {
    candidates.push(join(folder, NAME))
    if (existsSync(join(folder, '.git'))) break
    if (dirname(folder) === folder) {
      candidates.splice(1)
      break
    }
  }
  const found = candidates.find((path) => statSync(path, { throwIfNoEntry: false })?.isFile())
  return found === undefined ? null : relative(from, found) || NAME
}

/** What the file says of rules; the usual where there is none. */
export function lintSettingsOf(file: SettingsFile | null, today: string): LintSettings {
  const block = (file?.value.lint ?? {}) as LintBlock
  return lintSettings(block, { source: file?.source ?? NAME, document: 0, path: ['lint'] }, today)
}

/** Today in UTC, `2026-11-24`; SOURCE_DATE_EPOCH (seconds) stands in for the clock, so that a run can be repeated. */
export function today(): string {
  const { SOURCE_DATE_EPOCH } = process.env
  if (SOURCE_DATE_EPOCH === undefined || SOURCE_DATE_EPOCH === '')
    return new Date().toISOString().slice(0, 10)
  if (!/^\d{1,11}$/.test(SOURCE_DATE_EPOCH))
    throw new UsageError(`SOURCE_DATE_EPOCH must be whole seconds, not ${JSON.stringify(SOURCE_DATE_EPOCH)}`)
  return new Date(Number(SOURCE_DATE_EPOCH) * 1000).toISOString().slice(0, 10)
}
