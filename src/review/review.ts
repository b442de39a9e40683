import { serviceChanges } from '../desired/changes.ts'
import type { Cluster, Sourced } from '../kube/cluster.ts'
import { fullName } from '../kube/names.ts'
import type { Service } from '../kube/types.ts'
import { compareText } from '../order.ts'
import { changes } from '../plan/changes/changes.ts'
import type { Change } from '../plan/changes/types.ts'
import { hostPort, virtualServerKey } from '../plan/keys.ts'
import type { VirtualServer } from '../plan/types.ts'
import { effectsOf, type NodeSide, targetName } from './effects.ts'
import { groupsOf, type OnNode } from './grouping.ts'
import { otherChanges } from './others.ts'
import { otherPackets } from './packets.ts'
import type { NodeGroup, Review, ServiceReview, VirtualServerReview } from './types.ts'

/** One side of a review: the cluster, and what each node holds, by node name. */
export interface ReviewSide {
  readonly cluster: Cluster | null
  readonly nodes: ReadonlyMap<string, NodeSide>
  /** What Services wait for, by name, in sentences. Absent: nothing is known. */
  readonly waits?: ReadonlyMap<string, readonly string[]>
}

/** What differs between two sides. `recreated` names Services that have to be deleted and created again. */
export function review(
  before: ReviewSide,
  after: ReviewSide,
  recreated: ReadonlySet<string> = new Set(),
): Review {
  const names = [...new Set([...before.nodes.keys(), ...after.nodes.keys()])].sort(compareText)
  const both = names.filter((name) => before.nodes.has(name) && after.nodes.has(name))
  const differences = new Map(
    both.map((node) => [node, nodeDifferences(nodeOf(before, node), nodeOf(after, node))]),
  )
  const services = reviewedServices(before, after, recreated, (service) =>
    groupsOf(both, (node) =>
      serviceOnNode(
        service,
        nodeOf(before, node),
        nodeOf(after, node),
        differences.get(node) as NodeDifferences,
      ),
    ),
  )
  const [old, now] = [servicesByName(before.cluster), servicesByName(after.cluster)]
  const changed = new Set(services.map(({ service }) => service))
  const isPromised = [...before.nodes.values(), ...after.nodes.values()].some(
    ({ promises }) => promises.length > 0,
  )
  const differing = both.filter((node) => isDifferent(differences.get(node) as NodeDifferences))
  const packets = isPromised
    ? otherPackets(
        differing.map((node) => ({ node, before: nodeOf(before, node), after: nodeOf(after, node) })),
        changed,
      )
    : undefined
  return {
    version: 1,
    nodes: both,
    onlyBefore: names.filter((name) => !after.nodes.has(name)),
    onlyAfter: names.filter((name) => !before.nodes.has(name)),
    services,
    unchanged: [...old.keys()].filter((name) => now.has(name) && !changed.has(name)).length,
    others: otherChanges(both, (node) => differences.get(node)?.others ?? []),
    ...(packets === undefined ? {} : { packets }),
  }
}

const nodeOf = ({ nodes }: ReviewSide, name: string): NodeSide => nodes.get(name) as NodeSide

/** Services whose fields differ, or for which some node does something differently. */
function reviewedServices(
  before: ReviewSide,
  after: ReviewSide,
  recreated: ReadonlySet<string>,
  groupsOfService: (service: string) => NodeGroup[],
): ServiceReview[] {
  const [old, now] = [servicesByName(before.cluster), servicesByName(after.cluster)]
  const differing =
    before.cluster === null || after.cluster === null
      ? []
      : serviceChanges(before.cluster, after.cluster, recreated)
  const byName = new Map(differing.map((change) => [change.service, change]))
  const names = [
    ...new Set([...old.keys(), ...now.keys(), ...promisedServices(before), ...promisedServices(after)]),
  ]
  return names.sort(compareText).flatMap((service) => {
    const { change = 'changed', fields = [] } = byName.get(service) ?? {}
    const groups = groupsOfService(service).map((group) =>
      change === 'changed' ? group : withoutRefusals(group),
    )
    const known = before.waits?.get(service) ?? []
    const waits = (after.waits?.get(service) ?? []).filter((text) => !known.includes(text))
    if (change === 'changed' && groups.length + fields.length + waits.length === 0) return []
    const origin = (now.get(service) ?? old.get(service))?.origin ?? null
    const marked = groups.map((group) => withMarks(group, [old.get(service), now.get(service)]))
    return [
      { service, fate: change, origin, fields, ...(waits.length === 0 ? {} : { waits }), groups: marked },
    ]
  })
}

