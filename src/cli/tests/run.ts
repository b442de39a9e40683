import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { emit } from '../../formats/emit.ts'
import { PAYLOAD_NAMES } from '../../formats/names.ts'
import { caseName } from '../../golden/check.ts'
import { judgeCase } from '../../golden/judge.ts'
import { judgePayloads } from '../../golden/payloads.ts'
import {
  broken,
  type CaseResult,
  type CaseSubject,
  type Outcome,
  PASSED,
  type RuleCase,
} from '../../golden/types.ts'
import { CommandError } from '../../host/exit.ts'
import { writeText } from '../../host/output.ts'
import { compiledOwners } from '../../proof/explain/owners.ts'
import { notesOn } from '../../proof/notes.ts'
import { subjectOf } from '../../proof/subject.ts'
import type { Console } from '../console.ts'
import { compileOne } from '../inputs/compiled.ts'
import type { CompilationOptions } from '../options.ts'
import { formatDiagnostics } from '../report.ts'
import { pathFrom, type Suite } from './load.ts'

export interface RunOptions {
  /** Write expected payloads anew. */
  readonly update?: boolean
}

/** A case that is ready to be run. */
export interface ReadyCase {
  readonly name: string
  readonly run: (options?: RunOptions) => Promise<CaseResult>
}

/** The cases of a file, in its order. Inputs are compiled once for each node, when a case first needs them. */
export function readyCases(suite: Suite): ReadyCase[] {
  const { tests, file, places } = suite
  const subjects = new Map<string, Promise<CaseSubject | string>>()
  const subjectFor = (node: string): Promise<CaseSubject | string> => {
    const known = subjects.get(node) ?? compileSubject(suite, node)
    subjects.set(node, known)
    return known
  }
  return tests.cases.map((each, index) => {
    const name = caseName(each, tests.on)
    const place = places[index] ?? { line: null, column: null }
    const run = async ({ update = false }: RunOptions = {}): Promise<CaseResult> => {
      const subject = await subjectFor(each.on ?? tests.on ?? '')
      const { updated, ...outcome } = await runCase(each, suite, subject, update)
      return { name, file, ...place, updated, ...outcome }
    }
    return { name, run }
  })
}

type Ran = Outcome & { readonly updated: boolean }

async function runCase(
  each: RuleCase,
  suite: Suite,
  subject: CaseSubject | string,
  update: boolean,
): Promise<Ran> {
  if (typeof subject === 'string') return { ...broken(subject), updated: false }
  if (each.payloads === undefined) return { ...judgeCase(each, subject), updated: false }
  const folder = pathFrom(suite.folder, each.payloads)
  const found = emit(subject.plan)
  const outcome = judgePayloads(payloadsIn(folder), found)
  if (outcome.status === 'passed' || !update) return { ...outcome, updated: false }
  for (const [name, text] of found) await writeText(join(folder, name), text)
  return { ...PASSED, updated: true }
}

const payloadsIn = (folder: string): Map<string, string> =>
  new Map(
    PAYLOAD_NAMES.filter((name) => existsSync(join(folder, name))).map((name) => [
      name,
      readFileSync(join(folder, name), 'utf8'),
    ]),
  )

/** What a node gets of the inputs of a file of cases; a text: why nothing. */
async function compileSubject(suite: Suite, node: string): Promise<CaseSubject | string> {
  const { folder, tests } = suite
  const heard: string[] = []
  try {
    const inputs = tests.inputs.map((path) => pathFrom(folder, path))
    const state = await compileOne(inputs, optionsOf(suite, node), listener(heard))
    if (state === null) return `the inputs have errors: ${heard.join('')}`.trim()
    const { plan, compiled } = state
    const { cluster, facts, config, owners } = compiled
    if (facts === null) return `the node ${node} is not known`
    const notes = notesOn(plan, emit(plan), owners === null ? null : compiledOwners(owners))
    return { ...subjectOf({ plan, cluster, facts, config }), cluster, node, notes }
  } catch (error) {
    if (error instanceof CommandError) return error.message
    throw error
  }
}

function optionsOf({ folder, tests: { options = {} } }: Suite, node: string): CompilationOptions {
  const { onto, config, nodeAddresses, nodeFacts, ...rest } = options
  const files = Object.entries({ config, nodeAddresses, nodeFacts }).flatMap(([name, path]) =>
    path === undefined ? [] : [[name, pathFrom(folder, path)] as const],
  )
  const laid = onto === undefined ? {} : { onto: onto.map((path) => pathFrom(folder, path)) }
  return { ...rest, ...laid, ...Object.fromEntries(files), node }
}

/** Problems go into the result of a case, not to the terminal. */
const listener = (heard: string[]): Console => ({
  progress: () => {},
  say: () => {},
  print: () => {},
  report: ({ diagnostics }) =>
    void heard.push(
      formatDiagnostics(
        diagnostics.filter(({ severity }) => severity === 'error'),
        { colors: false, frames: false, texts: new Map() },
      ),
    ),
})
