import type { Protocol } from '../../../kernel/protocols.ts'
import { kernelSetName, SET_DEFINITIONS, type SetName } from '../../../kernel/sets.ts'
import { formatNetwork, hostLength } from '../../../net/address.ts'
import type { Family } from '../../../net/family.ts'
import type { LocalDetector } from '../../../node/facts.ts'
import type { Chain, Jump, Match, Rule, Table, Target } from '../../../plan/types.ts'

/** What the rules of one family depend on besides which sets hold entries. */
export interface TableContext {
  readonly family: Family
  /** Names of the sets that hold entries. */
  readonly filled: readonly string[]
  readonly masqueradeAll: boolean
  readonly masqueradeBit: number
  readonly detector: LocalDetector | null
  /** VIPs with source ranges that leave the node itself out: their answers to the node are dropped. */
  readonly closedToNode: readonly ClosedVIP[]
}

export interface ClosedVIP {
  readonly address: string
  readonly protocol: Protocol
  readonly port: number
}

/** Sections 5 and 6 of the semantics: nat, then filter. */
export function buildTables(context: TableContext): Table[] {
  const { family } = context
  const rules = ruleBuilder(context)
  return [
    { family, name: 'nat', chains: natChains(context, rules), jumps: NAT_JUMPS },
    { family, name: 'filter', chains: filterChains(context, rules), jumps: FILTER_JUMPS },
  ]
}

/** From the top of each built-in chain. */
const NAT_JUMPS: readonly Jump[] = [
  { from: 'PREROUTING', to: 'KUBE-SERVICES', comment: 'kubernetes service portals' },
  { from: 'OUTPUT', to: 'KUBE-SERVICES', comment: 'kubernetes service portals' },
  { from: 'POSTROUTING', to: 'KUBE-POSTROUTING', comment: 'kubernetes postrouting rules' },
]

const FILTER_JUMPS: readonly Jump[] = [
  { from: 'INPUT', to: 'KUBE-IPVS-FILTER', comment: 'kubernetes ipvs access filter' },
  { from: 'INPUT', to: 'KUBE-PROXY-FIREWALL', comment: 'kube-proxy firewall rules' },
  { from: 'INPUT', to: 'KUBE-NODE-PORT', comment: 'kubernetes health check rules' },
  { from: 'FORWARD', to: 'KUBE-PROXY-FIREWALL', comment: 'kube-proxy firewall rules' },
  { from: 'FORWARD', to: 'KUBE-FORWARD', comment: 'kubernetes forwarding rules' },
  { from: 'OUTPUT', to: 'KUBE-IPVS-OUT-FILTER', comment: 'kubernetes ipvs access filter' },
]

const ACCEPT: Target = { kind: 'accept' }
const RETURN: Target = { kind: 'return' }
const DROP: Target = { kind: 'drop' }
const jump = (chain: string): Target => ({ kind: 'jump', chain })
const MARK_MASQ = jump('KUBE-MARK-MASQ')

type Directions = Extract<Match, { kind: 'set' }>['directions']
const DESTINATION: Directions = ['dst', 'dst']

const rule = (target: Target, matches: readonly Match[] = [], comment: string | null = null): Rule => ({
  comment,
  matches,
  target,
})

const addressType = (side: 'src' | 'dst', negate: boolean): Match => ({
  kind: 'addressType',
  side,
  type: 'LOCAL',
  negate,
})

/** From somewhere else: neither through a bridge port of the node nor from one of its own addresses. */
const FROM_OUTSIDE: readonly Match[] = [{ kind: 'physdevIsIn', negate: true }, addressType('src', true)]
const TO_NODE: readonly Match[] = [addressType('dst', false)]

interface SetRuleOptions {
  readonly directions?: Directions
  readonly before?: readonly Match[]
  readonly after?: readonly Match[]
  readonly withComment?: boolean
  /** Present even while the set is empty. */
  readonly always?: boolean
}

interface RuleBuilder {
  /** A rule that consults a set: left out while the set is empty, unless `always`. */
  readonly onSet: (name: SetName, target: Target, options?: SetRuleOptions) => Rule[]
  readonly mark: number
}

function ruleBuilder({ family, filled, masqueradeBit }: TableContext): RuleBuilder {
  const comments = new Map(SET_DEFINITIONS.map(({ name, comment }) => [name, comment]))
  return {
    mark: 2 ** masqueradeBit,
    onSet: (name, target, options = {}) => {
      const set = kernelSetName(name, family)
      const {
        directions = DESTINATION,
        before = [],
        after = [],
        withComment = true,
        always = false,
      } = options
      if (!always && !filled.includes(set)) return []
      const comment = withComment ? (comments.get(name) ?? null) : null
      return [rule(target, [...before, { kind: 'set', set, directions }, ...after], comment)]
    },
  }
}

