import { compareText } from '../order.ts'
import type { Effect, NodeGroup, Review, ServiceReview, VirtualServerReview } from './types.ts'

/** How a text of an input stands in a sentence of a rendering: as it is, as code, escaped. */
export type Mark = (text: string) => string
const AS_IT_IS: Mark = (text) => text

/** What all renderings say first: how much changes, where, and whether somebody loses a Service. */
export function verdict(review: Review, mark: Mark = AS_IT_IS): string {
  const { others, nodes } = review
  const services = review.services.filter((service) => !waitsOnly(service))
  if (services.length === 0 && others.length === 0)
    return `${nothingText(review, mark)}${waitingText(review)}${hiddenText(review, mark)}`
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
  const where = touched.length === 0 ? ', but no rule of a node' : ` on ${nodesText(touched, nodes, mark)}`
  const detail = details(review)
  return `${what}${where}${detail === '' ? '' : `: ${detail}`}.${reachability(review, mark)}${hiddenText(review, mark)}`
}

function nothingText({ nodes, hidden }: Review, mark: Mark): string {
  if (nodes.length === 0) return 'no node stands on both sides'
  if (hidden !== undefined && (hidden.services > 0 || hidden.others > 0))
    return 'nothing that was asked for changes.'
  return `nothing changes on ${nodesText(nodes, nodes, mark)}`
}

/** Whether nothing is different about a Service but what a controller has yet to do. */
const waitsOnly = ({ fate, fields, groups, waits }: ServiceReview): boolean =>
  waits !== undefined && fate === 'changed' && fields.length + groups.length === 0

const waitingText = ({ services }: Review): string =>
  services.length === 0
    ? ''
    : `; ${count(services.length, 'Service')} ${waitWord(services.length)} for a controller.`

/** What a narrowed review leaves out must not be taken for unchanged. */
function hiddenText({ hidden }: Review, mark: Mark): string {
  if (hidden === undefined || (hidden.services === 0 && hidden.others === 0)) return ''
  const parts = [
    ...(hidden.services === 0 ? [] : [count(hidden.services, 'Service')]),
    ...(hidden.others === 0 ? [] : [`${count(hidden.others, 'change')} of no Service`]),
  ]
  const lost = hidden.unreachable.length === 0 ? '' : `, of which ${lostText(hidden.unreachable, mark)}`
  return ` Not shown: ${parts.join(', ')}${lost}.`
}

const waitWord = (number: number): string => (number === 1 ? 'waits' : 'wait')

export const count = (number: number, word: string): string => `${number} ${word}${number === 1 ? '' : 's'}`

/** `all 3 nodes`, `node worker-1`, `2 of 40 nodes: worker-1, worker-7`. */
export function nodesText(some: readonly string[], all: readonly string[], mark: Mark = AS_IT_IS): string {
  if (some.length === all.length)
    return all.length === 1 ? `node ${mark(all[0] as string)}` : `all ${all.length} nodes`
  const named = some.slice(0, 5).map(mark).join(', ')
  return `${some.length} of ${all.length} nodes: ${named}${some.length > 5 ? `, and ${some.length - 5} more` : ''}`
}

/** Real servers that come and go, over all Services. */
export function serverTotals({ services, nodes }: Review): { readonly plus: number; readonly minus: number } {
  const servers = services.flatMap((service) => distinctServers(service, nodes.length))
  const plus = servers.filter((text) => text.startsWith('+')).length
  return { plus, minus: servers.length - plus }
}

function details(review: Review): string {
  const { services, others } = review
  const { plus, minus } = serverTotals(review)
  const rules = others.filter(({ kind }) => kind === 'rule' || kind === 'chain' || kind === 'jump').length
  const waiting = services.filter(({ waits }) => waits !== undefined).length
  const settings = others.filter(
    ({ kind }) => kind === 'setting' || kind === 'conntrack' || kind === 'timeouts',
  ).length
  return [
    ...(plus + minus === 0
      ? []
      : [
          `${[plus > 0 ? `+${plus}` : '', minus > 0 ? `−${minus}` : ''].filter((text) => text !== '').join(' ')} real server${plus + minus === 1 ? '' : 's'}`,
        ]),
    ...(waiting === 0 ? [] : [`${waiting} ${waitWord(waiting)} for a controller`]),
    ...(rules === 0 ? [] : [count(rules, 'rule')]),
    ...(settings === 0 ? [] : [count(settings, 'setting')]),
  ].join('; ')
}

/**
 * Each real server of a Service that comes or goes, once, whatever the addresses. Where its endpoints stay, only those that do so
 * on every node: a policy alone makes nodes choose among them.
 */
function distinctServers({ groups, fate, fields, origin }: ServiceReview, nodes: number): string[] {
  const moves = new Map<string, Set<string>>()
  for (const group of groups)
    for (const { added, removed } of group.virtualServers)
      for (const name of [...added.map((one) => `+${one}`), ...removed.map((one) => `-${one}`)]) {
        const known = moves.get(name) ?? new Set()
        for (const node of group.nodes) known.add(node)
        moves.set(name, known)
      }
  const isMoved =
    fate !== 'changed' || origin === null || fields.some(({ field }) => field === 'ready endpoints')
  return [...moves].flatMap(([name, on]) => (isMoved || on.size === nodes ? [name] : []))
}

