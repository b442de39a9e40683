import type { JsonPath } from '../diagnostics/diagnostics.ts'
import type { RuleCase, RuleTests } from './types.ts'

/** What no schema says well: which fields of a case go together. */
export interface CaseProblem {
  readonly path: JsonPath
  readonly message: string
  readonly expected: string
}

export const caseProblems = ({ cases, on }: RuleTests): CaseProblem[] =>
  cases.flatMap((each, index) =>
    problemsOf(each, on).map((problem) => ({ ...problem, path: ['cases', index, ...problem.path] })),
  )

const PACKET = ['from', 'to', 'reaches', 'sees', 'refused', 'dropped', 'passes'] as const
const ENDINGS = ['refused', 'dropped', 'passes'] as const

function problemsOf(each: RuleCase, on: string | undefined): CaseProblem[] {
  const problem = (path: JsonPath, message: string, expected: string): CaseProblem => ({
    path,
    message,
    expected,
  })
  const packet = PACKET.filter((field) => each[field] !== undefined)
  const subjects = [each.verify, each.payloads].filter((value) => value !== undefined).length
  const found: CaseProblem[] = []
  if ((each.on ?? on) === undefined)
    found.push(problem([], 'The case says no node.', 'on, here or for all cases'))
  if (subjects + (packet.length > 0 ? 1 : 0) !== 1)
    return [...found, problem([], 'The case has to be of one kind.', 'from and to, verify, or payloads')]
  if (subjects === 1) return found
  for (const field of ['from', 'to'] as const)
    if (each[field] === undefined) found.push(problem([], `The case says no ${field}.`, field))
  const endings = ENDINGS.filter((field) => each[field] !== undefined)
  const isServed = each.reaches !== undefined || each.sees !== undefined
  if (endings.length + (isServed ? 1 : 0) !== 1)
    found.push(
      problem(
        [],
        'The case has to say one thing that becomes of the packet.',
        'reaches or sees, refused, dropped, or passes',
      ),
    )
  return found
}

/** What a report calls a case that has no name. */
export function caseName(each: RuleCase, on: string | undefined): string {
  if (each.name !== undefined) return each.name
  const node = each.on ?? on
  const where = node === undefined ? '' : ` on ${node}`
  if (each.verify !== undefined) return `verify ${each.verify}${where}`
  if (each.payloads !== undefined) return `payloads ${each.payloads}${where}`
  const ending =
    ENDINGS.find((field) => each[field]) ??
    [
      ...(each.reaches === undefined ? [] : [`reaches ${each.reaches.join(', ')}`]),
      ...(each.sees === undefined ? [] : [`sees ${each.sees}`]),
    ].join(', ')
  return `${each.from} → ${each.to}${where}: ${ending}`
}
