import { SET_DEFINITIONS, type SetName } from '../../kernel/sets.ts'
import type { IpSet, Match, Rule, Sysctl, Target } from '../../plan/types.ts'
import type { Item } from './items.ts'

/** Why IPVS mode has an item at all, in words. `null`: it is none that IPVS mode has. */
export function reasonOf(item: Item): string | null {
  switch (item.kind) {
    case 'virtualServer':
      return 'each address and port of a Service is a virtual server, and each node address of a node port'
    case 'realServer':
      return 'each endpoint that may answer is a real server, reached by masquerading'
    case 'address':
      return 'IPVS takes only what is for a local address, so each address of a Service is bound to the dummy interface, unless another interface has it'
    case 'interface':
      return 'it holds the addresses of Services, and is left down: they are local all the same'
    case 'set':
      return setReason(item.set)
    case 'entry':
      return setReason(item.set)
    case 'chain':
      return CHAINS[`${item.table} ${item.chain.name}`] ?? null
    case 'jump':
      return JUMPS[`${item.jump.from} ${item.jump.to}`] ?? null
    case 'rule':
      return ruleReason(item.chain.name, item.rule)
    case 'setting':
      return settingReason(item.sysctl)
    case 'conntrack':
      return 'each connection to a Service is tracked: the table has to hold them all'
    case 'timeouts':
      return 'how long IPVS remembers idle connections, where the configuration says it'
    case 'module':
      return moduleReason(item.name)
  }
}

/** The definition of a set, whose family only shows in its name. */
export const setDefinition = (name: string): SetName | null =>
  SET_DEFINITIONS.find((definition) => isNamed(name, definition.name))?.name ?? null

const isNamed = (name: string, definition: string): boolean =>
  name === definition || name === definition.replace(/^KUBE-/, 'KUBE-6-').slice(0, 31)

const setReason = ({ name }: IpSet): string | null => {
  const definition = setDefinition(name)
  return definition === null ? null : SETS[definition]
}

const SETS: Readonly<Record<SetName, string>> = {
  'KUBE-LOOP-BACK':
    'each endpoint on this node, ready or not: a pod that is chosen as its own server has to see another source than itself',
  'KUBE-CLUSTER-IP': 'each cluster IP and port: whose clients may need masquerading, and which are let in',
  'KUBE-EXTERNAL-IP':
    'each external IP and port under externalTrafficPolicy Cluster: its clients are masqueraded',
  'KUBE-EXTERNAL-IP-LOCAL':
    'each external IP and port under externalTrafficPolicy Local: servers see its clients',
  'KUBE-LOAD-BALANCER': 'each load balancer address and port: it is let in, and masqueraded under Cluster',
  'KUBE-LOAD-BALANCER-LOCAL':
    'each load balancer address and port under externalTrafficPolicy Local: servers see its clients',
  'KUBE-LOAD-BALANCER-FW':
    'each load balancer address and port with loadBalancerSourceRanges: only these may ask it',
  'KUBE-LOAD-BALANCER-SOURCE-IP':
    'a load balancer address whose source ranges hold the address of the node: the node itself asks from it',
  'KUBE-LOAD-BALANCER-SOURCE-CIDR': 'each source range of a load balancer address and port',
  'KUBE-NODE-PORT-TCP': 'each TCP node port: its clients are masqueraded',
  'KUBE-NODE-PORT-LOCAL-TCP': 'each TCP node port under externalTrafficPolicy Local: servers see its clients',
  'KUBE-NODE-PORT-UDP': 'each UDP node port: its clients are masqueraded',
  'KUBE-NODE-PORT-LOCAL-UDP': 'each UDP node port under externalTrafficPolicy Local: servers see its clients',
  'KUBE-NODE-PORT-SCTP-HASH': 'each SCTP node port at each address of the node: its clients are masqueraded',
  'KUBE-NODE-PORT-LOCAL-SCTP-HASH':
    'each SCTP node port under externalTrafficPolicy Local: servers see its clients',
  'KUBE-HEALTH-CHECK-NODE-PORT': 'each healthCheckNodePort: load balancers ask it which nodes have endpoints',
  'KUBE-IPVS-IPS': 'each address on the dummy interface: its other ports are refused',
}

