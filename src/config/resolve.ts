import { type Diagnostic, diagnostic, excerpt, type JsonPath } from '../diagnostics/diagnostics.ts'
import { SCHEDULERS, type Scheduler } from '../kernel/schedulers.ts'
import type { Sourced } from '../kube/cluster.ts'
import type { KubeProxyConfiguration } from '../kube/types.ts'
import { canonicalAddress, type Network, parseNetwork, specialUse } from '../net/address.ts'
import { parseDuration } from './duration.ts'
import { DEFAULT_CONFIG, type DetectLocal, type ProxyConfig } from './types.ts'

type Configuration = KubeProxyConfiguration

/** Reads one field's text, or reports what was expected instead. */
type Parse<T> = (text: string, path: JsonPath, expected: string) => T | null

/** Applies kube-proxy's defaults. A value that cannot be used is an error, and its default stands in. */
export function resolveConfig(
  source: Sourced<Configuration>,
  report: (diagnostic: Diagnostic) => void,
): ProxyConfig {
  const { object, origin } = source
  const refuse = (
    path: JsonPath,
    found: unknown,
    expected: string,
    code: 'CONFIG_VALUE' | 'SCHEDULER_UNKNOWN',
  ) =>
    report(
      diagnostic({
        code,
        severity: 'error',
        message: `${path.join('.')} must be ${expected}.`,
        subject: CONFIG_REF,
        path,
        found: excerpt(found),
        expected,
        origin,
      }),
    )

  const reading =
    <T>(parse: (text: string) => T | null): Parse<T> =>
    (text, path, expected) => {
      const value = parse(text)
      if (value === null) refuse(path, text, expected, 'CONFIG_VALUE')
      return value
    }
  const network = reading(parseNetwork)
  const seconds = reading(wholeSeconds)
  const interfaceName = reading((text) => (isInterfaceName(text) ? text : null))

  const networks = (texts: readonly string[], path: JsonPath): Network[] =>
    texts.flatMap(
      (text, index) => network(text.trim(), [...path, index], 'a network such as 10.0.0.0/8') ?? [],
    )
  const timeout = (text: string | null | undefined, path: JsonPath, absent: number): number =>
    text === null || text === undefined || text === ''
      ? absent
      : (seconds(text, path, 'a duration of whole seconds, such as 15m or 0s') ?? absent)

  const scheduler = (): Scheduler => {
    const name = object.ipvs?.scheduler || DEFAULT_CONFIG.scheduler
    if (isScheduler(name)) return name
    refuse(['ipvs', 'scheduler'], name, `one of ${SCHEDULERS.join(', ')}`, 'SCHEDULER_UNKNOWN')
    return DEFAULT_CONFIG.scheduler
  }

  const detectLocal = (): DetectLocal => {
    const mode = object.detectLocalMode || 'ClusterCIDR'
    const { bridgeInterface, interfaceNamePrefix } = object.detectLocal ?? {}
    const name = 'an interface name of at most 15 characters'
    if (mode === 'BridgeInterface') {
      const bridge = bridgeInterface
        ? interfaceName(bridgeInterface, ['detectLocal', 'bridgeInterface'], name)
        : ''
      return { mode, interface: bridge ?? '' }
    }
    if (mode === 'InterfaceNamePrefix') {
      const prefix = interfaceNamePrefix
        ? interfaceName(
            `${interfaceNamePrefix}+`,
            ['detectLocal', 'interfaceNamePrefix'],
            'the first characters of interface names, at most 14',
          )
        : null
      return { mode, prefix: prefix === null ? '' : (interfaceNamePrefix ?? '') }
    }
    return { mode }
  }

  const nodePortAddresses = (): ProxyConfig['nodePortAddresses'] => {
    const texts = object.nodePortAddresses ?? []
    return texts.length === 1 && texts[0] === 'primary' ? 'primary' : networks(texts, ['nodePortAddresses'])
  }

  const bindAddress = (): string | null => {
    if (!object.bindAddress) return null
    const address = canonicalAddress(object.bindAddress)
    if (address === null) refuse(['bindAddress'], object.bindAddress, 'an IP address', 'CONFIG_VALUE')
    return address === null || specialUse(address) === 'unspecified' ? null : address
  }

  const { ipvs, iptables, conntrack } = object
  const absent = DEFAULT_CONFIG.conntrack
  return {
    scheduler: scheduler(),
    strictARP: ipvs?.strictARP ?? DEFAULT_CONFIG.strictARP,
    masqueradeAll: iptables?.masqueradeAll ?? DEFAULT_CONFIG.masqueradeAll,
    masqueradeBit: iptables?.masqueradeBit ?? DEFAULT_CONFIG.masqueradeBit,
    clusterCIDRs: (object.clusterCIDR || '')
      .split(',')
      .filter((text) => text.trim() !== '')
      .flatMap(
        (text) =>
          network(text.trim(), ['clusterCIDR'], 'networks such as 10.244.0.0/16, joined by commas') ?? [],
      ),
    nodePortAddresses: nodePortAddresses(),
    detectLocal: detectLocal(),
    excludeCIDRs: networks(ipvs?.excludeCIDRs ?? [], ['ipvs', 'excludeCIDRs']),
    bindAddress: bindAddress(),
    ipvsTimeouts: {
      tcp: timeout(ipvs?.tcpTimeout, ['ipvs', 'tcpTimeout'], 0),
      tcpFin: timeout(ipvs?.tcpFinTimeout, ['ipvs', 'tcpFinTimeout'], 0),
      udp: timeout(ipvs?.udpTimeout, ['ipvs', 'udpTimeout'], 0),
    },
    conntrack: {
      maxPerCore: conntrack?.maxPerCore ?? absent.maxPerCore,
      min: conntrack?.min ?? absent.min,
      tcpEstablishedTimeout: timeout(
        conntrack?.tcpEstablishedTimeout,
        ['conntrack', 'tcpEstablishedTimeout'],
        absent.tcpEstablishedTimeout,
      ),
      tcpCloseWaitTimeout: timeout(
        conntrack?.tcpCloseWaitTimeout,
        ['conntrack', 'tcpCloseWaitTimeout'],
        absent.tcpCloseWaitTimeout,
      ),
      udpTimeout: timeout(conntrack?.udpTimeout, ['conntrack', 'udpTimeout'], absent.udpTimeout),
      udpStreamTimeout: timeout(
        conntrack?.udpStreamTimeout,
        ['conntrack', 'udpStreamTimeout'],
        absent.udpStreamTimeout,
      ),
      tcpBeLiberal: conntrack?.tcpBeLiberal ?? absent.tcpBeLiberal,
    },
  }
}

const CONFIG_REF = { kind: 'KubeProxyConfiguration', namespace: null, name: 'config' }

export const isScheduler = (name: string): name is Scheduler =>
  (SCHEDULERS as readonly string[]).includes(name)

/** Linux allows more; these characters need no quoting anywhere. A trailing `+` is iptables' wildcard. */
const isInterfaceName = (name: string): boolean =>
  /^[A-Za-z0-9_][A-Za-z0-9_.:@-]{0,13}([A-Za-z0-9_.:@-]|\+)?$/.test(name)

/** kube-proxy cuts fractions of a second off; negative durations are refused. */
function wholeSeconds(text: string): number | null {
  const seconds = parseDuration(text)
  return seconds === null || seconds < 0 || seconds > 2 ** 31 - 1 ? null : Math.floor(seconds)
}
