import type { JsonPath, Origin } from '../../diagnostics/diagnostics.ts'
import type { Cluster, Sourced } from '../../kube/cluster.ts'
import { fullName } from '../../kube/names.ts'
import type { Service, ServicePortSpec } from '../../kube/types.ts'
import { canonicalAddress, familyOf } from '../../net/address.ts'
import type { Family } from '../../net/family.ts'
import { hostPort, virtualServerKey } from '../../plan/keys.ts'
import type { VirtualServer } from '../../plan/types.ts'
import {
  type Candidate,
  candidatesByService,
  judgeEndpoints,
  type LeftOut,
  type Place,
  placeOf,
} from '../endpoints.ts'
import { candidatesOfPort } from '../promises.ts'
import { type AddressExplanation, type AddressInput, explainAddresses } from './addresses.ts'

/** What a Service has on one node, and what it does not have, with the reason of each. */
export interface ServiceExplanation {
  /** `namespace/name`. */
  readonly service: string
  readonly origin: Origin
  /** Why it has no rules at all, and the field that says so. */
  readonly passedOver: { readonly why: string; readonly path: JsonPath } | null
  readonly addresses: readonly AddressExplanation[]
  readonly endpoints: readonly EndpointExplanation[]
  /** Ports that no slice has, ports of slices that the Service does not have, endpoints that would serve otherwise. */
  readonly remarks: readonly string[]
}

export interface EndpointExplanation {
  /** `namespace/name:portName`. */
  readonly servicePort: string
  readonly family: Family
  /** `10.0.0.1:8080`; where a slice has no number for the port, the address alone. */
  readonly endpoint: string
  readonly node: string | null
  readonly origin: Origin
  readonly path: JsonPath
  /** What becomes of it at the cluster IP, and at the other addresses where there are any. */
  readonly internal: EndpointFate
  readonly external: EndpointFate | null
}

export type EndpointFate =
  | { readonly kind: 'serves' }
  /** No endpoint of this node may answer under a Local policy, and IPVS mode then takes those of others. */
  | { readonly kind: 'stands in' }
  | { readonly kind: 'left out'; readonly why: LeftOut }
  /** It may answer, and the rules do not have it: they are not those of these inputs. */
  | { readonly kind: 'missing' }
  /** It may not answer, and the rules have it all the same. */
  | { readonly kind: 'surplus'; readonly why: LeftOut }

export interface ServiceQuestion {
  readonly service: string
  readonly port: string | null
}

export interface ServiceInput extends AddressInput {
  readonly cluster: Cluster
  readonly node: string
}

/** `null`: the cluster has no such Service. */
export function explainService(question: ServiceQuestion, input: ServiceInput): ServiceExplanation | null {
  const service = input.cluster.services.find(({ object }) => fullName(object) === question.service)
  if (service === undefined) return null
  const passedOver = whyPassedOver(service.object)
  const nodes = input.cluster.nodes.find(({ object }) => object.metadata.name === input.node)
  const candidates = candidatesByService(input.cluster).get(question.service) ?? []
  const context: Context = {
    ...input,
    service,
    candidates,
    place: placeOf(input.node, nodes?.object),
    servers: new Map(input.plan.virtualServers.map((server) => [virtualServerKey(server), server])),
  }
  const ports = (service.object.spec?.ports ?? []).filter(
    ({ name, port }) => question.port === null || name === question.port || String(port) === question.port,
  )
  const addresses = passedOver === null ? explainAddresses(service.object, ports, input) : []
  const endpoints =
    passedOver === null ? ports.flatMap((port) => explainEndpoints(port, addresses, context)) : []
  return {
    service: question.service,
    origin: service.origin,
    passedOver,
    addresses,
    endpoints,
    remarks: passedOver === null ? remarksOn(ports, endpoints, context) : [],
  }
}

interface Context extends ServiceInput {
  readonly service: Sourced<Service>
  readonly candidates: readonly Candidate[]
  readonly place: Place
  readonly servers: ReadonlyMap<string, VirtualServer>
}

function whyPassedOver({ metadata, spec }: Service): ServiceExplanation['passedOver'] {
  const { 'service.kubernetes.io/service-proxy-name': proxy, 'service.kubernetes.io/headless': headless } =
    metadata.labels ?? {}
  const label = (name: string): JsonPath => ['metadata', 'labels', `service.kubernetes.io/${name}`]
  if (spec?.type === 'ExternalName') return { why: 'an ExternalName has no rules', path: ['spec', 'type'] }
  if (proxy !== undefined)
    return { why: 'its label gives it to another proxy', path: label('service-proxy-name') }
  if (headless !== undefined) return { why: 'its label makes it headless', path: label('headless') }
  if (spec?.clusterIP === 'None')
    return { why: 'a headless Service has no rules', path: ['spec', 'clusterIP'] }
  const addresses = spec?.clusterIPs?.length ? spec.clusterIPs : [spec?.clusterIP ?? '']
  if (addresses.every((text) => canonicalAddress(text) === null))
    return { why: 'it has no cluster IP yet', path: ['spec'] }
  return (spec?.ports ?? []).length === 0 ? { why: 'it has no ports', path: ['spec', 'ports'] } : null
}

