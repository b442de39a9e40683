import type { ProxyConfig } from '../config/types.ts'
import { formatNetwork, type Network, networkContains } from '../net/address.ts'
import type { Family } from '../net/family.ts'
import type { NodeFacts } from '../node/facts.ts'
import type { Detection, ExpectedSettings } from './promises.ts'

/** What a configuration asks of a node, stated on its own: addresses of node ports, and settings. */

/** The node's addresses on which it serves node ports: all, its first one, or those inside networks. */
export function servedAddresses(
  families: readonly Family[],
  { nodePortAddresses }: ProxyConfig,
  { addresses, primary }: Pick<NodeFacts, 'addresses' | 'primary'>,
): string[] {
  if (nodePortAddresses === 'primary') return families.flatMap((family) => primary[family] ?? [])
  const isServed = (address: string): boolean => {
    const isOfFamily = ({ family }: Network): boolean => (family === 'ipv6') === address.includes(':')
    const networks = nodePortAddresses.filter(isOfFamily)
    return networks.length === 0 || networks.some((network) => networkContains(network, address))
  }
  return addresses.filter(
    (address) => families.includes(address.includes(':') ? 'ipv6' : 'ipv4') && isServed(address),
  )
}

/** Settings without which the rules do not work, and those that the configuration names. */
export function expectedSettings(
  families: readonly Family[],
  config: ProxyConfig,
  { kernel, podCIDRs }: Pick<NodeFacts, 'kernel' | 'podCIDRs'>,
): ExpectedSettings {
  const { strictARP, conntrack, ipvsTimeouts, scheduler } = config
  const [major, minor] = kernel ?? [6, 0]
  const version = 1000 * major + minor
  const wanted: readonly (readonly [name: string, value: number, isWanted: boolean])[] = [
    ['net.ipv4.vs.conntrack', 1, true],
    ['net.ipv4.vs.expire_nodest_conn', 1, true],
    ['net.ipv4.vs.expire_quiescent_template', 1, true],
    ['net.ipv4.ip_forward', 1, true],
    ['net.ipv4.vs.conn_reuse_mode', 0, version >= 4001 && version < 5009],
    ['net.ipv4.conf.all.arp_ignore', 1, strictARP],
    ['net.ipv4.conf.all.arp_announce', 2, strictARP],
    ['net.ipv6.conf.all.forwarding', 1, families.includes('ipv6')],
    ['net.bridge.bridge-nf-call-iptables', 1, families.includes('ipv4')],
    ['net.bridge.bridge-nf-call-ip6tables', 1, families.includes('ipv6')],
    ...(
      [
        ['tcp_timeout_established', conntrack.tcpEstablishedTimeout],
        ['tcp_timeout_close_wait', conntrack.tcpCloseWaitTimeout],
        ['udp_timeout', conntrack.udpTimeout],
        ['udp_timeout_stream', conntrack.udpStreamTimeout],
        ['tcp_be_liberal', Number(conntrack.tcpBeLiberal)],
      ] as const
    ).map(([name, value]) => [`net.netfilter.nf_conntrack_${name}`, value, value > 0] as const),
  ]
  return {
    sysctls: Object.fromEntries(
      wanted.flatMap(([name, value, isWanted]) => (isWanted ? [[name, value]] : [])),
    ),
    ipvsTimeouts,
    scheduler,
    conntrack: { maxPerCore: conntrack.maxPerCore, min: conntrack.min },
    detection: detectionOf(config, podCIDRs),
  }
}

/** Of several networks of a family the first counts; a family without any has no detection. */
function detectionOf(
  { masqueradeAll, detectLocal, clusterCIDRs }: ProxyConfig,
  podCIDRs: readonly Network[],
): Detection[] {
  if (masqueradeAll) return [{ kind: 'all' }]
  if (detectLocal.mode === 'BridgeInterface')
    return detectLocal.interface === '' ? [] : [{ kind: 'interface', name: detectLocal.interface }]
  if (detectLocal.mode === 'InterfaceNamePrefix')
    return detectLocal.prefix === '' ? [] : [{ kind: 'interface', name: `${detectLocal.prefix}+` }]
  const networks = detectLocal.mode === 'NodeCIDR' ? podCIDRs : clusterCIDRs
  const firsts = (['ipv4', 'ipv6'] as const).flatMap(
    (family) => networks.find((one) => one.family === family) ?? [],
  )
  return firsts.length === 0 ? [] : [{ kind: 'network', networks: firsts.map(formatNetwork) }]
}
