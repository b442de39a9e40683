import { compareAddresses } from '../../../net/address.ts'
import type { Family } from '../../../net/family.ts'
import {
  commonLists,
  type EndpointLists,
  endpointLists,
  endpointsByNode,
  type LocalEndpoints,
  variesByNode,
} from '../../../node/endpointLists.ts'
import type { NodeFacts } from '../../../node/facts.ts'
import { sortVirtualServers } from '../../../plan/canonical.ts'
import { type VirtualServerKey, virtualServerKey } from '../../../plan/keys.ts'
import { settleOnNode } from '../../../resolve/conflicts.ts'
import type { Endpoint, ResolvedCluster, ServicePort } from '../../../resolve/types.ts'
import type { ClusterContext } from '../../mode.ts'
import { Memo, once } from '../../once.ts'
import { type ClaimedVirtualServer, nodePortClaim, serviceClaims } from './virtualServers.ts'

/** A port of which nodes may use different endpoints, and where its virtual servers stand among those of all. */
export interface VaryingPort {
  readonly servicePort: ServicePort
  /** Of each claim at an address of the Service. */
  readonly places: readonly number[]
}

/** A port with a node port; what it claims at an address of a node, or `null` where its endpoints vary. */
export interface NodePort {
  readonly servicePort: ServicePort
  readonly claim: ((address: string) => ClaimedVirtualServer) | null
}

export type PortCondition = (servicePort: ServicePort) => boolean

const ANY: PortCondition = () => true

/** What the service ports of a cluster ask of its nodes, as far as it is the same for each: worked out once, when it is asked for. */
export class ClusterClaims {
  readonly context: ClusterContext
  /** Those of the families that are compiled. */
  readonly ports: readonly ServicePort[]
  readonly #servers = once(() => this.#settle())
  readonly #nodePorts = once(() => this.#findNodePorts())
  readonly #addresses = once(() => new Set(this.servers.map(({ virtualServer }) => virtualServer.address)))
  readonly #bound = once(() => [...boundAddresses(this.servers, []).keys()])
  readonly #outside = once(() => addressesOutside(this.servers))
  readonly #concerned = new Memo<PortCondition, Readonly<Record<Family, readonly ServicePort[]>>>()
  readonly #lists = new Memo<ServicePort, Memo<string, EndpointLists>>()
  readonly #claimed = new Memo<EndpointLists, readonly ClaimedVirtualServer[]>()
  readonly #local = once(() => endpointsByNode(this.ports, this.context.nodes))

  constructor(resolved: ResolvedCluster, context: ClusterContext) {
    this.context = context
    const { families } = context
    this.ports = resolved.servicePorts.filter(({ family }) => families.includes(family))
  }

  /** At addresses of Services, in canonical order, each once; those of varying ports without a real server. */
  get servers(): readonly ClaimedVirtualServer[] {
    return this.#servers().servers
  }

  get varying(): readonly VaryingPort[] {
    return this.#servers().varying
  }

  get nodePorts(): readonly NodePort[] {
    return this.#nodePorts()
  }

