import {
  type Activity,
  type ListedConnection,
  type Load,
  NO_ACTIVITY,
  parseActivity,
  parseConnections,
  parseLoad,
  parseOverall,
} from '../formats/ipvsCounters.ts'
import type { MarkedServer } from '../formats/ipvsListing.ts'
import { hostPort, type VirtualServerKey, virtualServerKey } from '../plan/keys.ts'
import { marksOf } from './marks.ts'
import type {
  ConnectionGroup,
  RealServerStatistics,
  ServerStatistics,
  Statistics,
  StatisticsListings,
} from './types.ts'

/** What IPVS does on a node, by Service. */

/** Who asks for a virtual server: `namespace/name:port`. */
export type ServicePortsOf = (key: VirtualServerKey) => readonly string[]

/**
 * What lists of one node say together. They are taken one after the other: a server that only some of them have counts as idle in the others.
 * A list that no tool prints is a PayloadSyntaxError.
 */
export function statisticsOf(listings: StatisticsListings, servicePortsOf: ServicePortsOf): Statistics {
  const totals = activities(listings.totals)
  const rates = activities(listings.rates)
  const connections = listings.connections === null ? null : parseConnections(listings.connections)
  const ownersOf = (key: VirtualServerKey | MarkedServer): readonly string[] =>
    'mark' in key ? [] : servicePortsOf(key)
  const clients = connections === null ? null : clientsByServer(connections)
  const virtualServers = parseLoad(listings.load).map((listed) => {
    const item = itemOf(listed.key)
    const figures = (server: string): { total: Activity; perSecond: Activity } => ({
      total: totals.get(`${item} ${server}`) ?? NO_ACTIVITY,
      perSecond: rates.get(`${item} ${server}`) ?? NO_ACTIVITY,
    })
    const realServers = withShares(
      listed.realServers.map(({ address, port, said }) => ({
        ...{ address, port, ...said },
        ...figures(hostPort(address, port)),
      })),
    )
    const { scheduler, persistence, key } = listed
    return {
      ...{ item, key, servicePorts: ownersOf(key), scheduler, persistence },
      ...figures(''),
      ...sumOf(realServers),
      realServers,
      marks: marksOf({ persistence, realServers }, (server) => clients?.get(`${item} ${server}`) ?? null),
    }
  })
  return {
    version: 1,
    overall: listings.overall === null ? null : parseOverall(listings.overall),
    virtualServers,
    connections: connections === null ? null : grouped(connections, ownersOf),
  }
}

const itemOf = (key: VirtualServerKey | MarkedServer): string =>
  'mark' in key ? `mark ${key.mark}` : virtualServerKey(key)

/** Activity of virtual servers, by item and a space, and of real servers, by item and address. */
function activities(text: string): Map<string, Activity> {
  const found = new Map<string, Activity>()
  for (const { key, said, realServers } of parseActivity(text)) {
    const item = itemOf(key)
    found.set(`${item} `, said)
    for (const { address, port, said: activity } of realServers)
      found.set(`${item} ${hostPort(address, port)}`, activity)
  }
  return found
}

const sumOf = (servers: readonly Load[]): Pick<ServerStatistics, 'active' | 'inactive' | 'templates'> => ({
  active: servers.reduce((sum, { active }) => sum + active, 0),
  inactive: servers.reduce((sum, { inactive }) => sum + inactive, 0),
  templates: servers.reduce((sum, { templates }) => sum + templates, 0),
})

function withShares(servers: readonly Omit<RealServerStatistics, 'share'>[]): RealServerStatistics[] {
  const rate = servers.reduce((sum, { perSecond }) => sum + perSecond.connections, 0)
  const active = servers.reduce((sum, server) => sum + server.active, 0)
  const share = (server: Omit<RealServerStatistics, 'share'>): number =>
    rate > 0 ? server.perSecond.connections / rate : active > 0 ? server.active / active : 0
  return servers.map((server) => ({ ...server, share: share(server) }))
}

/** The clients of each real server, by item and address. */
function clientsByServer(connections: readonly ListedConnection[]): Map<string, ReadonlySet<string>> {
  const clients = new Map<string, Set<string>>()
  for (const connection of connections) {
    const key = `${itemOfConnection(connection)} ${hostPort(connection.server, connection.serverPort)}`
    const known = clients.get(key) ?? new Set()
    clients.set(key, known.add(connection.client))
  }
  return clients
}

const itemOfConnection = ({ virtual, protocol }: ListedConnection): string =>
  'mark' in virtual || protocol === null ? itemOf(virtual as MarkedServer) : itemOf({ ...virtual, protocol })

function grouped(
  connections: readonly ListedConnection[],
  ownersOf: (key: VirtualServerKey | MarkedServer) => readonly string[],
): ConnectionGroup[] {
  const groups = new Map<string, ConnectionGroup>()
  for (const connection of connections) {
    const { virtual, protocol, client, state } = connection
    const server = hostPort(connection.server, connection.serverPort)
    const item = itemOfConnection(connection)
    const isTemplate = connection.clientPort === 0
    const key = `${item} ${client} ${server} ${state} ${isTemplate}`
    const servicePorts = 'mark' in virtual || protocol === null ? [] : ownersOf({ ...virtual, protocol })
    const count = (groups.get(key)?.count ?? 0) + 1
    groups.set(key, { item, servicePorts, client, server, state, isTemplate, count })
  }
  return [...groups.values()].sort((a, b) => b.count - a.count || (a.item < b.item ? -1 : 1))
}
