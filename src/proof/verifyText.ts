import type { Broken } from './invariants.ts'
import { KNOWN_DEVIATIONS, type KnownDeviation } from './judge.ts'
import type { Difference, Verification } from './verify.ts'

/** What a verification found, as a person reads it: the verdict, faults by Service, then what IPVS mode does by nature. */
export function formatVerification(node: string, result: Verification): string {
  const faults = result.differences.filter(({ known }) => known === null)
  const known = result.differences.filter((difference) => difference.known !== null)
  return [
    `${headline(node, result, faults)}\n`,
    ...groups(faults, ({ service }) => service ?? 'asked for by no Service').map(serviceText),
    ...groups(result.broken, ({ invariant }) => invariant).map(brokenText),
    ...groups(known, (difference) => difference.known as KnownDeviation).map(knownText),
  ].join('')
}

function brokenText([invariant, broken]: [string, readonly Broken[]]): string {
  const lines = broken.map(({ found, service }) => `  ${found}${service === null ? '' : `  (${service})`}\n`)
  const shown = lines.slice(0, MOST_BROKEN)
  const rest = lines.length - shown.length
  return `\nnot so: ${invariant}\n${shown.join('')}${rest > 0 ? `  and ${rest} more\n` : ''}`
}

const MOST_BROKEN = 10

function headline(
  node: string,
  { promises, classes, broken }: Verification,
  faults: readonly Difference[],
): string {
  const followed = `${count(classes, 'class', 'classes')} of packets followed for ${count(promises, 'promise')}`
  if (faults.length === 0 && broken.length === 0) return `${node}: every promise is kept; ${followed}`
  if (faults.length === 0)
    return `${node}: every promise is kept, but ${count(broken.length, 'thing is', 'things are')} NOT as the rules need; ${followed}`
  const services = new Set(faults.map(({ service }) => service)).size
  return `${node}: ${count(faults.length, 'promise')} of ${count(services, 'Service port')} NOT kept; ${followed}`
}

const count = (number: number, one: string, many = `${one}s`): string =>
  `${number} ${number === 1 ? one : many}`

function groups<T>(items: readonly T[], keyOf: (item: T) => string): [key: string, items: T[]][] {
  const found = new Map<string, T[]>()
  for (const item of items) found.set(keyOf(item), [...(found.get(keyOf(item)) ?? []), item])
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** Clients that meet the same at one address share a line. */
function serviceText([service, faults]: [string, readonly Difference[]]): string {
  const lines = groups(faults, ({ target, promised, found }) => `${target}\n${promised}\n${found}`).map(
    ([, same]) => {
      const { target, promised, found, trace } = same[0] as Difference
      const last = trace.hops.at(-1)
      const decided = last === undefined ? '' : ` (last rule: ${last.table} ${last.chain} ${last.number})`
      return `  ${target} for ${same.map(({ client }) => client).join('; ')}\n    promised ${promised}\n    found    ${found}${decided}\n`
    },
  )
  return `\n${service}\n${lines.join('')}`
}

function knownText([deviation, differences]: [string, readonly Difference[]]): string {
  const services = [...new Set(differences.map(({ service, target }) => service ?? target))]
  const named =
    services.slice(0, 5).join(', ') + (services.length > 5 ? ` and ${services.length - 5} more` : '')
  return `\nknown of IPVS mode, ${deviation}: ${KNOWN_DEVIATIONS[deviation as KnownDeviation]}\n  ${named}\n`
}
