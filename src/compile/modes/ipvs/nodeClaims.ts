import type { Diagnostic } from '../../../diagnostics/diagnostics.ts'
import { FAMILIES, type Family } from '../../../net/family.ts'
import type { EndpointLists } from '../../../node/endpointLists.ts'
import type { NodeFacts } from '../../../node/facts.ts'
import { nodePortAddressesOf } from '../../../node/nodePorts.ts'
import { compareVirtualServers, sortVirtualServers } from '../../../plan/canonical.ts'
import { settleOnNode } from '../../../resolve/conflicts.ts'
import type { ServicePort } from '../../../resolve/types.ts'
import { Memo, once } from '../../once.ts'
import { asClaim, type BoundAddresses, boundAddresses, type ClusterClaims } from './claims.ts'
import type { FilledSet, SetContext } from './sets.ts'
import { type ClaimedVirtualServer, nodePortClaim, serviceClaims } from './virtualServers.ts'

/** What the service ports of a cluster ask of one node. */
export class NodeClaims {
  readonly cluster: ClusterClaims
  readonly node: NodeFacts
  /** Addresses on which node ports are served. */
  readonly nodePortAddresses: Readonly<Record<Family, readonly string[]>>
  readonly #lists = new Memo<ServicePort, EndpointLists>()
  readonly #settled = once(() => this.#settle())
  readonly #bound = once(() => boundAddresses(this.virtualServers, this.node.addresses))
  readonly #local = once(() => this.cluster.localEndpoints(this.node.name))
  readonly #contexts = new Memo<readonly ServicePort[], readonly SetContext[]>()
  readonly #isContested = once(() => this.#findContested())

  constructor(cluster: ClusterClaims, node: NodeFacts) {
    const { config } = cluster.context
    this.cluster = cluster
    this.node = node
    this.nodePortAddresses = {
      ipv4: nodePortAddressesOf('ipv4', config, node),
      ipv6: nodePortAddressesOf('ipv6', config, node),
    }
  }

  /** In canonical order, each once. */
  get virtualServers(): readonly ClaimedVirtualServer[] {
    return this.#settled().virtualServers
  }

  /** Conflicts that only a node can have. */
  get diagnostics(): readonly Diagnostic[] {
    return this.#isContested() ? this.#settled().diagnostics : []
  }

  /** The addresses on the dummy interface with all that ask for them. */
  get bound(): BoundAddresses {
    return this.#bound()
  }

  /** The addresses alone, in order; the same list for all nodes that have the same. */
  get boundAddresses(): readonly string[] {
    return this.#isBoundAsAll() ? this.cluster.boundAddresses : [...this.bound.keys()]
  }

  #isBoundAsAll(): boolean {
    return !this.#isContested() && !this.cluster.isOutside(this.node.addresses)
  }

  /** Of a port whose endpoints vary. */
  listsOf(servicePort: ServicePort): EndpointLists {
    return this.#lists.of(servicePort, () => this.cluster.listsOn(servicePort, this.node))
  }

  /** What fills a set of one family. */
  setContexts(family: Family, set: FilledSet): readonly SetContext[] {
    if (set.name === 'KUBE-LOOP-BACK')
      return [...this.#local().keys()].filter((port) => port.family === family).map(this.#contextOf)
    return this.#contexts.of(this.cluster.portsOf(family, set.concerns), (ports) =>
      ports.map(this.#contextOf),
    )
  }

  /** Nodes with the same key have the same entries in a set; `null`: nobody else need have them. */
  sharedKey(family: Family, { name, varies }: FilledSet): string | null {
    if (name === 'KUBE-IPVS-IPS') return this.#isBoundAsAll() ? `${family} ${name}` : null
    if (varies === 'byNode') return null
    const isServed = this.nodePortAddresses[family].length > 0
    return varies === 'never' ? `${family} ${name}` : `${family} ${name} ${isServed}`
  }

  #contextOf = (servicePort: ServicePort): SetContext => ({
    servicePort,
    node: this.node,
    localEndpoints: this.#local().get(servicePort) ?? [],
    nodePortAddresses: this.nodePortAddresses[servicePort.family],
  })

  #settle() {
    if (this.#isContested()) return this.#settleContested()
    const { cluster } = this
    const servers = [...cluster.servers]
    for (const { servicePort, places } of cluster.varying)
      for (const [index, claim] of cluster.serviceClaims(servicePort, this.listsOf(servicePort)).entries())
        servers[places[index] as number] = claim
    return { virtualServers: this.#withNodePorts(servers), diagnostics: [] }
  }

  /** Node ports have the addresses of the node to themselves: they stand side by side for each of them. */
  #withNodePorts(servers: ClaimedVirtualServer[]): readonly ClaimedVirtualServer[] {
    const claims = this.#nodePortClaims()
    if (this.cluster.servesAny(this.#ownAddresses())) return sorted([...servers, ...claims])
    const parts: (readonly ClaimedVirtualServer[])[] = []
    let done = 0
    for (const run of runsOfAddress(sorted(claims))) {
      const place = placeOf(run[0] as ClaimedVirtualServer, servers)
      parts.push(servers.slice(done, place), run)
      done = place
    }
    return [...parts, servers.slice(done)].flat()
  }

  #ownAddresses(): string[] {
    return FAMILIES.flatMap((family) => this.nodePortAddresses[family])
  }

  #nodePortClaims(): ClaimedVirtualServer[] {
    const { config } = this.cluster.context
    return this.cluster.nodePorts.flatMap(({ servicePort, claim }) => {
      const made = claim ?? nodePortClaim(servicePort, this.listsOf(servicePort), config)
      return made === null ? [] : this.nodePortAddresses[servicePort.family].map(made)
    })
  }

  /** Whether a node port is a port of an address that a Service claims. */
  #findContested(): boolean {
    const { cluster } = this
    if (!cluster.servesAny(this.#ownAddresses())) return false
    return this.#nodePortClaims().some(({ virtualServer }) => cluster.serves(virtualServer))
  }

  #settleContested() {
    const { ports, context } = this.cluster
    const claims = ports.flatMap((servicePort) => {
      const lists = this.listsOf(servicePort)
      const claim = nodePortClaim(servicePort, lists, context.config)
      const addresses = claim === null ? [] : this.nodePortAddresses[servicePort.family]
      return [
        ...serviceClaims(servicePort, lists, context.config),
        ...addresses.map((address) => (claim as NonNullable<typeof claim>)(address)),
      ]
    })
    const { winners, diagnostics } = settleOnNode(claims, asClaim, context.onConflict)
    return { virtualServers: sorted([...winners]), diagnostics }
  }
}

const sorted = (claims: ClaimedVirtualServer[]): ClaimedVirtualServer[] =>
  sortVirtualServers(claims, ({ virtualServer }) => virtualServer)

function runsOfAddress(claims: readonly ClaimedVirtualServer[]): ClaimedVirtualServer[][] {
  const runs = new Map<string, ClaimedVirtualServer[]>()
  for (const claim of claims) {
    const { address } = claim.virtualServer
    const run = runs.get(address)
    if (run === undefined) runs.set(address, [claim])
    else run.push(claim)
  }
  return [...runs.values()]
}

/** How many of a sorted list come before a virtual server that it does not hold. */
function placeOf({ virtualServer }: ClaimedVirtualServer, servers: readonly ClaimedVirtualServer[]): number {
  let [low, high] = [0, servers.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const other = (servers[middle] as ClaimedVirtualServer).virtualServer
    if (compareVirtualServers(other, virtualServer) < 0) low = middle + 1
    else high = middle
  }
  return low
}