const policyOf = (service: Service, side: 'internalTrafficPolicy' | 'externalTrafficPolicy') =>
  service.spec?.[side] === 'Local' ? 'Local' : 'Cluster'

/** Each endpoint of a port once for each family that the Service has. */
function explainEndpoints(
  port: ServicePortSpec,
  addresses: readonly AddressExplanation[],
  context: Context,
): EndpointExplanation[] {
  const { service, candidates, place } = context
  const own = addresses.filter((address) => address.portName === (port.name ?? '') && address.key !== null)
  const families = [...new Set(own.map(({ address }) => familyOf(address)))]
  return families.flatMap((family) => {
    const candidatesHere = candidatesOfPort(candidates, port, family)
    const at = (internal: boolean): VirtualServer | undefined => {
      const first = own.find(
        ({ by, address }) => (by === 'clusterIP') === internal && familyOf(address) === family,
      )
      return first === undefined ? undefined : context.servers.get(first.key as string)
    }
    const hasExternal = own.some(({ by, address }) => by !== 'clusterIP' && familyOf(address) === family)
    const sides = ['internalTrafficPolicy', 'externalTrafficPolicy'] as const
    const [internal, external] = sides.map((side, index) =>
      fatesOf(judgeEndpoints(candidatesHere, policyOf(service.object, side), place), at(index === 0)),
    ) as [Map<Candidate, EndpointFate>, Map<Candidate, EndpointFate>]
    return candidatesHere.map((candidate) => ({
      servicePort: `${fullName(service.object)}:${port.name ?? ''}`,
      family,
      endpoint: candidate.port === null ? candidate.address : hostPort(candidate.address, candidate.port),
      node: candidate.node,
      origin: candidate.origin,
      path: candidate.path,
      internal: internal.get(candidate) as EndpointFate,
      external: hasExternal ? (external.get(candidate) as EndpointFate) : null,
    }))
  })
}

/** What the API says of each endpoint, beside what the rules have. */
function fatesOf(
  verdicts: ReadonlyMap<Candidate, LeftOut | null>,
  server: VirtualServer | undefined,
): Map<Candidate, EndpointFate> {
  const has = new Set(server?.realServers.map(({ address, port }) => hostPort(address, port)))
  const nobody = [...verdicts.values()].every((why) => why !== null)
  const named = ({ address, port }: Candidate): string => (port === null ? '' : hostPort(address, port))
  const serving = new Set([...verdicts].flatMap(([one, why]) => (why === null ? [named(one)] : [])))
  return new Map(
    [...verdicts].map(([candidate, why]): [Candidate, EndpointFate] => {
      const isThere = has.has(named(candidate))
      if (why === null) return [candidate, { kind: isThere ? 'serves' : 'missing' }]
      // Another copy of the same endpoint serves.
      if (!isThere || serving.has(named(candidate))) return [candidate, { kind: 'left out', why }]
      const isElsewhere = why === 'on another node' || why === 'on no known node'
      return [candidate, nobody && isElsewhere ? { kind: 'stands in' } : { kind: 'surplus', why }]
    }),
  )
}

function remarksOn(
  ports: readonly ServicePortSpec[],
  endpoints: readonly EndpointExplanation[],
  { service, candidates }: Context,
): string[] {
  const nameOf = (name: string, protocol: string): string => `${name === '' ? 'unnamed' : name}/${protocol}`
  const stated = new Set(candidates.map(({ portName, protocol }) => nameOf(portName, protocol)))
  const wanted = (service.object.spec?.ports ?? []).map(({ name, protocol }) =>
    nameOf(name ?? '', protocol || 'TCP'),
  )
  const lacking = ports
    .map(({ name, protocol }) => nameOf(name ?? '', protocol || 'TCP'))
    .filter((name) => !stated.has(name))
  const unasked = [...stated].filter((name) => !wanted.includes(name))
  const offered = unasked.length === 0 ? '' : `; slices have ${unasked.join(', ')}`
  const localOnly = endpoints.filter(
    ({ internal }) => internal.kind === 'left out' && internal.why === 'on another node',
  )
  const serving = endpoints.filter(({ internal }) => internal.kind === 'serves')
  return [
    ...(candidates.length === 0 ? ['no slice and no Endpoints object states an endpoint of it'] : []),
    ...(candidates.length === 0 || lacking.length === 0
      ? []
      : [`no slice has a port of the name and protocol ${lacking.join(', ')}${offered}`]),
    ...(lacking.length > 0 || unasked.length === 0 || candidates.length === 0
      ? []
      : [`slices have ports that the Service does not have: ${unasked.join(', ')}`]),
    ...(serving.length === 0 && localOnly.length > 0
      ? [
          `${localOnly.length} ${localOnly.length === 1 ? 'endpoint' : 'endpoints'} of other nodes may serve with internalTrafficPolicy: Cluster`,
        ]
      : []),
  ]
}
