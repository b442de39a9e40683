import type { Origin } from '../diagnostics/diagnostics.ts'
import type { Sourced } from '../kube/cluster.ts'
import type { Service, ServicePortSpec } from '../kube/types.ts'
import type { FieldChange } from './types.ts'

/** Fields of a Service that decide what a node does, as text by name. Lists whose order means nothing are sorted. */
export function serviceFields({ metadata, spec, status }: Service): Map<string, string> {
  const fields = new Map<string, string>()
  const put = (name: string, value: unknown): void => {
    const text = fieldText(value)
    if (text !== '') fields.set(name, text)
  }
  put('spec.type', spec?.type || 'ClusterIP')
  put('spec.clusterIP', clusterIPText(spec))
  put('spec.externalIPs', sorted(spec?.externalIPs))
  put('spec.selector', selectorText(spec as { selector?: unknown } | null | undefined))
  put('spec.externalTrafficPolicy', spec?.externalTrafficPolicy === 'Local' ? 'Local' : '')
  put('spec.internalTrafficPolicy', spec?.internalTrafficPolicy === 'Local' ? 'Local' : '')
  put('spec.sessionAffinity', affinityText(spec))
  put('spec.loadBalancerIP', (spec as { loadBalancerIP?: unknown } | null | undefined)?.loadBalancerIP)
  put('spec.loadBalancerSourceRanges', sorted(spec?.loadBalancerSourceRanges))
  put('spec.healthCheckNodePort', spec?.healthCheckNodePort)
  put('spec.publishNotReadyAddresses', flag(spec, 'publishNotReadyAddresses'))
  put(
    'spec.trafficDistribution',
    (spec as { trafficDistribution?: unknown } | null | undefined)?.trafficDistribution,
  )
  put(
    'status.loadBalancer',
    sorted((status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? '')),
  )
  for (const [name, value] of Object.entries(metadata.annotations ?? {}))
    if (/^(ipvsc\.dev\/|ipvs\.scheduler$|service\.kubernetes\.io\/topology-)/.test(name))
      put(`annotation ${name}`, value)
  for (const label of ['service.kubernetes.io/service-proxy-name', 'service.kubernetes.io/headless'])
    if (metadata.labels && label in metadata.labels) put(`label ${label}`, metadata.labels[label] || '(set)')
  for (const port of spec?.ports ?? []) portFields(port, put)
  return fields
}

type Spec = Service['spec']

const clusterIPText = (spec: Spec): readonly string[] | string =>
  spec?.clusterIPs?.length ? spec.clusterIPs : (spec?.clusterIP ?? '')

const flag = (spec: Spec, name: string): string =>
  (spec as Record<string, unknown> | null | undefined)?.[name] === true ? 'true' : ''

function affinityText(spec: Spec): string {
  if (spec?.sessionAffinity !== 'ClientIP') return ''
  return `ClientIP, ${spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10800} s`
}

function selectorText(spec: { selector?: unknown } | null | undefined): string {
  const selector = spec?.selector
  if (typeof selector !== 'object' || selector === null) return ''
  return Object.entries(selector)
    .map(([key, value]) => `${key}=${String(value)}`)
    .sort()
    .join(', ')
}

/** A port goes by its number and protocol: a name is one of its fields. */
function portFields(port: ServicePortSpec, put: (name: string, value: unknown) => void): void {
  const { targetPort, appProtocol: _ } = port as { targetPort?: unknown; appProtocol?: unknown }
  const key = `spec.ports[${port.port}/${port.protocol || 'TCP'}]`
  put(key, 'set')
  put(`${key}.name`, port.name)
  put(`${key}.targetPort`, String(targetPort ?? port.port))
  put(`${key}.nodePort`, port.nodePort || '')
}

const sorted = (list: readonly string[] | null | undefined): string[] => [...(list ?? [])].sort()

function fieldText(value: unknown): string {
  if (value === null || value === undefined) return ''
  return Array.isArray(value) ? value.join(', ') : String(value)
}

/** Which fields differ; where one is stated after, else before. */
export function fieldChanges(before: Sourced<Service> | null, after: Sourced<Service> | null): FieldChange[] {
  const [old, now] = [before, after].map((side) =>
    side === null ? new Map<string, string>() : serviceFields(side.object),
  ) as [Map<string, string>, Map<string, string>]
  const origin: Origin | null = after?.origin ?? before?.origin ?? null
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((field) => old.get(field) !== now.get(field))
    .map((field) => ({ field, before: old.get(field) ?? null, after: now.get(field) ?? null, origin }))
}
