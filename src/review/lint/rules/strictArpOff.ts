import { familyOf } from '../../../net/address.ts'
import { externalAddresses } from '../addresses.ts'
import { hasLabel } from '../pods.ts'
import type { StateRule } from '../types.ts'

export const strictArpOff: StateRule = {
  on: 'state',
  code: 'STRICT_ARP_OFF',
  severity: 'warning',
  title: "ipvs.strictARP is off, and something may announce load balancer addresses in the nodes' network.",
  why: 'Every node answers ARP for addresses that it binds, so that clients reach any node instead of the one that announces the address.',
  source: 'https://metallb.io/installation/#preparation',
  mend: 'Set ipvs.strictARP: true in the KubeProxyConfiguration.',
  check: ({ ports, config, configuration, pods }) => {
    if (config.strictARP || !(pods === null || pods.some(({ object }) => hasLabel(object, ANNOUNCERS))))
      return []
    const addresses = new Set(
      externalAddresses(ports)
        .filter(({ by, address }) => by === 'load balancer address' && familyOf(address) === 'ipv4')
        .map(({ address }) => address),
    )
    if (addresses.size === 0) return []
    return [
      {
        message: `Every node answers ARP for ${addresses.size} load balancer ${addresses.size === 1 ? 'address' : 'addresses'}.`,
        subject: null,
        origin: configuration?.origin ?? null,
        path: configuration === null ? [] : ['ipvs', 'strictARP'],
        service: null,
      },
    ]
  },
}

/** Programs that announce addresses by ARP. */
const ANNOUNCERS: ReadonlySet<string> = new Set([
  'metallb',
  'speaker',
  'kube-vip',
  'kube-vip-ds',
  'openelb',
  'purelb',
  'lbnodeagent',
])
