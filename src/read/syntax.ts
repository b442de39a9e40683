import type { Diagnostic } from '../diagnostics/diagnostics.ts'
import { configMapTells } from './configuration.ts'

/** Kinds whose objects, or whose contents, decide rules. */
const DECIDING = /^(Service|Endpoints|EndpointSlice|Node|KubeProxyConfiguration|\w*List)$/

/**
 * A document that does not parse and says that it is of a kind without rules is a warning: other readers of YAML may be more
 * lenient, and nothing is lost.
 */
export function softened(problem: Diagnostic, text: string): Diagnostic {
  if (problem.position === null) return problem
  const lines = text.split('\n')
  const isBorder = (line: string | undefined): boolean => /^---(\s|$)/.test(line ?? '')
  let first = Math.min(problem.position.line, lines.length) - 1
  // What is missed at the end of a document is missed where the next one begins.
  if (first > 0 && problem.position.column === 1 && isBorder(lines[first])) first--
  while (first > 0 && !isBorder(lines[first])) first--
  let last = first + 1
  while (last < lines.length && !isBorder(lines[last])) last++
  const document = lines.slice(first, last).join('\n')
  const kind = /^kind:[^\S\n]*["']?(\w+)["']?[^\S\n]*(?:[^\S\n]#.*)?$/m.exec(document)?.[1]
  if (kind === undefined || DECIDING.test(kind)) return problem
  if (kind === 'ConfigMap' && configMapTells(document)) return problem
  return { ...problem, severity: 'warning', message: `A ${kind} is passed over: ${problem.message}` }
}