const CHAINS: Readonly<Record<string, string>> = {
  'nat KUBE-SERVICES': 'sorts what is for a Service by the kind of its address',
  'nat KUBE-POSTROUTING': 'gives what was marked, and hairpin traffic, the address of the node as source',
  'nat KUBE-NODE-PORT': 'marks what is for a node port',
  'nat KUBE-LOAD-BALANCER': "marks what is for a load balancer's address under externalTrafficPolicy Cluster",
  'nat KUBE-MARK-MASQ': 'puts the mark on that KUBE-POSTROUTING asks for',
  'filter KUBE-FORWARD': 'lets traffic of Services through where forwarding is dropped by default',
  'filter KUBE-NODE-PORT': 'lets health checks in',
  'filter KUBE-PROXY-FIREWALL': 'sends what is for an address with source ranges to them',
  'filter KUBE-SOURCE-RANGES-FIREWALL': 'drops what comes from no source range',
  'filter KUBE-IPVS-FILTER': 'refuses ports of Service addresses that no Service has',
  'filter KUBE-IPVS-OUT-FILTER':
    'drops what the node itself sends to an address whose source ranges leave it out',
}

const JUMPS: Readonly<Record<string, string>> = {
  'PREROUTING KUBE-SERVICES': 'all that comes to the node may be for a Service',
  'OUTPUT KUBE-SERVICES': 'all that the node sends may be for a Service',
  'POSTROUTING KUBE-POSTROUTING': 'a source is rewritten as a packet leaves',
  'INPUT KUBE-IPVS-FILTER': 'IPVS takes what comes by INPUT, so ports without a Service are refused here',
  'INPUT KUBE-PROXY-FIREWALL': 'IPVS takes what comes by INPUT, so source ranges are asked here',
  'INPUT KUBE-NODE-PORT': 'health checks are for a program of the node',
  'FORWARD KUBE-PROXY-FIREWALL': 'source ranges hold for what is forwarded, too',
  'FORWARD KUBE-FORWARD': 'traffic of Services is let through before other rules',
  'OUTPUT KUBE-IPVS-OUT-FILTER': 'what the node sends has been through IPVS when it comes here',
}

/** What a rule does: its chain, the set or the kind of its first match, its target; the first that fits. */
const RULES: readonly (readonly [chain: string, match: string, target: string, why: string])[] = [
  ['KUBE-SERVICES', 'source', 'RETURN', 'what comes from loopback cannot be masqueraded and is passed over'],
  ['KUBE-SERVICES', 'KUBE-LOAD-BALANCER', 'KUBE-LOAD-BALANCER', "clients of a load balancer's address"],
  [
    'KUBE-SERVICES',
    'KUBE-CLUSTER-IP',
    'KUBE-MARK-MASQ',
    'clients of a cluster IP whose answer would not come back through this node: all with masqueradeAll, those that are not local where detectLocalMode can tell, else the node itself',
  ],
  ['KUBE-SERVICES', 'KUBE-EXTERNAL-IP', 'KUBE-MARK-MASQ', 'clients of an external IP are masqueraded'],
  [
    'KUBE-SERVICES',
    'KUBE-EXTERNAL-IP physdevIsIn',
    'ACCEPT',
    'from outside: no other rule of nat may change it',
  ],
  ['KUBE-SERVICES', 'KUBE-EXTERNAL-IP', 'ACCEPT', 'to an address of the node: no other rule may change it'],
  [
    'KUBE-SERVICES',
    'KUBE-EXTERNAL-IP-LOCAL physdevIsIn',
    'ACCEPT',
    'from outside, under Local: it keeps its source',
  ],
  [
    'KUBE-SERVICES',
    'KUBE-EXTERNAL-IP-LOCAL',
    'ACCEPT',
    'to an address of the node, under Local: it keeps its source',
  ],
  ['KUBE-SERVICES', 'addressType', 'KUBE-NODE-PORT', 'what is for a local address may be for a node port'],
  ['KUBE-SERVICES', 'KUBE-CLUSTER-IP', 'ACCEPT', 'no later rule of nat may change what is for a cluster IP'],
  [
    'KUBE-SERVICES',
    'KUBE-LOAD-BALANCER',
    'ACCEPT',
    "no later rule of nat may change what is for a load balancer's address",
  ],
  [
    'KUBE-POSTROUTING',
    'KUBE-LOOP-BACK',
    'MASQUERADE',
    'a pod that is its own server has to see the node, or it would answer itself',
  ],
  ['KUBE-POSTROUTING', 'mark', 'RETURN', 'what has no mark keeps its source'],
  ['KUBE-POSTROUTING', '', 'MARK', 'the mark is taken off, so that what is sent through again has none'],
  ['KUBE-POSTROUTING', '', 'MASQUERADE', 'what was marked gets the address of the node as its source'],
  [
    'KUBE-NODE-PORT',
    'KUBE-NODE-PORT-LOCAL',
    'RETURN',
    'under externalTrafficPolicy Local servers see clients',
  ],
  ['KUBE-NODE-PORT', 'KUBE-NODE-PORT', 'KUBE-MARK-MASQ', 'clients of a node port are masqueraded'],
  ['KUBE-NODE-PORT', 'KUBE-HEALTH-CHECK-NODE-PORT', 'ACCEPT', 'health checks are let in'],
  [
    'KUBE-LOAD-BALANCER',
    'KUBE-LOAD-BALANCER-LOCAL',
    'RETURN',
    'under externalTrafficPolicy Local servers see clients',
  ],
  ['KUBE-LOAD-BALANCER', '', 'KUBE-MARK-MASQ', 'other clients of load balancer addresses are masqueraded'],
  ['KUBE-MARK-MASQ', '', 'MARK', 'the mark that KUBE-POSTROUTING asks for'],
  ['KUBE-FORWARD', 'mark', 'ACCEPT', 'what is marked is for a Service'],
  ['KUBE-FORWARD', 'conntrackState', 'ACCEPT', 'answers, and what belongs to a connection, are let through'],
  [
    'KUBE-PROXY-FIREWALL',
    'KUBE-LOAD-BALANCER-FW',
    'KUBE-SOURCE-RANGES-FIREWALL',
    'addresses with source ranges are asked for by these alone',
  ],
  ['KUBE-SOURCE-RANGES-FIREWALL', 'KUBE-LOAD-BALANCER-SOURCE-CIDR', 'RETURN', 'a source range lets it in'],
  ['KUBE-SOURCE-RANGES-FIREWALL', 'KUBE-LOAD-BALANCER-SOURCE-IP', 'RETURN', 'the node itself may ask'],
  ['KUBE-SOURCE-RANGES-FIREWALL', '', 'DROP', 'what no source range let in is dropped'],
  [
    'KUBE-IPVS-FILTER',
    'KUBE-IPVS-IPS',
    'REJECT',
    'a port of a Service address that no Service has is refused',
  ],
  ['KUBE-IPVS-FILTER', 'KUBE-HEALTH-CHECK-NODE-PORT', 'RETURN', 'health checks may ask at any address'],
  ['KUBE-IPVS-FILTER', 'KUBE-', 'RETURN', 'what a Service has is let in'],
  [
    'KUBE-IPVS-OUT-FILTER',
    'source',
    'DROP',
    'its source ranges hold no address of the node, so the node itself may not ask',
  ],
]

