import type { Activity, Overall } from '../formats/ipvsCounters.ts'
import type { MarkedServer } from '../formats/ipvsListing.ts'
import type { VirtualServerKey } from '../plan/keys.ts'

/** Lists of a node, by what prints each; `null`: it was not asked. */
export interface StatisticsListings {
  /** `ipvsadm -L -n --stats --exact` */
  readonly totals: string
  /** `ipvsadm -L -n --rate --exact` */
  readonly rates: string
  /** `ipvsadm -L -n --persistent-conn` */
  readonly load: string
  /** `ipvsadm -L -n -c` */
  readonly connections: string | null
  /** `/proc/net/ip_vs_stats` */
  readonly overall: string | null
}

export interface ServerStatistics {
  /** Since it was added. */
  readonly total: Activity
  /** By second, as the kernel estimates it over some seconds. */
  readonly perSecond: Activity
  readonly active: number
  readonly inactive: number
  /** Templates of persistence. */
  readonly templates: number
}

export interface RealServerStatistics extends ServerStatistics {
  readonly address: string
  readonly port: number
  readonly weight: number
  /** Of the load of its virtual server, 0 to 1: of new connections by second where there are some, of active ones otherwise. */
  readonly share: number
}

export interface VirtualServerStatistics extends ServerStatistics {
  /** `tcp 10.96.0.1:443`, or `mark 7`. */
  readonly item: string
  readonly key: VirtualServerKey | MarkedServer
  /** `namespace/name:port`, those that ask for it; none where nobody knows. */
  readonly servicePorts: readonly string[]
  readonly scheduler: string
  /** Seconds; `null`: none. */
  readonly persistence: number | null
  readonly realServers: readonly RealServerStatistics[]
  /** What should be looked at, in words. */
  readonly marks: readonly string[]
}

export interface Statistics {
  readonly version: 1
  readonly overall: Overall | null
  readonly virtualServers: readonly VirtualServerStatistics[]
  readonly connections: readonly ConnectionGroup[] | null
}

/** Connections of a client to a real server in one state. */
export interface ConnectionGroup {
  readonly item: string
  readonly servicePorts: readonly string[]
  readonly client: string
  readonly server: string
  readonly state: string
  /** Templates of persistence are counted apart: they are no connections. */
  readonly isTemplate: boolean
  readonly count: number
}