/** Marks virtual servers at addresses and ports that nobody stated. */
function withMarks(group: NodeGroup, sides: readonly (Sourced<Service> | undefined)[]): NodeGroup {
  const assumed = sides.flatMap((side) => (side === undefined ? [] : assumedTargets(side)))
  if (assumed.length === 0) return group
  const isAssumed = (key: string): boolean => assumed.some((target) => `${key}:`.includes(` ${target}:`))
  return {
    ...group,
    virtualServers: group.virtualServers.map((server) =>
      isAssumed(server.key) ? { ...server, isAssumed: true } : server,
    ),
  }
}

/** As keys of virtual servers have them: `10.96.0.1`, `[fd00::1]`, `node port 30080`. */
const assumedTargets = ({ object, assumed = [] }: Sourced<Service>): string[] =>
  assumed.flatMap((path) => {
    const value = path.reduce<unknown>(
      (inner, key) => (inner as Readonly<Record<string, unknown>> | null | undefined)?.[key],
      object,
    )
    if (path.at(-1) === 'nodePort') return [`node port ${value}`]
    return typeof value !== 'string' ? [] : [value.includes(':') ? `[${value}]` : value]
  })

/** That nobody answers at the address of a Service that comes or goes is no news. */
const withoutRefusals = (group: NodeGroup): NodeGroup => ({
  ...group,
  effects: group.effects.filter(({ kind }) => kind !== 'refusal'),
})

const promisedServices = ({ nodes }: ReviewSide): string[] =>
  [...nodes.values()].flatMap(({ promises }) => promises.map(({ service }) => service))

type ByName = ReadonlyMap<string, Sourced<Service>>

const servicesByName = (cluster: Cluster | null): ByName =>
  new Map((cluster?.services ?? []).map((service) => [fullName(service.object), service]))

interface NodeDifferences {
  readonly servers: ReadonlyMap<string, VirtualServerReview>
  readonly others: readonly Change[]
  /** Services whose traffic may differ; `null`: all of them, since rules differ. */
  readonly touched: ReadonlySet<string> | null
}

const isDifferent = ({ servers, others, touched }: NodeDifferences): boolean =>
  servers.size + others.length > 0 || touched === null || touched.size > 0

/** Changes of one node: those of virtual servers by their key, and what no Service owns. */
function nodeDifferences(before: NodeSide, after: NodeSide): NodeDifferences {
  const [old, now] = [before, after].map(
    ({ state }) => new Map(state.plan.virtualServers.map((server) => [virtualServerKey(server), server])),
  ) as [Map<string, VirtualServer>, Map<string, VirtualServer>]
  const found = changes(before.state.plan, after.state.plan)
  const touched = new Set(found.flatMap(touchedKey))
  const servers = new Map(
    [...touched].map((key) => [key, serverReview(key, old.get(key) ?? null, now.get(key) ?? null)]),
  )
  return {
    servers,
    others: found.filter(isNobodys),
    touched: touchedServices(found, touched, [before, after]),
  }
}

function touchedKey(change: Change): string[] {
  if (change.kind === 'virtualServer') {
    const server = change.after ?? change.before
    return server === null ? [] : [virtualServerKey(server)]
  }
  return change.kind === 'realServer' ? [virtualServerKey(change.virtualServer)] : []
}