function ruleReason(chain: string, { matches, target }: Rule): string | null {
  const set = matches.find((match): match is SetMatch => match.kind === 'set')
  const base = set === undefined ? (matches[0]?.kind ?? '') : (setDefinition(set.set) ?? set.set)
  const match = matches.some(({ kind }) => kind === 'physdevIsIn') ? `${base} physdevIsIn` : base
  const found = RULES.find(
    ([place, wanted, leads]) =>
      place === chain && leads === targetName(target) && (wanted === match || isPrefix(wanted, match)),
  )
  return found?.[3] ?? null
}

type SetMatch = Extract<Match, { kind: 'set' }>

/** Names of several sets that rules treat alike. */
const isPrefix = (wanted: string, match: string): boolean =>
  ['KUBE-', 'KUBE-NODE-PORT', 'KUBE-NODE-PORT-LOCAL'].includes(wanted) && match.startsWith(wanted)

const targetName = (target: Target): string =>
  target.kind === 'jump' ? target.chain : target.kind.toUpperCase()

const SETTINGS: Readonly<Record<string, string>> = {
  'net.ipv4.vs.conntrack': 'without connection tracking IPVS traffic is not masqueraded',
  'net.ipv4.vs.expire_nodest_conn': 'connections to a real server that is gone end at once',
  'net.ipv4.vs.expire_quiescent_template': 'affinity ends where its real server takes no more connections',
  'net.ipv4.ip_forward': 'the node sends on what its pods and clients send',
  'net.ipv4.vs.conn_reuse_mode': 'on this kernel a client port that comes again would wait for a second',
  'net.ipv4.conf.all.arp_ignore': 'strictARP: the node answers ARP only for what is on the asked interface',
  'net.ipv4.conf.all.arp_announce': 'strictARP: the node announces no address of a Service',
  'net.ipv6.conf.all.forwarding': 'the node sends on IPv6 packets; it belongs to the owner of the node',
  'net.bridge.bridge-nf-call-iptables':
    'answers between pods of one bridge come through the rules; it belongs to the owner of the node',
  'net.bridge.bridge-nf-call-ip6tables':
    'answers between pods of one bridge come through the rules; it belongs to the owner of the node',
}

const settingReason = ({ name }: Sysctl): string | null =>
  SETTINGS[name] ?? (name.startsWith('net.netfilter.') ? 'as the configuration has it' : null)

function moduleReason(name: string): string {
  if (name === 'ip_vs') return 'IPVS itself'
  return name === 'nf_conntrack'
    ? 'masquerading needs connection tracking'
    : `the scheduler ${name.replace('ip_vs_', '')} is in use`
}
