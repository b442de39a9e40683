import { fullName } from '../../../kube/names.ts'
import type { EndpointSlice } from '../../../kube/types.ts'
import type { EndpointSource } from '../../../resolve/types.ts'
import type { Draft } from '../draft.ts'
import { servicesOf } from '../selectors.ts'
import { inObject, inService } from '../subject.ts'
import type { StateRule } from '../types.ts'

export const deprecatedInput: StateRule = {
  on: 'state',
  code: 'DEPRECATED_INPUT',
  severity: 'warning',
  title: 'An object or field that Kubernetes has given up, or is giving up.',
  why: 'It works until a cluster is upgraded, and then it does nothing or is refused.',
  source: 'https://kubernetes.io/docs/reference/using-api/deprecation-guide/',
  mend: 'Use what took its place.',
  check: ({ ports }) => [
    ...servicesOf(ports).flatMap((service): Draft[] => {
      const { metadata, spec } = service.object
      const annotations = TOPOLOGY_ANNOTATIONS.filter((name) => metadata.annotations?.[name] !== undefined)
      const keys = (spec as { readonly topologyKeys?: readonly string[] | null } | null)?.topologyKeys
      return [
        ...annotations.map((name) => ({
          ...inService(service, ['metadata', 'annotations', name], `The annotation ${name} is deprecated.`),
          mend: 'Use spec.trafficDistribution.',
        })),
        ...(keys?.length
          ? [
              {
                ...inService(
                  service,
                  ['spec', 'topologyKeys'],
                  'topologyKeys are gone since Kubernetes 1.22.',
                ),
                mend: 'Use spec.trafficDistribution.',
              },
            ]
          : []),
      ]
    }),
    ...distinctSources(ports.flatMap(({ sources }) => sources)).flatMap((source): Draft[] => {
      const { object } = source
      const service = serviceNameOf(object)
      if (object.kind === 'Endpoints')
        return [
          {
            ...inObject(
              source,
              [],
              service,
              'Endpoints are deprecated since Kubernetes 1.33, and no slice stands beside this object.',
            ),
            mend: 'State the addresses in an EndpointSlice.',
          },
        ]
      if (!isBeta(object)) return []
      return [
        {
          ...inObject(
            source,
            ['apiVersion'],
            service,
            'discovery.k8s.io/v1beta1 is gone since Kubernetes 1.25.',
          ),
          mend: 'Use discovery.k8s.io/v1, in which nodeName and zone take the place of topology.',
        },
      ]
    }),
  ],
}

const TOPOLOGY_ANNOTATIONS = [
  'service.kubernetes.io/topology-aware-hints',
  'service.kubernetes.io/topology-mode',
] as const

const distinctSources = (sources: readonly EndpointSource[]): EndpointSource[] => [...new Set(sources)]

const serviceNameOf = (object: EndpointSource['object']): string =>
  object.kind === 'Endpoints'
    ? fullName(object)
    : `${object.metadata.namespace || 'default'}/${object.metadata.labels?.['kubernetes.io/service-name'] ?? ''}`

/** Objects of a list may have no version of their own; `topology` is v1beta1's alone. */
const isBeta = (slice: EndpointSlice): boolean =>
  (slice as { readonly apiVersion?: unknown }).apiVersion === 'discovery.k8s.io/v1beta1' ||
  (slice.endpoints ?? []).some(({ topology }) => topology !== undefined && topology !== null)
