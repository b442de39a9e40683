import type { JsonPath, Origin } from '../../../diagnostics/diagnostics.ts'
import { kernelSetName } from '../../../kernel/sets.ts'
import { fullName } from '../../../kube/names.ts'
import type { EndpointPort, EndpointSlice, Endpoints } from '../../../kube/types.ts'
import { canonicalAddress } from '../../../net/address.ts'
import type { Family } from '../../../net/family.ts'
import { formatEntry } from '../../../plan/entries.ts'
import { type VirtualServerKey, virtualServerKey } from '../../../plan/keys.ts'
import type { Owner, Owners, RuleOwners, RulePlace } from '../../../plan/owners.ts'
import type { Plan, Rule, SetEntry } from '../../../plan/types.ts'
import type { EndpointSource, ServicePort } from '../../../resolve/types.ts'
import { Memo, ObjectMemo, once } from '../../once.ts'
import type { BoundAddresses } from './claims.ts'
import type { NodeClaims } from './nodeClaims.ts'
import { ruleFields } from './reasons.ts'
import { FILLED_SETS, type FilledSet } from './sets.ts'
import { buildSysctls, type SettingField } from './settings.ts'
import type { ClaimedVirtualServer } from './virtualServers.ts'

/** The service ports that ask for each entry of a set, by the entry's text, and the field that does, without indices. */
export interface EntryClaims {
  readonly field: string
  readonly byEntry: ReadonlyMap<string, readonly ServicePort[]>
}

/** The owners of a plan, told from the claims that it was made of. Worked out when somebody asks: most who compile do not. */
export class PlanOwners implements Owners {
  readonly claims: NodeClaims
  readonly shared: ObjectMemo
  readonly #plan: () => Plan
  readonly #servers: () => ReadonlyMap<string, ClaimedVirtualServer>
  readonly #entries: () => ReadonlyMap<string, EntryClaims>
  readonly #interned = new Map<string, Owner>()

