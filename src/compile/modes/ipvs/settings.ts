import type { ProxyConfig } from '../../../config/types.ts'
import type { Scheduler } from '../../../kernel/schedulers.ts'
import type { Family } from '../../../net/family.ts'
import type { NodeFacts } from '../../../node/facts.ts'
import { compareText } from '../../../order.ts'
import type { Conntrack, IpvsTimeouts, Sysctl } from '../../../plan/types.ts'

/** What a sysctl comes from, beside its value. */
export interface SettingField {
  readonly sysctl: Sysctl
  /** The configuration field that asks for it, or why it is always there. */
  readonly field: string
}

export interface SettingsContext {
  readonly config: ProxyConfig
  readonly node: NodeFacts
  readonly families: readonly Family[]
  /** Whether prerequisites of the node's owner are set too, or only checked. */
  readonly prerequisites: 'check' | 'set'
}

/** The reason of what every node in IPVS mode has. */
export const ALWAYS = 'IPVS mode'

/** Section 8 of the semantics, ordered by name. */
export function buildSysctls(context: SettingsContext): SettingField[] {
  const { config, families, prerequisites } = context
  const set = (name: string, value: number, field: string): SettingField => ({
    sysctl: { name, value, action: 'set' },
    field,
  })
  const prerequisite = (name: string, field: string): SettingField => ({
    sysctl: { name, value: 1, action: prerequisites },
    field,
  })
  return [
    set('net.ipv4.vs.conntrack', 1, ALWAYS),
    set('net.ipv4.vs.expire_nodest_conn', 1, ALWAYS),
    set('net.ipv4.vs.expire_quiescent_template', 1, ALWAYS),
    set('net.ipv4.ip_forward', 1, ALWAYS),
    ...(needsNoConnReuse(context.node)
      ? [set('net.ipv4.vs.conn_reuse_mode', 0, 'status.nodeInfo.kernelVersion')]
      : []),
    ...(config.strictARP
      ? [
          set('net.ipv4.conf.all.arp_ignore', 1, 'ipvs.strictARP'),
          set('net.ipv4.conf.all.arp_announce', 2, 'ipvs.strictARP'),
        ]
      : []),
    ...conntrackSysctls(config, set),
    ...(families.includes('ipv6') ? [prerequisite('net.ipv6.conf.all.forwarding', 'IPv6 is served')] : []),
    ...(families.includes('ipv4') ? [prerequisite('net.bridge.bridge-nf-call-iptables', BRIDGED_PODS)] : []),
    ...(families.includes('ipv6') ? [prerequisite('net.bridge.bridge-nf-call-ip6tables', BRIDGED_PODS)] : []),
  ].sort((a, b) => compareText(a.sysctl.name, b.sysctl.name))
}

const BRIDGED_PODS = 'pods on a Linux bridge'

/** Before 5.9, reusing a connection's port costs a second; from 4.1 on it can be switched off. */
export const needsNoConnReuse = ({ kernel }: NodeFacts): boolean =>
  kernel !== null && !isBefore(kernel, 4, 1) && isBefore(kernel, 5, 9)

export const isBefore = (
  [major, minor]: readonly [number, number],
  otherMajor: number,
  otherMinor: number,
): boolean => major < otherMajor || (major === otherMajor && minor < otherMinor)

function conntrackSysctls(
  { conntrack }: ProxyConfig,
  set: (name: string, value: number, field: string) => SettingField,
): SettingField[] {
  const rows = [
    ['tcp_timeout_established', conntrack.tcpEstablishedTimeout, 'tcpEstablishedTimeout'],
    ['tcp_timeout_close_wait', conntrack.tcpCloseWaitTimeout, 'tcpCloseWaitTimeout'],
    ['udp_timeout', conntrack.udpTimeout, 'udpTimeout'],
    ['udp_timeout_stream', conntrack.udpStreamTimeout, 'udpStreamTimeout'],
    ['tcp_be_liberal', Number(conntrack.tcpBeLiberal), 'tcpBeLiberal'],
  ] as const
  return rows
    .filter(([, value]) => value > 0)
    .map(([name, value, field]) => set(`net.netfilter.nf_conntrack_${name}`, value, `conntrack.${field}`))
}

/** The kernel keeps the size of its table in 32 bits. */
const LARGEST_SETTING = 2 ** 31 - 1

export function buildConntrack({ conntrack }: ProxyConfig, { cores }: NodeFacts): Conntrack {
  const { maxPerCore, min } = conntrack
  if (maxPerCore === 0) return { maxPerCore, min, max: 0 }
  return {
    maxPerCore,
    min,
    max: cores === null ? null : Math.min(Math.max(maxPerCore * cores, min), LARGEST_SETTING),
  }
}

export function buildIpvsTimeouts({ ipvsTimeouts }: ProxyConfig): IpvsTimeouts | null {
  const { tcp, tcpFin, udp } = ipvsTimeouts
  return tcp > 0 || tcpFin > 0 || udp > 0 ? { tcp, tcpFin, udp } : null
}

/** Modules that do not load by themselves: IPVS, each scheduler in use, connection tracking. */
export function buildModules(schedulers: ReadonlySet<Scheduler>): string[] {
  return [
    'ip_vs',
    ...[...schedulers].sort(compareText).map((scheduler) => `ip_vs_${scheduler}`),
    'nf_conntrack',
  ]
}
