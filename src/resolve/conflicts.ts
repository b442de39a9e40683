import {
  type Diagnostic,
  diagnostic,
  formatPath,
  formatSubject,
  type JsonPath,
} from '../diagnostics/diagnostics.ts'
import { fullName, refOf } from '../kube/names.ts'
import { compareText } from '../order.ts'
import type { ConflictPolicy } from './options.ts'
import type { BareServicePort } from './services.ts'
import type { FieldAddress } from './types.ts'

/** What a service port claims for itself alone: an address and port, or a node port. */
interface Claim {
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
  return [...groups.entries()]
    .map(([name, group]) => ({ age: `${created(group[0] as BareServicePort)} ${name}`, group }))
    .sort((a, b) => compareText(a.age, b.age))
    .map(({ group }) => group)
}

const created = ({ service }: BareServicePort): string => service.object.metadata.creationTimestamp || '~'

function claimsOf(owner: BareServicePort): Claim[] {
  const { family, protocol, port, nodePort, index } = owner
  const claim = ({ address, path }: FieldAddress): Claim => ({
    key: `${protocol} ${address} ${port}`,
    path,
    owner,
  })
  const claims = [owner.clusterIP, ...owner.externalIPs, ...owner.loadBalancerVIPs].map(claim)
  if (nodePort !== null)
    claims.push({
      key: `${family} ${protocol} node port ${nodePort}`,
      path: ['spec', 'ports', index, 'nodePort'],
      owner,
    })
  return claims
}

const lostKey = ({ key, owner }: Claim): string => `${owner.index} ${key}`

function withoutLost(servicePort: BareServicePort, lost: ReadonlySet<string>): BareServicePort[] {
  if (lost.size === 0) return [servicePort]
  const { protocol, port, family, nodePort, index } = servicePort
  const keeps = ({ address }: FieldAddress) => !lost.has(`${index} ${protocol} ${address} ${port}`)
  if (!keeps(servicePort.clusterIP)) return []
  return [
    {
      ...servicePort,
      externalIPs: servicePort.externalIPs.filter(keeps),
      loadBalancerVIPs: servicePort.loadBalancerVIPs.filter(keeps),
      nodePort: lost.has(`${index} ${family} ${protocol} node port ${nodePort}`) ? null : nodePort,
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

function conflict(claim: Claim, owner: Claim, policy: ConflictPolicy): Diagnostic {
  const { service } = claim.owner
  const first = owner.owner.service
  const same =
    service === first ? 'another port of it' : `${formatSubject(refOf(first.object))}, which is older,`
  return diagnostic({
    code: 'ADDRESS_DUPLICATE',
    severity: policy === 'error' ? 'error' : 'warning',
    message:
      `Port ${claim.owner.port} claims ${describe(claim)}, which ${same} claims already` +
      (policy === 'error'
        ? '; --on-conflict first would let the older one have it.'
        : '; the older one has it.'),
    subject: refOf(service.object),
    origin: service.origin,
    path: claim.path,
    found: describe(claim),
    expected: 'an address and port of its own',
    related: [
      {
        message: `claimed here by ${owner.owner.key} (${formatPath(owner.path)})`,
        subject: refOf(first.object),
        path: owner.path,
        origin: first.origin,
        position: null,
      },
    ],
  })
}

/** `tcp 10.96.0.1:80`, or `tcp node port 30080`. */
function describe({ key }: Claim): string {
  const [first, address = '', ...rest] = key.split(' ')
  if (rest.length > 1) return [address, ...rest].join(' ')
  return address.includes(':') ? `${first} [${address}]:${rest[0]}` : `${first} ${address}:${rest[0]}`
}
