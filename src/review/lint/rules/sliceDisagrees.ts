import { addressesOf, isReady, mayServe, PodIndex, selectorOf } from '../../../desired/pods.ts'
import type { Sourced } from '../../../kube/cluster.ts'
import type { Service } from '../../../kube/types.ts'
import { canonicalAddress, familyOf } from '../../../net/address.ts'
import type { ServicePort } from '../../../resolve/types.ts'
import type { Draft } from '../draft.ts'
import { servicesOf } from '../selectors.ts'
import { endpointPlace, inObject, inService } from '../subject.ts'
import type { StateRule } from '../types.ts'
import { some } from '../words.ts'

export const sliceDisagrees: StateRule = {
  on: 'state',
  code: 'SLICE_DISAGREES',
  severity: 'warning',
  title: 'Slices of a Service disagree with its Pods.',
  why: 'Clients reach an address at which no Pod of the Service is, or a Pod that is ready gets none: a controller is behind, or somebody wrote the slice.',
  source: 'https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/',
  mend: 'Look at the EndpointSlice controller, and take a new snapshot; delete slices that somebody wrote.',
  check: ({ ports, pods }) => {
    if (pods === null) return []
    const services = servicesOf(ports).filter(({ object }) => selectorOf(object) !== null)
    const index = new PodIndex(
      pods,
      services.map(({ object }) => object),
    )
    const byService = new Map<Sourced<Service>, ServicePort[]>()
    for (const port of ports) byService.set(port.service, [...(byService.get(port.service) ?? []), port])
    return services.flatMap((service) => disagreements(service, byService.get(service) ?? [], index))
  },
}

/** A Service without any Pod is the matter of another rule. */
function disagreements(service: Sourced<Service>, ports: readonly ServicePort[], index: PodIndex): Draft[] {
  const pods = index.podsOf(service.object).filter(mayServe)
  if (pods.length === 0) return []
  const families = new Set(ports.map(({ family }) => family))
  const held = new Set(pods.flatMap((pod) => addressesOf(pod)).map((text) => canonicalAddress(text) ?? text))
  const publish = service.object.spec?.publishNotReadyAddresses === true
  const awaited = pods
    .filter((pod) => (publish || isReady(pod)) && !pod.metadata.deletionTimestamp)
    .flatMap(addressesOf)
    .map((text) => canonicalAddress(text) ?? text)
    .filter((address) => families.has(familyOf(address)))
  const stated = new Set(ports.flatMap(({ endpoints }) => endpoints.map(({ address }) => address)))
  const strangers = [...stated].filter((address) => !held.has(address))
  const missing = awaited.filter((address) => !stated.has(address))
  return [...foundIn(strangers, ports), ...missingFrom(missing, service)]
}

function foundIn(strangers: readonly string[], ports: readonly ServicePort[]): Draft[] {
  const [address] = strangers
  const port = ports.find(({ endpoints }) => endpoints.some((endpoint) => endpoint.address === address))
  const place = address === undefined || port === undefined ? null : endpointPlace(port, address)
  if (place === null || port === undefined) return []
  const { namespace, name } = port.service.object.metadata
  return [
    inObject(
      place.source,
      place.path,
      `${namespace || 'default'}/${name}`,
      `No Pod of the Service has ${some(strangers)}.`,
    ),
  ]
}

const missingFrom = (missing: readonly string[], service: Sourced<Service>): Draft[] =>
  missing.length === 0
    ? []
    : [inService(service, ['spec', 'selector'], `Ready Pods are in no slice of it: ${some(missing)}.`)]
