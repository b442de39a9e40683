import type { Diagnostic } from '../diagnostics/diagnostics.ts'
import { SCHEDULERS, type Scheduler } from '../kernel/schedulers.ts'
import type { Sourced } from '../kube/cluster.ts'
import type { KubeProxyConfiguration } from '../kube/types.ts'
import { type Network, specialUse } from '../net/address.ts'
import { Fields } from './fields.ts'
import { DEFAULT_CONFIG, type DetectLocal, type ProxyConfig } from './types.ts'

type Configuration = KubeProxyConfiguration

/** Applies kube-proxy's defaults. A value that cannot be used is an error, and its default stands in. */
export function resolveConfig(
  { object, origin }: Sourced<Configuration>,
  report: (diagnostic: Diagnostic) => void,
): ProxyConfig {
  const fields = new Fields(origin, report)
  const { ipvs, iptables } = object
  return {
    scheduler: schedulerOf(object, fields),
    strictARP: ipvs?.strictARP ?? DEFAULT_CONFIG.strictARP,
    masqueradeAll: iptables?.masqueradeAll ?? DEFAULT_CONFIG.masqueradeAll,
    masqueradeBit: iptables?.masqueradeBit ?? DEFAULT_CONFIG.masqueradeBit,
    clusterCIDRs: clusterCIDRsOf(object, fields),
    nodePortAddresses: nodePortAddressesOf(object, fields),
    detectLocal: detectLocalOf(object, fields),
    excludeCIDRs: fields.networks(ipvs?.excludeCIDRs ?? [], ['ipvs', 'excludeCIDRs']),
    bindAddress: bindAddressOf(object, fields),
    ipvsTimeouts: {
      tcp: fields.timeout(ipvs?.tcpTimeout, ['ipvs', 'tcpTimeout'], 0),
      tcpFin: fields.timeout(ipvs?.tcpFinTimeout, ['ipvs', 'tcpFinTimeout'], 0),
      udp: fields.timeout(ipvs?.udpTimeout, ['ipvs', 'udpTimeout'], 0),
    },
    conntrack: conntrackOf(object, fields),
  }
}

function schedulerOf({ ipvs }: Configuration, fields: Fields): Scheduler {
  const name = ipvs?.scheduler || DEFAULT_CONFIG.scheduler
  if (isScheduler(name)) return name
  fields.refuse(['ipvs', 'scheduler'], name, `one of ${SCHEDULERS.join(', ')}`, 'SCHEDULER_UNKNOWN')
  return DEFAULT_CONFIG.scheduler
}

function clusterCIDRsOf({ clusterCIDR }: Configuration, fields: Fields): Network[] {
  const texts = (clusterCIDR || '').split(',').filter((text) => text.trim() !== '')
  const expected = 'networks such as 10.244.0.0/16, joined by commas'
  return texts.flatMap((text) => fields.network(text.trim(), ['clusterCIDR'], expected) ?? [])
}

function nodePortAddressesOf(
  { nodePortAddresses }: Configuration,
  fields: Fields,
): ProxyConfig['nodePortAddresses'] {
  const texts = nodePortAddresses ?? []
  if (texts.length === 1 && texts[0] === 'primary') return 'primary'
  return fields.networks(texts, ['nodePortAddresses'])
}

function detectLocalOf({ detectLocalMode, detectLocal }: Configuration, fields: Fields): DetectLocal {
  const mode = detectLocalMode || 'ClusterCIDR'
  const { bridgeInterface, interfaceNamePrefix } = detectLocal ?? {}
  if (mode === 'BridgeInterface') {
    const path = ['detectLocal', 'bridgeInterface']
    const expected = 'an interface name of at most 15 characters'
    return {
      mode,
      interface: bridgeInterface ? (fields.interfaceName(bridgeInterface, path, expected) ?? '') : '',
    }
  }
  if (mode !== 'InterfaceNamePrefix') return { mode }
  const path = ['detectLocal', 'interfaceNamePrefix']
  const expected = 'the first characters of interface names, at most 14'
  if (!interfaceNamePrefix || fields.interfaceName(`${interfaceNamePrefix}+`, path, expected) === null)
    return { mode, prefix: '' }
  return { mode, prefix: interfaceNamePrefix }
}

/** `null`: all addresses of the node, which an unspecified one means, too. */
function bindAddressOf({ bindAddress }: Configuration, fields: Fields): string | null {
  if (!bindAddress) return null
  const address = fields.address(bindAddress, ['bindAddress'])
  return address === null || specialUse(address) === 'unspecified' ? null : address
}

function conntrackOf({ conntrack }: Configuration, fields: Fields): ProxyConfig['conntrack'] {
  const absent = DEFAULT_CONFIG.conntrack
  const timeout = (name: Timeout): number =>
    fields.timeout(conntrack?.[name], ['conntrack', name], absent[name])
  return {
    maxPerCore: conntrack?.maxPerCore ?? absent.maxPerCore,
    min: conntrack?.min ?? absent.min,
    tcpEstablishedTimeout: timeout('tcpEstablishedTimeout'),
    tcpCloseWaitTimeout: timeout('tcpCloseWaitTimeout'),
    udpTimeout: timeout('udpTimeout'),
    udpStreamTimeout: timeout('udpStreamTimeout'),
    tcpBeLiberal: conntrack?.tcpBeLiberal ?? absent.tcpBeLiberal,
  }
}

type Timeout = 'tcpEstablishedTimeout' | 'tcpCloseWaitTimeout' | 'udpTimeout' | 'udpStreamTimeout'

export const isScheduler = (name: string): name is Scheduler =>
  SCHEDULERS.some((scheduler) => scheduler === name)