/** Kinds of changes that concern no Service above others. */
const OF_ALL: ReadonlySet<Change['kind']> = new Set(['rule', 'chain', 'jump', 'set', 'setting', 'family'])

/** Services of virtual servers, entries and addresses that differ: their addresses and endpoints lead back to them. */
function touchedServices(
  found: readonly Change[],
  servers: ReadonlySet<string>,
  sides: readonly NodeSide[],
): ReadonlySet<string> | null {
  if (found.some(({ kind }) => OF_ALL.has(kind))) return null
  const addresses = new Set(found.flatMap(changedAddresses))
  if (servers.size === 0 && addresses.size === 0) return new Set()
  const promises = sides.flatMap((side) => side.promises)
  return new Set(
    promises
      .filter(
        (promise) =>
          servers.has(virtualServerKey(promise)) ||
          addresses.has(promise.address) ||
          promise.endpoints.some((endpoint) => addresses.has(endpoint)),
      )
      .map(({ service }) => service),
  )
}

/** Of an entry: its address, and the endpoint that it could be. */
function changedAddresses(change: Change): string[] {
  if (change.kind === 'address') return [change.before ?? change.after ?? '']
  if (change.kind !== 'entry') return []
  return [change.before, change.after].flatMap((entry) => {
    if (entry === null || !('address' in entry)) return []
    return 'port' in entry ? [entry.address, hostPort(entry.address, Number(entry.port))] : [entry.address]
  })
}

/** Entries and addresses come with their Services. */
const isNobodys = ({ kind }: Change): boolean =>
  !['virtualServer', 'realServer', 'entry', 'address'].includes(kind)

function serverReview(
  key: string,
  before: VirtualServer | null,
  after: VirtualServer | null,
): VirtualServerReview {
  const [old, now] = [before, after].map(
    (server) => new Set((server?.realServers ?? []).map(({ address, port }) => hostPort(address, port))),
  ) as [Set<string>, Set<string>]
  return {
    key,
    fate: before === null ? 'added' : after === null ? 'removed' : 'changed',
    added: [...now].filter((name) => !old.has(name)),
    removed: [...old].filter((name) => !now.has(name)),
    before: old.size,
    after: now.size,
    settings: before === null || after === null ? [] : settingsOf(before, after),
  }
}

function settingsOf(before: VirtualServer, after: VirtualServer): string[] {
  const stay = ({ persistence }: VirtualServer): string =>
    persistence === null ? 'none' : `${persistence.timeout} s`
  const schedule = ({ scheduler, flags }: VirtualServer): string => [scheduler, ...flags].join(' ')
  const drain = ({ drainTimeout }: VirtualServer): string =>
    drainTimeout === undefined ? 'default' : `${drainTimeout} s`
  const rows = [
    ['scheduler', schedule],
    ['persistence', stay],
    ['drain timeout', drain],
  ] as const
  return rows
    .filter(([, text]) => text(before) !== text(after))
    .map(([name, text]) => `${name} ${text(before)} → ${text(after)}`)
}

/** What a node does differently for one Service. What is the same at several addresses of the node is said once. */
function serviceOnNode(
  service: string,
  before: NodeSide,
  after: NodeSide,
  { servers, touched }: NodeDifferences,
): OnNode | null {
  if (touched !== null && !touched.has(service)) return null
  const names = new Map(
    [...before.promises, ...after.promises]
      .filter((promise) => promise.service === service)
      .map((promise) => [virtualServerKey(promise), targetName(promise)]),
  )
  const found = [...names].flatMap(([key, name]) => {
    const server = servers.get(key)
    return server === undefined ? [] : [{ ...server, key: name }]
  })
  const virtualServers = distinct(found).sort((a, b) => compareText(a.key, b.key))
  const effects = distinct(effectsOf(before, after, service))
  return virtualServers.length === 0 && effects.length === 0 ? null : { virtualServers, effects }
}

const distinct = <T>(items: readonly T[]): T[] => [
  ...new Map(items.map((item) => [JSON.stringify(item), item])).values(),
]
