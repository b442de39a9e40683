import { safeText } from '../diagnostics/safeText.ts'
import { alignedLines } from '../text.ts'
import { byImportance, nodesOf, nodesText, serverCounts, signOf, verdict, whatChanges } from './summary.ts'
import type { Paint } from './text.ts'
import type { Review, ServiceReview } from './types.ts'

/** A review as a table: a line for each Service, the most important first, and one for what no Service owns. */
export function formatStat(review: Review, paint: Paint): string {
  const { services, others, nodes } = review
  if (services.length === 0 && others.length === 0) return `${safeText(verdict(review))}\n`
  const rows = byImportance(services).map((service) => row(service, review))
  const ofNobody =
    others.length === 0 ? [] : [['', 'of no Service', `${others.length} changed`, '', othersNodes(review)]]
  const table = [HEAD, ...rows, ...ofNobody].map((cells) => cells.map(safeText))
  const lines = alignedLines(table)
  const left = nodes.length === 0 ? [] : hiddenLine(review)
  return [...lines.map((line, index) => painted(line, index, paint)), ...left]
    .map((line) => `${line}\n`)
    .join('')
}

const HEAD = [' ', 'Service', 'what', 'real servers', 'nodes'] as const

const painted = (line: string, index: number, { strong, bad }: Paint): string =>
  index === 0 ? strong(line) : line.startsWith('✗') ? bad(line) : line

function row(service: ServiceReview, { nodes }: Review): string[] {
  const some = nodesOf(service)
  return [
    signOf(service),
    service.service,
    whatChanges(service),
    serverCounts(service),
    some.length === 0 ? 'none' : nodesText(some, nodes),
  ]
}

const othersNodes = ({ others, nodes }: Review): string =>
  nodesText([...new Set(others.flatMap((other) => other.nodes))].sort(), nodes)

/** What was not asked for is counted beneath. */
function hiddenLine(review: Review): string[] {
  const { hidden } = review
  if (hidden === undefined || hidden.services + hidden.others === 0) return []
  const text = verdict(review)
  return [safeText(text.slice(text.indexOf('Not shown:')))]
}
