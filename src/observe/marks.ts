import { hostPort } from '../plan/keys.ts'
import type { RealServerStatistics } from './types.ts'
import { formatSeconds } from './units.ts'

/** What should be looked at in a virtual server. */

/** Connections that a virtual server must have before one of its real servers can be said to have too many. */
const FEW_CONNECTIONS = 20
/** How many times its part, by weight, a real server may have. */
const UNEVEN = 2

interface Served {
  readonly persistence: number | null
  readonly realServers: readonly RealServerStatistics[]
}

/** In words, with what is known of why. `clientsOf` tells the clients of a real server; `null`: nobody asked. */
export function marksOf(
  { persistence, realServers }: Served,
  clientsOf: (server: string) => ReadonlySet<string> | null,
): string[] {
  const weighted = realServers.filter(({ weight }) => weight > 0)
  if (realServers.length === 0) return ['no real server: connections are refused']
  if (weighted.length === 0) return ['all real servers are at weight 0: new connections are refused']
  const draining = realServers.filter((server) => server.weight === 0)
  const open = draining.reduce((sum, { active, inactive }) => sum + active + inactive, 0)
  return [
    ...(draining.length === 0 ? [] : [`${draining.length} drain: ${open} connections are left`]),
    ...uneven(weighted, persistence, clientsOf),
  ]
}

function uneven(
  servers: readonly RealServerStatistics[],
  persistence: number | null,
  clientsOf: (server: string) => ReadonlySet<string> | null,
): string[] {
  const connections = servers.reduce((sum, { active, perSecond }) => sum + active + perSecond.connections, 0)
  const weight = servers.reduce((sum, server) => sum + server.weight, 0)
  if (servers.length < 2 || connections < FEW_CONNECTIONS) return []
  return servers
    .filter(({ share, weight: own }) => share > Math.min(UNEVEN * (own / weight), (1 + own / weight) / 2))
    .map(({ address, port, share }) => {
      const server = hostPort(address, port)
      const clients = clientsOf(server)
      const reasons = [
        ...(persistence === null ? [] : [`persistence ${formatSeconds(persistence)}`]),
        ...(clients === null ? [] : [clients.size === 1 ? '1 client' : `${clients.size} clients`]),
      ]
      const why = reasons.length === 0 ? '' : ` (${reasons.join(': ')})`
      return `uneven: ${Math.round(share * 100)} % on one of ${servers.length}, ${server}${why}`
    })
}