  /** Those of a family that a condition holds for; the same list for the same condition. */
  portsOf(family: Family, concerns: PortCondition = ANY): readonly ServicePort[] {
    return this.#concerned.of(concerns, () => ({
      ipv4: this.ports.filter((port) => port.family === 'ipv4' && concerns(port)),
      ipv6: this.ports.filter((port) => port.family === 'ipv6' && concerns(port)),
    }))[family]
  }

  /** Whether one of the addresses is one of a Service. */
  servesAny(addresses: readonly string[]): boolean {
    return addresses.some((address) => this.#addresses().has(address))
  }

  serves(key: VirtualServerKey): boolean {
    return this.#servers().keys().has(virtualServerKey(key))
  }

  /** Addresses on the dummy interface of a node that has none of those outside, in order. */
  get boundAddresses(): readonly string[] {
    return this.#bound()
  }

  /** Whether one of the addresses is outside of the cluster: a node that has it itself does not bind it. */
  isOutside(addresses: readonly string[]): boolean {
    return addresses.some((address) => this.#outside().has(address))
  }

  /** The lists of a varying port on a node; the same object for nodes whose virtual servers have the same real servers. */
  listsOn(servicePort: ServicePort, node: NodeFacts): EndpointLists {
    const lists = endpointLists(servicePort, node)
    const key = JSON.stringify([lists.cluster.map(serverOf), lists.local.map(serverOf)])
    return this.#lists.of(servicePort, () => new Memo()).of(key, () => lists)
  }

  /** What a varying port claims with such lists. */
  serviceClaims(servicePort: ServicePort, lists: EndpointLists): readonly ClaimedVirtualServer[] {
    return this.#claimed.of(lists, () => serviceClaims(servicePort, lists, this.context.config))
  }

  localEndpoints(node: string): LocalEndpoints {
    return this.#local().get(node) ?? NO_LOCAL_ENDPOINTS
  }

  #settle() {
    const { config, onConflict } = this.context
    const varies = new Set<ServicePort>()
    const claims = this.ports.flatMap((servicePort) => {
      if (!variesByNode(servicePort)) return serviceClaims(servicePort, commonLists(servicePort), config)
      varies.add(servicePort)
      return serviceClaims(servicePort, NO_ENDPOINTS, config)
    })
    // Services have nothing of each other's any more; within a port the last claim counts.
    const { winners } = settleOnNode(claims, asClaim, onConflict)
    const servers = sortVirtualServers([...winners], ({ virtualServer }) => virtualServer)
    const places = new Map<string, number>()
    for (const [place, { servicePort, virtualServer }] of servers.entries())
      if (varies.has(servicePort)) places.set(virtualServerKey(virtualServer), place)
    const varying = [...varies].map((servicePort) => ({
      servicePort,
      places: serviceClaims(servicePort, NO_ENDPOINTS, config).map(
        ({ virtualServer }) => places.get(virtualServerKey(virtualServer)) as number,
      ),
    }))
    const keys = once(() => new Set(servers.map(({ virtualServer }) => virtualServerKey(virtualServer))))
    return { servers, varying, keys }
  }

  #findNodePorts(): NodePort[] {
    const varies = new Set(this.varying.map(({ servicePort }) => servicePort))
    return this.ports
      .filter(({ nodePort }) => nodePort !== null)
      .map((servicePort) => ({
        servicePort,
        claim: varies.has(servicePort)
          ? null
          : nodePortClaim(servicePort, commonLists(servicePort), this.context.config),
      }))
  }
}

const serverOf = ({ address, port }: Endpoint): string => `${address} ${port}`

const NO_ENDPOINTS: EndpointLists = { cluster: [], local: [] }
const NO_LOCAL_ENDPOINTS: LocalEndpoints = new Map()

export const asClaim = ({ virtualServer, servicePort, path }: ClaimedVirtualServer) => ({
  key: virtualServerKey(virtualServer),
  path,
  owner: servicePort,
})

const addressesOutside = (servers: readonly ClaimedVirtualServer[]): Set<string> =>
  new Set(
    servers.filter(({ bind }) => bind === 'unlessOnNode').map(({ virtualServer }) => virtualServer.address),
  )

/** Addresses bound to the dummy interface, in order, with all that ask for them. */
export type BoundAddresses = ReadonlyMap<string, readonly ClaimedVirtualServer[]>

/** Those of a node that has the given addresses itself. */
export function boundAddresses(
  servers: readonly ClaimedVirtualServer[],
  onNode: readonly string[],
): BoundAddresses {
  const byAddress = new Map<string, ClaimedVirtualServer[]>()
  for (const claim of servers) {
    const { address } = claim.virtualServer
    if (claim.bind === 'never' || (claim.bind === 'unlessOnNode' && onNode.includes(address))) continue
    const known = byAddress.get(address)
    if (known === undefined) byAddress.set(address, [claim])
    else known.push(claim)
  }
  return new Map([...byAddress].sort(([a], [b]) => compareAddresses(a, b)))
}
