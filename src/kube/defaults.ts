import type { Service, ServicePortSpec, ServiceSpec } from './types.ts'

/** The API server's default for `sessionAffinityConfig.clientIP.timeoutSeconds`: three hours. */
export const DEFAULT_AFFINITY_SECONDS = 10800

type Writable<T> = { -readonly [K in keyof T]: T[K] }

export const typeOf = ({ type }: ServiceSpec): 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName' =>
  type || 'ClusterIP'

export const protocolOf = ({ protocol }: { readonly protocol?: string | null | undefined }): ApiProtocol =>
  (protocol || 'TCP') as ApiProtocol

type ApiProtocol = 'TCP' | 'UDP' | 'SCTP'

/** The target of a port: the port itself where none is named. */
export const targetPortOf = ({ port, targetPort }: ServicePortSpec): number | string => targetPort || port

export const isHeadless = ({ clusterIP, clusterIPs }: ServiceSpec): boolean =>
  clusterIP === 'None' || clusterIPs?.[0] === 'None'

/** Whether clients outside of the cluster have an address of it, so that `externalTrafficPolicy` means something. */
export const isExternallyAccessible = (spec: ServiceSpec): boolean =>
  typeOf(spec) === 'NodePort' ||
  typeOf(spec) === 'LoadBalancer' ||
  (typeOf(spec) === 'ClusterIP' && (spec.externalIPs ?? []).length > 0)

/** Whether a type has node ports, allocated or given. */
export const hasNodePorts = (spec: ServiceSpec): boolean =>
  typeOf(spec) === 'NodePort' || typeOf(spec) === 'LoadBalancer'

/** Whether the API server fills in node ports that nobody gave. */
export const allocatesNodePorts = (spec: ServiceSpec): boolean =>
  typeOf(spec) === 'NodePort' ||
  (typeOf(spec) === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false)

export const needsHealthCheckPort = (spec: ServiceSpec): boolean =>
  typeOf(spec) === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local'

/** The addresses of a Service that has some: neither headless nor without any yet. */
export function clusterIPsOf({ clusterIP, clusterIPs }: ServiceSpec): readonly string[] {
  const all = (clusterIPs ?? []).filter((address) => address !== '' && address !== 'None')
  return all.length > 0 ? all : clusterIP && clusterIP !== 'None' ? [clusterIP] : []
}

/** The spec with the static defaults of the API server; nothing is allocated. Null fields count as absent. */
export function withDefaults(given: ServiceSpec): ServiceSpec {
  const spec = withoutNulls(given) as Writable<ServiceSpec>
  spec.type = typeOf(spec)
  spec.sessionAffinity ||= 'None'
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig
  else
    spec.sessionAffinityConfig = {
      clientIP: {
        timeoutSeconds: spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY_SECONDS,
      },
    }
  if (spec.ports !== undefined)
    spec.ports = (spec.ports ?? []).map((port) => ({
      ...withoutNulls(port),
      port: port.port,
      protocol: port.protocol || 'TCP',
      targetPort: targetPortOf(port),
    }))
  if (isExternallyAccessible(spec)) spec.externalTrafficPolicy ||= 'Cluster'
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ||= 'Cluster'
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true
  return spec
}

const withoutNulls = <T extends object>(object: T): T =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null && value !== undefined)) as T

/** Labels and annotations of a Service that decide rules or endpoints; the others are for people and other programs. */
export const RULE_LABELS: ReadonlySet<string> = new Set([
  'service.kubernetes.io/service-proxy-name',
  'service.kubernetes.io/headless',
])
export const RULE_ANNOTATIONS = /^(ipvsc\.dev\/|ipvs\.scheduler$|service\.kubernetes\.io\/topology-)/

/** What a Service says to the proxy, as text: two that say the same have the same rules. */
export function meaningOf({ metadata, spec, status }: Service): string {
  const { labels, annotations } = metadata
  return canonicalText({
    labels: filtered(labels, (name) => RULE_LABELS.has(name)),
    annotations: filtered(annotations, (name) => RULE_ANNOTATIONS.test(name)),
    spec: withDefaults(spec ?? {}),
    ingress: status?.loadBalancer?.ingress ?? [],
  })
}

const filtered = (
  map: Readonly<Record<string, string>> | null | undefined,
  keep: (name: string) => boolean,
): Record<string, string> => Object.fromEntries(Object.entries(map ?? {}).filter(([name]) => keep(name)))

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** JSON with keys in order, without null and empty values. */
export const canonicalText = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner
    const entries = Object.entries(inner).filter(([, item]) => item !== null && item !== undefined)
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
  })
