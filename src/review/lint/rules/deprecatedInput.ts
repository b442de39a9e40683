import type { Sourced } from '../../../kube/cluster.ts'
import { fullName } from '../../../kube/names.ts'
import type { EndpointSlice, Service } from '../../../kube/types.ts'
import { compareText } from '../../../order.ts'
import type { EndpointSource, ServicePort } from '../../../resolve/types.ts'
import type { Draft } from '../draft.ts'
import { isMadeByController } from '../endpoints.ts'
import { servicesOf } from '../selectors.ts'
import { inObject, inService, isApiService } from '../subject.ts'
import type { StateRule } from '../types.ts'
import { some } from '../words.ts'

export const deprecatedInput: StateRule = {
  on: 'state',
  code: 'DEPRECATED_INPUT',
  severity: 'warning',
  title: 'An object or field that Kubernetes has given up, or is giving up.',
  why: 'It works until a cluster is upgraded, and then it does nothing or is refused.',
  source: 'https://kubernetes.io/docs/reference/using-api/deprecation-guide/',
  mend: 'Use what took its place.',
  check: ({ ports }) => [...servicesOf(ports).flatMap(serviceDrafts), ...sourceDrafts(ports)],
}

/** Annotations, with what is so of each and what took its place. */
const ANNOTATIONS = [
  {
    name: 'service.kubernetes.io/topology-aware-hints',
    told: 'is deprecated since Kubernetes 1.27',
    mend: 'Use spec.trafficDistribution.',
  },
  {
    name: 'service.kubernetes.io/topology-mode',
    told: 'is the older way to ask for endpoints nearby',
    mend: 'Use spec.trafficDistribution.',
  },
  {
    name: 'service.alpha.kubernetes.io/tolerate-unready-endpoints',
    told: 'is deprecated, and ipvsc does not read it',
    mend: 'Use spec.publishNotReadyAddresses.',
  },
] as const

function serviceDrafts(service: Sourced<Service>): Draft[] {
  const { metadata, spec } = service.object
  const found: Draft[] = ANNOTATIONS.filter(({ name }) => metadata.annotations?.[name] !== undefined).map(
    ({ name, told, mend }) => ({
      ...inService(service, ['metadata', 'annotations', name], `The annotation ${name} ${told}.`),
      mend,
    }),
  )
  const keys = (spec as { readonly topologyKeys?: readonly string[] | null } | null)?.topologyKeys
  if (keys?.length)
    found.push({
      ...inService(service, ['spec', 'topologyKeys'], 'topologyKeys are gone since Kubernetes 1.22.'),
      mend: 'Use spec.trafficDistribution.',
    })
  return found
}

/** Objects that somebody wrote, each; those that controllers wrote together, since their cluster is at fault. */
function sourceDrafts(ports: readonly ServicePort[]): Draft[] {
  const owners = new Map(ports.flatMap(({ sources, service }) => sources.map((one) => [one, service.object])))
  const old = [...owners].filter(([{ object }]) => object.kind === 'Endpoints' || isBeta(object))
  const isMade = ([source, service]: [EndpointSource, Service]): boolean =>
    isMadeByController(source, service) || isApiService(service)
  const made = old.filter(isMade)
  return [
    ...old.filter((one) => !isMade(one)).map(([source]) => sourceDraft(source)),
    ...(['Endpoints', 'EndpointSlice'] as const).flatMap((kind) =>
      madeDraft(made.map(([source]) => source).filter(({ object }) => object.kind === kind)),
    ),
  ]
}

function sourceDraft(source: EndpointSource): Draft {
  const { object } = source
  const service = serviceNameOf(object)
  if (object.kind === 'Endpoints')
    return {
      ...inObject(source, [], service, `${ENDPOINTS}, and no slice stands beside this object.`),
      mend: 'State the addresses in an EndpointSlice.',
    }
  return {
    ...inObject(source, ['apiVersion'], service, `${BETA}.`),
    mend: 'Use discovery.k8s.io/v1, in which nodeName and zone take the place of topology.',
  }
}

const ENDPOINTS = 'Endpoints are deprecated since Kubernetes 1.33'
const BETA = 'discovery.k8s.io/v1beta1 is gone since Kubernetes 1.25'

function madeDraft(sources: readonly EndpointSource[]): Draft[] {
  const [first] = sources
  if (first === undefined) return []
  const names = some(sources.map(({ object }) => serviceNameOf(object)).sort(compareText))
  const text =
    first.object.kind === 'Endpoints'
      ? `${ENDPOINTS}, and no slice stands beside those of`
      : `${BETA}, which slices have of`
  return [
    {
      ...inObject(first, [], null, `${text} ${names}.`),
      mend: 'Take the snapshot anew, with the EndpointSlices of discovery.k8s.io/v1.',
    },
  ]
}

const serviceNameOf = (object: EndpointSource['object']): string =>
  object.kind === 'Endpoints'
    ? fullName(object)
    : `${object.metadata.namespace || 'default'}/${object.metadata.labels?.['kubernetes.io/service-name'] ?? ''}`

/** Objects of a list may have no version of their own; `topology` is v1beta1's alone. */
const isBeta = (slice: EndpointSlice): boolean =>
  (slice as { readonly apiVersion?: unknown }).apiVersion === 'discovery.k8s.io/v1beta1' ||
  (slice.endpoints ?? []).some(({ topology }) => topology !== undefined && topology !== null)
