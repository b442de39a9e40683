import {
  type Diagnostic,
  diagnostic,
  formatPath,
  formatSubject,
  type JsonPath,
} from '../diagnostics/diagnostics.ts'
import { virtualServerKey } from '../kernel/virtualServers.ts'
import { fullName, refOf } from '../kube/names.ts'
import { compareText } from '../order.ts'
import type { ConflictPolicy } from './options.ts'
import type { BareServicePort } from './services.ts'
import type { FieldAddress } from './types.ts'

/** What a service port claims for itself alone: an address and port, or a node port. */
export interface Claim {
  /** `tcp 10.96.0.1:80`, or `ipv4 tcp node port 30080`. */
  readonly key: string
  readonly path: JsonPath
  readonly owner: BareServicePort
}

export interface ConflictResult {
  /** Without the claims that lost, where the policy lets the older Service win. */
  readonly servicePorts: readonly BareServicePort[]
  readonly diagnostics: readonly Diagnostic[]
}

/**
 * Finds service ports of which two claim the same address, port and protocol, or the same node port. The
 * kernel holds one virtual server for them, so kube-proxy's last writer would win at random.
 *
 * `error`: the younger Service is at fault and left out whole. `first`: only its claim is, with a warning.
 */
export function settleConflicts(
  servicePorts: readonly BareServicePort[],
  policy: ConflictPolicy,
): ConflictResult {
  if (claimsAreDistinct(servicePorts)) return { servicePorts, diagnostics: [] }
  const owners = new Map<string, Claim>()
  const diagnostics: Diagnostic[] = []
  const kept: BareServicePort[] = []

  for (const service of byAge(servicePorts)) {
    const lost = new Set<string>()
    const won: Claim[] = []
    for (const claim of service.flatMap(claimsOf)) {
      const owner = owners.get(claim.key) ?? won.find(({ key }) => key === claim.key)
      if (owner === undefined || owner.owner === claim.owner) won.push(claim)
      else {
        lost.add(lostKey(claim))
        diagnostics.push(conflict(claim, owner, policy))
      }
    }
    if (lost.size > 0 && policy === 'error') {
      continue
    }
    for (const claim of won) owners.set(claim.key, claim)
    kept.push(...service.flatMap((servicePort) => withoutLost(servicePort, lost)))
  }
  return { servicePorts: restoreOrder(servicePorts, kept), diagnostics }
}

/** The common case, told without putting anything in order. */
function claimsAreDistinct(servicePorts: readonly BareServicePort[]): boolean {
  const keys = new Set<string>()
  let count = 0
  for (const servicePort of servicePorts)
    for (const { key } of claimsOf(servicePort)) {
      keys.add(key)
      if (keys.size < ++count) return false
    }
  return true
}

/** Service ports grouped by Service, the oldest first. A Service without a creation time is the youngest. */
function byAge(servicePorts: readonly BareServicePort[]): BareServicePort[][] {
  const groups = new Map<string, BareServicePort[]>()
  for (const servicePort of servicePorts) {
    const name = fullName(servicePort.service.object)
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [servicePort])
    else group.push(servicePort)
  }
  return [...groups.values()]
    .map((group) => ({ age: ageOf(group[0] as BareServicePort), group }))
    .sort((a, b) => compareText(a.age, b.age))
    .map(({ group }) => group)
}

/** Orders Services by age. One without a creation time is the youngest; names break ties. */
const ageOf = ({ service: { object } }: BareServicePort): string =>
  `${object.metadata.creationTimestamp || '~'} ${fullName(object)}`

function claimsOf(owner: BareServicePort): Claim[] {
  const { family, protocol, port, nodePort, index } = owner
  const claim = ({ address, path }: FieldAddress): Claim => ({
    key: virtualServerKey({ protocol, address, port }),
    path,
    owner,
  })
  const claims = [owner.clusterIP, ...owner.externalIPs, ...owner.loadBalancerVIPs].map(claim)
  if (nodePort !== null)
    claims.push({
      key: nodePortKey(family, protocol, nodePort),
      path: ['spec', 'ports', index, 'nodePort'],
      owner,
    })
  return claims
}

const nodePortKey = (family: string, protocol: string, nodePort: number): string =>
  `${family} ${protocol} node port ${nodePort}`