  constructor(claims: NodeClaims, plan: () => Plan, shared: SharedByOwners) {
    this.claims = claims
    this.shared = shared.made
    this.#plan = plan
    this.#servers = once(
      () => new Map(claims.virtualServers.map((claim) => [virtualServerKey(claim.virtualServer), claim])),
    )
    this.#entries = once(() => entryClaims(claims, shared.entries))
  }

  get plan(): Plan {
    return this.#plan()
  }

  get bound(): BoundAddresses {
    return this.claims.bound
  }

  /** By the name of the set in the kernel. */
  get entryClaims(): ReadonlyMap<string, EntryClaims> {
    return this.#entries()
  }

  get settings(): readonly SettingField[] {
    return buildSysctls({ ...this.claims.cluster.context, node: this.claims.node })
  }

  virtualServer(key: VirtualServerKey): readonly Owner[] {
    const claim = this.#servers().get(virtualServerKey(key))
    return claim === undefined ? [] : [this.#ofService(claim.servicePort, claim.path)]
  }

  realServer(
    key: VirtualServerKey,
    server: { readonly address: string; readonly port: number },
  ): readonly Owner[] {
    const claim = this.#servers().get(virtualServerKey(key))
    const serves = claim?.virtualServer.realServers.some(
      ({ address, port }) => address === server.address && port === server.port,
    )
    return claim === undefined || !serves ? [] : this.#ofEndpoint(claim.servicePort, server)
  }

  address(address: string): readonly Owner[] {
    return (this.bound.get(address) ?? []).map(({ servicePort, path }) => this.#ofService(servicePort, path))
  }

  entry(set: string, entry: SetEntry): readonly Owner[] {
    const held = this.plan.sets.find(({ name }) => name === set)
    if (held === undefined) return []
    if (isBoundSet(set)) return this.address((entry as { readonly address: string }).address)
    const claims = this.#entries().get(set)
    const ports = claims?.byEntry.get(formatEntry(held.type, entry)) ?? []
    return ports.flatMap((servicePort) => this.#ofEntry(servicePort, claims?.field ?? '', entry))
  }

  rule({ family, table, chain, position }: RulePlace): RuleOwners {
    const rule = this.plan.tables
      .find((candidate) => candidate.family === family && candidate.name === table)
      ?.chains.find(({ name }) => name === chain)?.rules[position - 1]
    if (rule === undefined) return { owners: [], fields: [] }
    return { owners: [...new Set(this.#ofRule(rule))], fields: ruleFields(rule) }
  }

  setting(name: string): readonly string[] {
    return this.settings.flatMap(({ sysctl, field }) => (sysctl.name === name ? [field] : []))
  }

  #ofRule({ matches }: Rule): Owner[] {
    return matches.flatMap((match): readonly Owner[] => {
      if (match.kind === 'ipvs') {
        const claim = this.#servers().get(virtualServerKey(match))
        return claim === undefined
          ? []
          : [this.#ofService(claim.servicePort, ['spec', 'loadBalancerSourceRanges'])]
      }
      if (match.kind !== 'set') return []
      const set = this.plan.sets.find(({ name }) => name === match.set)
      return ((set?.entries ?? []) as readonly SetEntry[]).flatMap((entry) => this.entry(match.set, entry))
    })
  }

  #ofEntry(servicePort: ServicePort, field: string, entry: SetEntry): Owner[] {
    const { address, port } = entry as { readonly address: string; readonly port: number }
    return field === 'endpoints'
      ? this.#ofEndpoint(servicePort, { address, port })
      : [this.#ofService(servicePort, fieldPath(servicePort, field, address))]
  }

  /** Each object that states the endpoint, ready or not. */
  #ofEndpoint(servicePort: ServicePort, endpoint: EndpointKey): Owner[] {
    return servicePort.sources.flatMap((source) =>
      endpointPaths(source, servicePort, endpoint).map((path) =>
        this.#intern(servicePort, path, source.origin),
      ),
    )
  }

  #ofService(servicePort: ServicePort, path: JsonPath): Owner {
    return this.#intern(servicePort, path, servicePort.service.origin)
  }

  #intern({ key, service, index, family }: ServicePort, path: JsonPath, origin: Origin): Owner {
    const name = JSON.stringify([key, index, family, path, origin])
    const known = this.#interned.get(name)
    if (known !== undefined) return known
    const owner = {
      service: fullName(service.object),
      servicePort: key,
      portIndex: index,
      family,
      origin,
      path,
    }
    this.#interned.set(name, owner)
    return owner
  }
}

const isBoundSet = (name: string): boolean =>
  name === kernelSetName('KUBE-IPVS-IPS', 'ipv4') || name === kernelSetName('KUBE-IPVS-IPS', 'ipv6')

/** What the owners of the plans of one cluster have in common. */
export class SharedByOwners {
  /** Of the sets that nodes have in common. */
  readonly entries = new Memo<string, EntryClaims>()
  /** What is told of claims, sets and tables. */
  readonly made = new ObjectMemo()
}

function entryClaims(claims: NodeClaims, shared: SharedByOwners['entries']): Map<string, EntryClaims> {
  const found = new Map<string, EntryClaims>()
  for (const family of claims.cluster.context.families)
    for (const set of FILLED_SETS) {
      const key = claims.sharedKey(family, set)
      const make = (): EntryClaims => ({ field: set.field, byEntry: claimsByEntry(family, set, claims) })
      found.set(kernelSetName(set.name, family), key === null ? make() : shared.of(key, make))
    }
  return found
}

function claimsByEntry(family: Family, set: FilledSet, claims: NodeClaims): EntryClaims['byEntry'] {
  const byEntry = new Map<string, ServicePort[]>()
  for (const context of claims.setContexts(family, set))
    for (const entry of set.entriesOf(context)) {
      const text = formatEntry(set.type, entry)
      const known = byEntry.get(text)
      if (known === undefined) byEntry.set(text, [context.servicePort])
      else if (!known.includes(context.servicePort)) known.push(context.servicePort)
    }
  return byEntry
}

/** Where in a Service the value of a field stands that fills a set. */
function fieldPath(servicePort: ServicePort, field: string, address: string | undefined): JsonPath {
  const { clusterIP, externalIPs, loadBalancerVIPs, index } = servicePort
  const at = (list: readonly { readonly address: string; readonly path: JsonPath }[]): JsonPath | undefined =>
    list.find((candidate) => candidate.address === address)?.path
  switch (field) {
    case 'spec.clusterIP':
      return clusterIP.path
    case 'spec.externalIPs':
      return at(externalIPs) ?? field.split('.')
    case 'status.loadBalancer.ingress':
      return at(loadBalancerVIPs) ?? field.split('.')
    case 'spec.ports.nodePort':
      return ['spec', 'ports', index, 'nodePort']
    default:
      return field.split('.')
  }
}

interface EndpointKey {
  readonly address: string
  readonly port: number
}

/** Where an object states an endpoint of a service port. */
function endpointPaths(
  { object }: EndpointSource,
  { service, index, protocol }: ServicePort,
  { address, port }: EndpointKey,
): JsonPath[] {
  const portName = service.object.spec?.ports?.[index]?.name ?? ''
  const hasPort = (ports: readonly EndpointPort[] | null | undefined): boolean =>
    ports?.some(
      (candidate) =>
        candidate.port === port &&
        (candidate.name ?? '') === portName &&
        (candidate.protocol || 'TCP').toLowerCase() === protocol,
    ) ?? false
  const isIt = (text: string | undefined): boolean =>
    text === address || (text !== undefined && canonicalAddress(text) === address)
  const { endpoints, ports } = object as EndpointSlice
  const inSlice = (hasPort(ports) ? (endpoints ?? []) : []).flatMap(({ addresses }, place): JsonPath[] =>
    isIt(addresses[0]) ? [['endpoints', place, 'addresses', 0]] : [],
  )
  const { subsets } = object as Endpoints
  const inSubsets = (subsets ?? []).flatMap((subset, place) =>
    (hasPort(subset.ports) ? (['addresses', 'notReadyAddresses'] as const) : []).flatMap((field) =>
      (subset[field] ?? []).flatMap(({ ip }, position): JsonPath[] =>
        isIt(ip) ? [['subsets', place, field, position, 'ip']] : [],
      ),
    ),
  )
  return [...inSlice, ...inSubsets]
}
