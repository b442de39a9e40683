import type { Scheduler } from '../kernel/schedulers.ts'
import type { Network } from '../net/address.ts'

/** The part of a KubeProxyConfiguration that decides rules, with kube-proxy's defaults applied. */
export interface ProxyConfig {
  readonly scheduler: Scheduler
  readonly strictARP: boolean
  readonly masqueradeAll: boolean
  /** Bit of the packet mark that asks for masquerading, 0 to 31. */
  readonly masqueradeBit: number
  readonly clusterCIDRs: readonly Network[]
  /** `primary`: the node's primary addresses; otherwise those inside the networks. */
  readonly nodePortAddresses: 'primary' | readonly Network[]
  readonly detectLocal: DetectLocal
  readonly excludeCIDRs: readonly Network[]
  /** Overrides the node's primary address of its family; `null` when unspecified. */
  readonly bindAddress: string | null
  /** Seconds; 0 leaves a timeout as it is. */
  readonly ipvsTimeouts: { readonly tcp: number; readonly tcpFin: number; readonly udp: number }
  readonly conntrack: ConntrackConfig
}

export type DetectLocal =
  | { readonly mode: 'ClusterCIDR' }
  | { readonly mode: 'NodeCIDR' }
  | { readonly mode: 'BridgeInterface'; readonly interface: string }
  | { readonly mode: 'InterfaceNamePrefix'; readonly prefix: string }

/** Timeouts in seconds; 0 leaves a setting as it is. */
export interface ConntrackConfig {
  readonly maxPerCore: number
  readonly min: number
  readonly tcpEstablishedTimeout: number
  readonly tcpCloseWaitTimeout: number
  readonly udpTimeout: number
  readonly udpStreamTimeout: number
  readonly tcpBeLiberal: boolean
}

/** What kube-proxy does without any configuration. */
export const DEFAULT_CONFIG: ProxyConfig = {
  scheduler: 'rr',
  strictARP: false,
  masqueradeAll: false,
  masqueradeBit: 14,
  clusterCIDRs: [],
  nodePortAddresses: [],
  detectLocal: { mode: 'ClusterCIDR' },
  excludeCIDRs: [],
  bindAddress: null,
  ipvsTimeouts: { tcp: 0, tcpFin: 0, udp: 0 },
  conntrack: {
    maxPerCore: 32768,
    min: 131072,
    tcpEstablishedTimeout: 86400,
    tcpCloseWaitTimeout: 3600,
    udpTimeout: 0,
    udpStreamTimeout: 0,
    tcpBeLiberal: false,
  },
}