function natChains(context: TableContext, { onSet, mark }: RuleBuilder): Chain[] {
  const { family } = context
  const loopback = family === 'ipv4' ? '127.0.0.0/8' : '::1/128'
  const onNodePort = (protocol: Protocol, name: SetName, target: Target): Rule[] =>
    onSet(name, target, {
      directions: protocol === 'sctp' ? DESTINATION : ['dst'],
      before: [{ kind: 'protocol', protocol }],
    })
  return [
    {
      name: 'KUBE-SERVICES',
      rules: [
        rule(RETURN, [{ kind: 'source', network: loopback, negate: false }]),
        ...onSet('KUBE-LOAD-BALANCER', jump('KUBE-LOAD-BALANCER')),
        ...onSet('KUBE-CLUSTER-IP', MARK_MASQ, clusterIPMatch(context)),
        ...onSet('KUBE-EXTERNAL-IP', MARK_MASQ),
        ...onSet('KUBE-EXTERNAL-IP', ACCEPT, { after: FROM_OUTSIDE }),
        ...onSet('KUBE-EXTERNAL-IP', ACCEPT, { after: TO_NODE }),
        ...onSet('KUBE-EXTERNAL-IP-LOCAL', ACCEPT, { after: FROM_OUTSIDE }),
        ...onSet('KUBE-EXTERNAL-IP-LOCAL', ACCEPT, { after: TO_NODE }),
        rule(jump('KUBE-NODE-PORT'), TO_NODE),
        ...onSet('KUBE-CLUSTER-IP', ACCEPT, { withComment: false }),
        ...onSet('KUBE-LOAD-BALANCER', ACCEPT, { withComment: false }),
      ],
    },
    {
      name: 'KUBE-POSTROUTING',
      rules: [
        ...onSet(
          'KUBE-LOOP-BACK',
          { kind: 'masquerade', randomFully: false },
          { directions: ['dst', 'dst', 'src'] },
        ),
        rule(RETURN, [{ kind: 'mark', value: mark, mask: mark, negate: true }]),
        rule({ kind: 'mark', value: mark, mask: 0 }),
        rule({ kind: 'masquerade', randomFully: true }, [], 'kubernetes service traffic requiring SNAT'),
      ],
    },
    {
      name: 'KUBE-NODE-PORT',
      rules: [
        ...onNodePort('tcp', 'KUBE-NODE-PORT-LOCAL-TCP', RETURN),
        ...onNodePort('tcp', 'KUBE-NODE-PORT-TCP', MARK_MASQ),
        ...onNodePort('udp', 'KUBE-NODE-PORT-LOCAL-UDP', RETURN),
        ...onNodePort('udp', 'KUBE-NODE-PORT-UDP', MARK_MASQ),
        ...onNodePort('sctp', 'KUBE-NODE-PORT-LOCAL-SCTP-HASH', RETURN),
        ...onNodePort('sctp', 'KUBE-NODE-PORT-SCTP-HASH', MARK_MASQ),
      ],
    },
    {
      name: 'KUBE-LOAD-BALANCER',
      rules: [...onSet('KUBE-LOAD-BALANCER-LOCAL', RETURN), rule(MARK_MASQ)],
    },
    { name: 'KUBE-MARK-MASQ', rules: [rule({ kind: 'mark', value: mark, mask: mark })] },
  ]
}

/** Which traffic to a cluster IP is masqueraded: all, what is not local, or (no detector) what a Service sends. */
function clusterIPMatch({ masqueradeAll, detector }: TableContext): SetRuleOptions {
  if (masqueradeAll) return {}
  if (detector === null) return { directions: ['src', 'dst'] }
  return {
    before: [
      detector.kind === 'network'
        ? { kind: 'source', network: formatNetwork(detector.network), negate: true }
        : { kind: 'inInterface', name: detector.name, negate: true },
    ],
  }
}

function filterChains({ family, closedToNode }: TableContext, { onSet, mark }: RuleBuilder): Chain[] {
  const always = { always: true, withComment: false }
  const onPort = { ...always, directions: ['dst'] } as const
  const onSource = { directions: ['dst', 'dst', 'src'] } as const
  return [
    {
      name: 'KUBE-FORWARD',
      rules: [
        rule(
          ACCEPT,
          [{ kind: 'mark', value: mark, mask: mark, negate: false }],
          'kubernetes forwarding rules',
        ),
        rule(
          ACCEPT,
          [{ kind: 'conntrackState', states: ['RELATED', 'ESTABLISHED'] }],
          'kubernetes forwarding conntrack rule',
        ),
      ],
    },
    {
      name: 'KUBE-NODE-PORT',
      rules: onSet('KUBE-HEALTH-CHECK-NODE-PORT', ACCEPT, { always: true, directions: ['dst'] }),
    },
    {
      name: 'KUBE-PROXY-FIREWALL',
      rules: onSet('KUBE-LOAD-BALANCER-FW', jump('KUBE-SOURCE-RANGES-FIREWALL')),
    },
    {
      name: 'KUBE-SOURCE-RANGES-FIREWALL',
      rules: [
        ...onSet('KUBE-LOAD-BALANCER-SOURCE-CIDR', RETURN, onSource),
        ...onSet('KUBE-LOAD-BALANCER-SOURCE-IP', RETURN, onSource),
        rule(DROP),
      ],
    },
    {
      name: 'KUBE-IPVS-FILTER',
      rules: [
        ...onSet('KUBE-LOAD-BALANCER', RETURN, always),
        ...onSet('KUBE-CLUSTER-IP', RETURN, always),
        ...onSet('KUBE-EXTERNAL-IP', RETURN, always),
        ...onSet('KUBE-EXTERNAL-IP-LOCAL', RETURN, always),
        ...onSet('KUBE-HEALTH-CHECK-NODE-PORT', RETURN, onPort),
        ...onSet(
          'KUBE-IPVS-IPS',
          { kind: 'reject', with: family === 'ipv4' ? 'icmp-port-unreachable' : 'icmp6-port-unreachable' },
          { ...onPort, before: [{ kind: 'conntrackState', states: ['NEW'] }] },
        ),
      ],
    },
    {
      name: 'KUBE-IPVS-OUT-FILTER',
      rules: closedToNode.map(({ address, protocol, port }) =>
        rule(DROP, [
          { kind: 'source', network: `${address}/${hostLength(family)}`, negate: false },
          { kind: 'ipvs', protocol, address, port },
        ]),
      ),
    },
  ]
}
