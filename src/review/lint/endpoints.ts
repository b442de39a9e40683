import { selectorOf } from '../../desired/pods.ts'
import { CONTROLLER, MANAGED_BY } from '../../desired/slices.ts'
import type { JsonPath } from '../../diagnostics/diagnostics.ts'
import type { Sourced } from '../../kube/cluster.ts'
import { fullName, namespaceOf } from '../../kube/names.ts'
import type { EndpointSlice, Endpoints, Service } from '../../kube/types.ts'
import { networkContains, parseNetwork } from '../../net/address.ts'
import type { EndpointSource } from '../../resolve/types.ts'
import { isOfNamespace } from './pods.ts'
import { type ClusterSubject, isApiService } from './subject.ts'

/** An endpoint that no controller made of a Pod of its Service, and where it stands. */
export interface Suspect {
  readonly address: string
  readonly source: EndpointSource
  readonly path: JsonPath
  /** `namespace/name`. */
  readonly service: string
}

const known = new WeakMap<ClusterSubject, readonly Suspect[]>()

/** Endpoints that somebody wrote by hand and that are no Pod of their namespace; those of the API server's own Service are its own. */
export function suspects(subject: ClusterSubject): readonly Suspect[] {
  const before = known.get(subject)
  if (before !== undefined) return before
  const found = [...handWritten(subject)].filter(
    ({ address, source }) => !isOfNamespace(subject.podsByAddress.get(address), namespaceOf(source.object)),
  )
  known.set(subject, found)
  return found
}

function* handWritten({ ports }: ClusterSubject): Iterable<Suspect> {
  const seen = new Set<EndpointSource>()
  for (const port of ports) {
    const { object } = port.service
    if (isApiService(object)) continue
    for (const source of port.sources) {
      if (seen.has(source) || isMadeByController(source, object)) continue
      seen.add(source)
      const service = fullName(object)
      for (const { address, path } of addressesIn(source)) yield { address, source, path, service }
    }
  }
}

/** Of an Endpoints object nothing tells but that its Service has a selector, which the controller follows. */
export const isMadeByController = ({ object }: EndpointSource, service: Service): boolean =>
  object.kind === 'EndpointSlice'
    ? object.metadata.labels?.[MANAGED_BY] === CONTROLLER
    : selectorOf(service) !== null

export function* addressesIn({ object }: Sourced<EndpointSlice> | Sourced<Endpoints>): Iterable<{
  readonly address: string
  readonly path: JsonPath
}> {
  if (object.kind === 'EndpointSlice')
    for (const [index, { addresses }] of (object.endpoints ?? []).entries())
      yield { address: addresses[0] ?? '', path: ['endpoints', index, 'addresses', 0] }
  else
    for (const [index, { addresses, notReadyAddresses }] of (object.subsets ?? []).entries()) {
      for (const [at, { ip }] of (addresses ?? []).entries())
        yield { address: ip, path: ['subsets', index, 'addresses', at, 'ip'] }
      for (const [at, { ip }] of (notReadyAddresses ?? []).entries())
        yield { address: ip, path: ['subsets', index, 'notReadyAddresses', at, 'ip'] }
    }
}

/** Networks that no route of the Internet leads to (RFC 6890). */
const PRIVATE = [
  '10.0.0.0/8',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  'fc00::/7',
  'fe80::/10',
].flatMap((text) => parseNetwork(text) ?? [])

/** Whether an address is of the Internet, and no Pod's: networks of Pods may be public. */
export const isPublic = (address: string, { cluster }: ClusterSubject): boolean =>
  !PRIVATE.some((network) => networkContains(network, address)) &&
  !cluster.nodes.some(({ object: { spec } }) =>
    [spec?.podCIDR ?? '', ...(spec?.podCIDRs ?? [])].some((text) => {
      const network = parseNetwork(text)
      return network !== null && networkContains(network, address)
    }),
  )
