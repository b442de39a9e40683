import type { Effect, NodeGroup, Review, ServiceReview } from './types.ts'

/** What all renderings say first: how much changes, where, and whether somebody loses a Service. */
export function verdict(review: Review): string {
  const { services, others, nodes } = review
  if (services.length === 0 && others.length === 0)
    return nodes.length === 0
      ? 'no node stands on both sides'
      : `nothing changes on ${nodesText(nodes, nodes)}`
  const touched = [
    ...new Set([
      ...services.flatMap(({ groups }) => groups.flatMap((group) => group.nodes)),
      ...others.flatMap((other) => other.nodes),
    ]),
  ].sort()
  const what =
    services.length === 0
      ? 'no Service changes'
      : `${count(services.length, 'Service')} ${services.length === 1 ? 'changes' : 'change'}`
  const where = touched.length === 0 ? ', but no rule of a node' : ` on ${nodesText(touched, nodes)}`
  const detail = details(review)
  return `${what}${where}${detail === '' ? '' : `: ${detail}`}. ${reachability(services)}`
}

export const count = (number: number, word: string): string => `${number} ${word}${number === 1 ? '' : 's'}`

/** `all 3 nodes`, `node worker-1`, `2 of 40 nodes: worker-1, worker-7`. */
export function nodesText(some: readonly string[], all: readonly string[]): string {
  if (some.length === all.length) return all.length === 1 ? `node ${all[0]}` : `all ${all.length} nodes`
  const named = some.slice(0, 5).join(', ')
  return `${some.length} of ${all.length} nodes: ${named}${some.length > 5 ? `, and ${some.length - 5} more` : ''}`
}

function details({ services, others }: Review): string {
  const servers = services.flatMap(({ groups }) => distinctServers(groups))
  const plus = servers.filter((text) => text.startsWith('+')).length
  const minus = servers.filter((text) => text.startsWith('-')).length
  const rules = others.filter(({ kind }) => kind === 'rule' || kind === 'chain' || kind === 'jump').length
  const settings = others.filter(
    ({ kind }) => kind === 'setting' || kind === 'conntrack' || kind === 'timeouts',
  ).length
  return [
    ...(plus + minus === 0
      ? []
      : [
          `${[plus > 0 ? `+${plus}` : '', minus > 0 ? `−${minus}` : ''].filter((text) => text !== '').join(' ')} real servers`,
        ]),
    ...(rules === 0 ? [] : [count(rules, 'rule')]),
    ...(settings === 0 ? [] : [count(settings, 'setting')]),
  ].join('; ')
}

/** Each real server of a Service that comes or goes, once, whatever the addresses and nodes. */
const distinctServers = (groups: readonly NodeGroup[]): string[] => [
  ...new Set(
    groups.flatMap(({ virtualServers }) =>
      virtualServers.flatMap(({ added, removed }) => [
        ...added.map((name) => `+${name}`),
        ...removed.map((name) => `-${name}`),
      ]),
    ),
  ),
]

/** Services that lose, or gain, all answers for some client. */
function reachability(services: readonly ServiceReview[]): string {
  const lost = services.filter((service) => has(service, 'unreachable'))
  if (lost.length === 0) return 'Nothing becomes unreachable.'
  const names = lost
    .slice(0, 5)
    .map(({ service }) => service)
    .join(', ')
  return `${names}${lost.length > 5 ? ` and ${lost.length - 5} more` : ''} ${lost.length === 1 ? 'becomes' : 'become'} UNREACHABLE for some clients.`
}

export const has = ({ groups }: ServiceReview, kind: Effect['kind']): boolean =>
  groups.some(({ effects }) => effects.some((effect) => effect.kind === kind))

/** Effects in words: what clients or servers notice. */
export function effectText({ kind, target, clients, before, after }: Effect): string {
  const who = clients.join('; ')
  switch (kind) {
    case 'unreachable':
      return `${target} is no longer answered for ${who}: ${after}`
    case 'reachable':
      return `${target} is answered for ${who} now (before: ${before})`
    case 'source':
      return `servers of ${target} see another source for ${who}: ${after} (was ${before})`
    case 'servers':
      return `other servers answer ${who} at ${target}: ${after} (was ${before})`
    case 'affinity':
      return `session affinity of ${target} changes: the next connection of a client may reach another real server`
    case 'refusal':
      return `${target} for ${who}: ${after} (was ${before})`
  }
}
