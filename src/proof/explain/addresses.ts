import type { JsonPath } from '../../diagnostics/diagnostics.ts'
import type { Protocol } from '../../kernel/protocols.ts'
import { fullName } from '../../kube/names.ts'
import type { Service, ServicePortSpec } from '../../kube/types.ts'
import { canonicalAddress, familyOf } from '../../net/address.ts'
import { virtualServerKey } from '../../plan/keys.ts'
import type { Plan, VirtualServer } from '../../plan/types.ts'

/** An address of a Service, on one port of it, and what a node makes of it. */
export interface AddressExplanation {
  readonly by: 'clusterIP' | 'externalIP' | 'loadBalancer' | 'nodePort'
  /** As it stands in the Service, or the host name of a load balancer. */
  readonly address: string
  readonly portName: string
  readonly port: number
  readonly protocol: Protocol
  /** The field of the Service that states it. */
  readonly path: JsonPath
  /** Of its virtual server; `null`: it cannot have one. */
  readonly key: string | null
  /** Real servers that it has; `null`: there is no virtual server. */
  readonly realServers: number | null
  readonly bound: boolean
  /** Why it is bound or not, or why there is nothing at it. */
  readonly why: string
}

export interface AddressInput {
  readonly plan: Plan
  /** The Service that a virtual server is for; `null`: that is not known. */
  readonly ownerOf: (server: VirtualServer) => string | null
  readonly nodeAddresses: readonly string[]
  readonly nodePortAddresses: readonly string[]
}

interface AddressContext extends AddressInput {
  readonly families: ReadonlySet<string>
  readonly servers: ReadonlyMap<string, VirtualServer>
  /** `namespace/name`. */
  readonly service: string
}

interface StatedAddress {
  readonly by: AddressExplanation['by']
  readonly text: string
  readonly path: JsonPath
  /** Why a load balancer's entry has no rules. */
  readonly without: string | null
}

/** Every address that a Service states, on each of its ports, and the node's addresses for its node ports. */
export function explainAddresses(
  service: Service,
  ports: readonly ServicePortSpec[],
  input: AddressInput,
): AddressExplanation[] {
  const stated = statedAddresses(service)
  const families = new Set(
    stated.filter(({ by }) => by === 'clusterIP').flatMap(({ text }) => familyOfText(text) ?? []),
  )
  const servers = new Map(input.plan.virtualServers.map((server) => [virtualServerKey(server), server]))
  const seen = new Set<string>()
  const context = { ...input, families, servers, service: fullName(service) }
  return ports.flatMap((port) => {
    const index = service.spec?.ports?.indexOf(port) ?? 0
    const nodePorts = port.nodePort ? input.nodePortAddresses : []
    const all: StatedAddress[] = [
      ...stated,
      ...nodePorts
        .filter((address) => families.has(familyOf(address)))
        .map((text) => ({
          by: 'nodePort' as const,
          text,
          path: ['spec', 'ports', index, 'nodePort'],
          without: null,
        })),
    ]
    return all.flatMap((one): AddressExplanation[] => {
      const explained = explainAddress(one, port, context)
      const name = `${explained.by} ${explained.address} ${explained.port} ${explained.protocol}`
      if (seen.has(name)) return []
      seen.add(name)
      return [explained]
    })
  })
}

const familyOfText = (text: string) => {
  const address = canonicalAddress(text)
  return address === null ? null : familyOf(address)
}

function statedAddresses({ spec, status }: Service): StatedAddress[] {
  const listed = (
    by: StatedAddress['by'],
    texts: readonly string[] | null | undefined,
    field: string,
  ): StatedAddress[] =>
    (texts ?? []).map((text, index) => ({ by, text, path: ['spec', field, index], without: null }))
  const clusterIPs = spec?.clusterIPs?.length
    ? listed('clusterIP', spec.clusterIPs, 'clusterIPs')
    : [{ by: 'clusterIP' as const, text: spec?.clusterIP ?? '', path: ['spec', 'clusterIP'], without: null }]
  const ingress = (status?.loadBalancer?.ingress ?? []).map(
    ({ ip, hostname, ipMode }, index): StatedAddress => ({
      by: 'loadBalancer',
      text: ip ?? hostname ?? '',
      path: ['status', 'loadBalancer', 'ingress', index],
      without: !ip
        ? 'a host name has no rules'
        : ipMode === 'Proxy'
          ? 'ipMode: Proxy, so the load balancer hands traffic to node ports or pods itself'
          : null,
    }),
  )
  return [...clusterIPs, ...listed('externalIP', spec?.externalIPs, 'externalIPs'), ...ingress]
}

function explainAddress(
  { by, text, path, without }: StatedAddress,
  { name, protocol: protocolText, port, nodePort }: ServicePortSpec,
  { plan, nodeAddresses, families, servers, service, ownerOf }: AddressContext,
): AddressExplanation {
  const address = canonicalAddress(text)
  const protocol = (protocolText || 'TCP').toLowerCase() as Protocol
  const number = by === 'nodePort' ? (nodePort as number) : port
  const key =
    address === null || without !== null ? null : virtualServerKey({ address, port: number, protocol })
  const there = key === null ? undefined : servers.get(key)
  const owner = there === undefined ? null : ownerOf(there)
  const isOwn = owner === null || owner === service
  const server = isOwn ? there : undefined
  const bound = address !== null && plan.dummyInterface.addresses.includes(address)
  const isOfNode = address !== null && nodeAddresses.includes(address)
  return {
    by,
    address: address ?? text,
    portName: name ?? '',
    port: number,
    protocol,
    path,
    key: isOwn ? key : null,
    realServers: server?.realServers.length ?? null,
    bound,
    why:
      without ??
      (!isOwn ? `${owner} has this address and port` : null) ??
      (server === undefined
        ? whyNothing(address, families, plan)
        : whyBound(by, bound, isOfNode, plan.dummyInterface.name)),
  }
}

function whyNothing(address: string | null, families: ReadonlySet<string>, plan: Plan): string {
  if (address === null) return 'no IP address, so the Service is left out or the address is'
  const family = familyOf(address)
  if (!families.has(family)) return `the Service has no cluster IP of ${family}, so the address is skipped`
  if (!plan.families.includes(family)) return `the rules are not made for ${family}`
  return 'no virtual server: the Service is in error, or the rules are not of these inputs'
}

function whyBound(by: AddressExplanation['by'], bound: boolean, isOfNode: boolean, name: string): string {
  if (by === 'nodePort') return 'an address of the node itself, so nothing is bound'
  if (bound) return `bound to ${name}`
  return isOfNode
    ? 'not bound: it is on another interface of the node'
    : 'NOT bound, although nothing else makes it local: it is answered nowhere'
}