const lostKey = ({ key, owner }: Claim): string => `${owner.index} ${key}`

function withoutLost(servicePort: BareServicePort, lost: ReadonlySet<string>): BareServicePort[] {
  if (lost.size === 0) return [servicePort]
  const { protocol, port, family, nodePort, index } = servicePort
  const keeps = ({ address }: FieldAddress) =>
    !lost.has(`${index} ${virtualServerKey({ protocol, address, port })}`)
  if (!keeps(servicePort.clusterIP)) return []
  return [
    {
      ...servicePort,
      externalIPs: servicePort.externalIPs.filter(keeps),
      loadBalancerVIPs: servicePort.loadBalancerVIPs.filter(keeps),
      nodePort:
        nodePort !== null && lost.has(`${index} ${nodePortKey(family, protocol, nodePort)}`)
          ? null
          : nodePort,
    },
  ]
}

function restoreOrder(
  original: readonly BareServicePort[],
  kept: readonly BareServicePort[],
): BareServicePort[] {
  const identity = ({ key, protocol, family, index }: BareServicePort) =>
    `${key} ${protocol} ${family} ${index}`
  const byIdentity = new Map(kept.map((servicePort) => [identity(servicePort), servicePort]))
  return original.flatMap((servicePort) => byIdentity.get(identity(servicePort)) ?? [])
}

/** Claims of one node, each key once. */
export interface NodeConflictResult<T> {
  readonly winners: readonly T[]
  readonly diagnostics: readonly Diagnostic[]
}

/**
 * Settles what only a node can know: a node port there is a port of each of its addresses, which another Service may claim. The older
 * Service has it under either policy. Within a service port the last claim counts, as for kube-proxy.
 */
export function settleOnNode<T>(
  items: readonly T[],
  claimOf: (item: T) => Claim,
  policy: ConflictPolicy,
): NodeConflictResult<T> {
  const winners = new Map<string, { readonly item: T; readonly claim: Claim }>()
  const diagnostics: Diagnostic[] = []
  for (const item of items) {
    const claim = claimOf(item)
    const known = winners.get(claim.key)
    if (known === undefined || known.claim.owner === claim.owner) {
      winners.set(claim.key, { item, claim })
      continue
    }
    const wins = isOlder(claim.owner, known.claim.owner)
    if (wins) winners.set(claim.key, { item, claim })
    const [older, younger] = wins ? [claim, known.claim] : [known.claim, claim]
    const by = formatSubject(refOf(older.owner.service.object))
    const message = `On this node it claims ${describe(claim)}, which ${by} claims already; the older one has it.`
    diagnostics.push(duplicate(younger, older, policy, message))
  }
  return { winners: [...winners.values()].map(({ item }) => item), diagnostics }
}

/** Of one Service, the port whose key comes first. */
const isOlder = (a: BareServicePort, b: BareServicePort): boolean =>
  (compareText(ageOf(a), ageOf(b)) || compareText(a.key, b.key)) < 0

function conflict(claim: Claim, older: Claim, policy: ConflictPolicy): Diagnostic {
  const { service } = older.owner
  const by =
    claim.owner.service === service
      ? 'another port of it'
      : `${formatSubject(refOf(service.object))}, which is older,`
  const message =
    `Port ${claim.owner.port} claims ${describe(claim)}, which ${by} claims already` +
    (policy === 'error'
      ? '; --on-conflict first would let the older one have it.'
      : '; the older one has it.')
  return duplicate(claim, older, policy, message)
}

function duplicate(claim: Claim, older: Claim, policy: ConflictPolicy, message: string): Diagnostic {
  const { service } = claim.owner
  const first = older.owner.service
  return diagnostic({
    code: 'ADDRESS_DUPLICATE',
    severity: policy === 'error' ? 'error' : 'warning',
    message,
    subject: refOf(service.object),
    origin: service.origin,
    path: claim.path,
    found: describe(claim),
    expected: 'an address and port of its own',
    related: [
      {
        message: `claimed here by ${older.owner.key} (${formatPath(older.path)})`,
        subject: refOf(first.object),
        path: older.path,
        origin: first.origin,
        position: null,
      },
    ],
  })
}

/** `tcp 10.96.0.1:80`, or `tcp node port 30080`. */
const describe = ({ key }: Claim): string => key.replace(/^ipv[46] /, '')