/** Services that lose all answers for some client; nothing is promised of what is not shown. */
function reachability({ services, hidden }: Review, mark: Mark): string {
  const lost = services.filter((service) => has(service, 'unreachable'))
  const of = (words: readonly string[]): string => words.map((word) => ` ${word}.`).join('')
  const broken = lost.filter(
    (service) => service.fate !== 'removed' && lostTargets(service).stated.length > 0,
  )
  const named = new Set(broken.map(({ service }) => service))
  const rest = lost.filter(({ service }) => !named.has(service))
  const sentences = [
    ...(broken.length === 0 ? [] : [lostText([...named], mark)]),
    ...rest.slice(0, MOST_NAMES).map((service) => withdrawnText(service, mark)),
    ...(rest.length > MOST_NAMES ? [`${rest.length - MOST_NAMES} more lose addresses`] : []),
  ]
  if (sentences.length > 0) return of(sentences)
  return (hidden?.unreachable.length ?? 0) > 0 ? '' : ' Nothing becomes unreachable.'
}

const MOST_NAMES = 5

/** A Service that goes, or addresses and ports that it no longer has. */
function withdrawnText(service: ServiceReview, mark: Mark): string {
  const name = mark(service.service)
  if (service.fate === 'removed') return `${name} goes away`
  const { withdrawn } = lostTargets(service)
  return `${name} is no longer at ${withdrawn.slice(0, MOST_NAMES).map(mark).join(', ')}${withdrawn.length > MOST_NAMES ? `, and ${withdrawn.length - MOST_NAMES} more` : ''}`
}

/** Addresses and ports at which nobody answers any more: those that the Service has, and those that it has no longer. */
export function lostTargets({ groups }: ServiceReview): { stated: string[]; withdrawn: string[] } {
  const removed = new Set(
    groups
      .flatMap(({ virtualServers }) => virtualServers)
      .flatMap(({ fate, key }) => (fate === 'removed' ? [key] : [])),
  )
  const lost = [
    ...new Set(
      groups
        .flatMap(({ effects }) => effects)
        .flatMap(({ kind, target }) => (kind === 'unreachable' ? [target] : [])),
    ),
  ]
  return {
    stated: lost.filter((target) => !removed.has(target)),
    withdrawn: lost.filter((target) => removed.has(target)),
  }
}

function lostText(lost: readonly string[], mark: Mark): string {
  const names = lost.slice(0, 5).map(mark).join(', ')
  return `${names}${lost.length > 5 ? ` and ${lost.length - 5} more` : ''} ${lost.length === 1 ? 'becomes' : 'become'} UNREACHABLE for some clients`
}

export const has = ({ groups }: ServiceReview, kind: Effect['kind']): boolean =>
  groups.some(({ effects }) => effects.some((effect) => effect.kind === kind))

/** Effects in words: what clients or servers notice. `mark` is for the address, `plain` for words. */
export function effectText(effect: Effect, mark: Mark = AS_IT_IS, plain: Mark = AS_IT_IS): string {
  const { kind } = effect
  const target = mark(effect.target)
  const [who, before, after] = [effect.clients.join('; '), effect.before, effect.after].map(plain)
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

/** `selector`, `sessionAffinity and 2 more`, `endpoints`, `scheduler rr → lc`; of one that comes or goes, that. */
export function whatChanges({ fate, fields, groups }: ServiceReview, mark: Mark = AS_IT_IS): string {
  if (fate !== 'changed')
    return { added: 'new', removed: 'removed', recreated: 'has to be created again' }[fate]
  const names = fields.map(({ field }) => field)
  if (names.length === 0) return onNodesAlone(groups)
  return `${names.slice(0, 3).map(mark).join(', ')}${names.length > 3 ? ` and ${names.length - 3} more` : ''}`
}

/** What changes for a Service whose manifest stays. */
function onNodesAlone(groups: readonly NodeGroup[]): string {
  const servers = groups.flatMap(({ virtualServers }) => virtualServers)
  const settings = [...new Set(servers.flatMap((server) => server.settings))]
  if (settings.length > 0) return settings.join(', ')
  if (servers.some(({ added, removed }) => added.length + removed.length > 0)) return 'endpoints'
  if (servers.length > 0) return 'virtual servers'
  return groups.length > 0 ? 'what clients notice' : ''
}

/** `2 → 0`, or one number where it stays: real servers of the virtual server that changes most. */
export function serverCounts({ fate, groups }: ServiceReview): string {
  const all = groups.flatMap(({ virtualServers }) => virtualServers)
  const lasting = all.filter((server) => server.fate === 'changed')
  const [most] = (lasting.length > 0 ? lasting : all).toSorted((a, b) => distance(b) - distance(a))
  if (most === undefined) return ''
  // Another address of a Service that stays says nothing of how many answer.
  if (fate === 'changed' && lasting.length === 0) return String(Math.max(most.before, most.after))
  return most.before === most.after ? String(most.after) : `${most.before} → ${most.after}`
}

const distance = ({ before, after }: VirtualServerReview): number => Math.abs(after - before)

/** Nodes that do something differently for a Service, in order. */
export const nodesOf = ({ groups }: ServiceReview): string[] =>
  [...new Set(groups.flatMap(({ nodes }) => nodes))].sort(compareText)

/** The sign that a Service is listed with. */
export const signOf = (service: ServiceReview): string =>
  has(service, 'unreachable')
    ? '✗'
    : ({ added: '+', removed: '−', changed: '~', recreated: '!' } as const)[service.fate]

/** What breaks first, then what goes, then what changes on nodes, then the rest; each in the order of names. */
export const byImportance = (services: readonly ServiceReview[]): ServiceReview[] =>
  services.toSorted((a, b) => importance(b) - importance(a))

const importance = (service: ServiceReview): number =>
  has(service, 'unreachable') ? 3 : service.fate === 'removed' ? 2 : service.groups.length > 0 ? 1 : 0
