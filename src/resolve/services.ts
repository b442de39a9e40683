import { type Diagnostic, excerpt, type JsonPath } from '../diagnostics/diagnostics.ts'
import type { Protocol } from '../kernel/protocols.ts'
import type { Scheduler } from '../kernel/schedulers.ts'
import type { Sourced } from '../kube/cluster.ts'
import { fullName } from '../kube/names.ts'
import { ObjectReport, type Report } from '../kube/report.ts'
import type { Service, ServicePortSpec, ServiceSpec } from '../kube/types.ts'
import { canonicalAddress, familyOf, type Network, parseNetwork, specialUse } from '../net/address.ts'
import { FAMILIES, type Family } from '../net/family.ts'
import { annotatedDrainTimeout } from './draining.ts'
import { annotatedScheduling } from './scheduling.ts'
import type { FieldAddress, ServicePort, TrafficPolicy } from './types.ts'

const PROXY_NAME_LABEL = 'service.kubernetes.io/service-proxy-name'
const HEADLESS_LABEL = 'service.kubernetes.io/headless'
/** The API server's default for `sessionAffinityConfig.clientIP.timeoutSeconds`: three hours. */
const DEFAULT_AFFINITY_SECONDS = 10800

/** A service port before its endpoints are joined: it has none yet. */
export type BareServicePort = ServicePort

export interface ResolvedService {
  readonly servicePorts: readonly BareServicePort[]
  readonly diagnostics: readonly Diagnostic[]
}

/** The service ports of one Service in both families: none when it is passed over or has an error. */
export function resolveService(service: Sourced<Service>, configured: Scheduler): ResolvedService {
  const report = new ObjectReport(service)
  const reason = whyPassedOver(service.object)
  if (reason !== null) {
    report.add(reason)
    return { servicePorts: [], diagnostics: report.diagnostics }
  }
  refuseEqualPorts(service.object.spec?.ports ?? [], report.add)
  const servicePorts = buildServicePorts(service, configured, report.add)
  return { servicePorts: report.failed ? [] : servicePorts, diagnostics: report.diagnostics }
}

/** Ports of one protocol are told apart by name, and their virtual servers by number. */
function refuseEqualPorts(ports: readonly ServicePortSpec[], report: Report): void {
  for (const [field, read] of [
    ['name', ({ name }: ServicePortSpec) => name ?? ''],
    ['port', ({ port }: ServicePortSpec) => port],
  ] as const) {
    const seen = new Set<string>()
    ports.forEach((port, index) => {
      const key = `${port.protocol || 'TCP'} ${read(port)}`
      if (seen.has(key))
        report({
          code: 'PORT_DUPLICATE',
          severity: 'error',
          message: `Another ${port.protocol || 'TCP'} port of the Service has the same ${field}.`,
          path: ['spec', 'ports', index, field],
          found: excerpt(read(port)),
          expected: `a ${field} of its own`,
        })
      seen.add(key)
    })
  }
}

/** Section 1 of the semantics: Services that have no rules at all, by rule. */
function whyPassedOver({ metadata, spec }: Service): Parameters<Report>[0] | null {
  const labels = metadata.labels ?? {}
  if (spec?.type === 'ExternalName')
    return {
      code: 'SERVICE_EXTERNAL_NAME',
      severity: 'info',
      message: 'An ExternalName Service has no rules.',
      path: ['spec', 'type'],
    }
  if (PROXY_NAME_LABEL in labels)
    return {
      code: 'SERVICE_OTHER_PROXY',
      severity: 'info',
      message: `The label ${PROXY_NAME_LABEL} gives this Service to another proxy.`,
      path: ['metadata', 'labels', PROXY_NAME_LABEL],
    }
  if (spec?.clusterIP === 'None' || HEADLESS_LABEL in labels)
    return {
      code: 'SERVICE_HEADLESS',
      severity: 'info',
      message: 'A headless Service has no rules.',
      path: spec?.clusterIP === 'None' ? ['spec', 'clusterIP'] : ['metadata', 'labels', HEADLESS_LABEL],
    }
  if (clusterIPFields(spec ?? {}).length === 0)
    return {
      code: 'SERVICE_NO_CLUSTER_IP',
      severity: 'warning',
      message:
        'The Service has no cluster IP, so it has no rules; the API server assigns one when it is applied.',
      path: ['spec'],
    }
  if ((spec?.ports ?? []).length === 0)
    return {
      code: 'SERVICE_NO_PORTS',
      severity: 'warning',
      message: 'The Service has no ports, so it has no rules.',
      path: ['spec', 'ports'],
    }
  return null
}

interface TextField {
  readonly text: string
  readonly path: JsonPath
}

const textFields = (texts: readonly string[] | null | undefined, ...path: JsonPath): TextField[] =>
  (texts ?? []).map((text, index) => ({ text, path: [...path, index] }))

/** `clusterIPs` where it is filled, else `clusterIP`. */
function clusterIPFields({ clusterIP, clusterIPs }: ServiceSpec): TextField[] {
  const fields = textFields(clusterIPs, 'spec', 'clusterIPs').filter(
    ({ text }) => text !== '' && text !== 'None',
  )
  if (fields.length > 0 || !clusterIP) return fields
  return [{ text: clusterIP, path: ['spec', 'clusterIP'] }]
}

function buildServicePorts(
  service: Sourced<Service>,
  configured: Scheduler,
  report: Report,
): BareServicePort[] {
  const { object } = service
  const spec = object.spec ?? {}
  const clusterIPs = addresses(clusterIPFields(spec), report)
  const externalIPs = addresses(textFields(spec.externalIPs, 'spec', 'externalIPs'), report)
  const vips = addresses(loadBalancerFields(object), report)
  const ranges = sourceRanges(spec, report)
  const families = FAMILIES.filter((family) => clusterIPs.some(ofFamily(family)))
  warnOtherFamily([...externalIPs, ...vips], families, report)

  const externallyAccessible =
    spec.type === 'NodePort' || spec.type === 'LoadBalancer' || (spec.externalIPs ?? []).length > 0
  const internalPolicy = policy(spec.internalTrafficPolicy)
  const externalPolicy = externallyAccessible ? policy(spec.externalTrafficPolicy) : 'Cluster'
  const healthCheckNodePort = healthCheckPort(spec)
  const persistenceTimeout = affinityTimeout(spec)
  const scheduling = annotatedScheduling(object, configured, report)
  const drainTimeout = annotatedDrainTimeout(object, report)
  const name = fullName(object)

  return families.flatMap((family) => {
    const inFamily = ofFamily(family)
    const vipsOfFamily = distinct(vips.filter(inFamily))
    const rangesOfFamily = ranges.filter((network) => network.family === family)
    if (vipsOfFamily.length > 0 && ranges.length > 0 && rangesOfFamily.length === 0)
      warnUnfiltered(family, report)
    const clusterIP = clusterIPs.find(inFamily) as FieldAddress
    const externalIPsOfFamily = distinct(externalIPs.filter(inFamily))
    // Every field by name: objects that are spread together take five times as long, and these are many.
    return (spec.ports ?? []).map(({ name: portName, protocol, port, nodePort }, index) => ({
      key: `${name}:${portName ?? ''}`,
      service,
      family,
      protocol: (protocol || 'TCP').toLowerCase() as Protocol,
      port,
      index,
      clusterIP,
      externalIPs: externalIPsOfFamily,
      loadBalancerVIPs: vipsOfFamily,
      sourceRanges: rangesOfFamily,
      nodePort: nodePort || null,
      healthCheckNodePort,
      internalPolicy,
      externalPolicy,
      persistenceTimeout,
      scheduling,
      drainTimeout,
      endpoints: NO_ENDPOINTS,
      sources: NO_ENDPOINTS,
    }))
  })
}

const NO_ENDPOINTS: readonly never[] = []

const policy = (text: string | null | undefined): TrafficPolicy => (text === 'Local' ? 'Local' : 'Cluster')

const healthCheckPort = ({ type, externalTrafficPolicy, healthCheckNodePort: port }: ServiceSpec) =>
  type === 'LoadBalancer' && externalTrafficPolicy === 'Local' ? port || null : null

const affinityTimeout = ({ sessionAffinity, sessionAffinityConfig }: ServiceSpec): number | null =>
  sessionAffinity === 'ClientIP'
    ? (sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY_SECONDS)
    : null

/** Entries with only a host name are ignored, and those whose load balancer is a proxy of its own. */
const loadBalancerFields = ({ status }: Service): TextField[] =>
  (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, ipMode }, index) =>
    ip && ipMode !== 'Proxy' ? [{ text: ip, path: ['status', 'loadBalancer', 'ingress', index, 'ip'] }] : [],
  )

function addresses(fields: readonly TextField[], report: Report): FieldAddress[] {
  return fields.flatMap(({ text, path }) => {
    const address = checkedAddress(text, path, report)
    return address === null ? [] : [{ address, path }]
  })
}

/** The canonical address, or `null` after reporting why the text cannot be one. */
export function checkedAddress(text: string, path: JsonPath, report: Report): string | null {
  const address = canonicalAddress(text)
  if (address === null) {
    report({
      code: 'ADDRESS_INVALID',
      severity: 'error',
      message: 'This is not an IP address in canonical notation.',
      path,
      found: excerpt(text),
      expected: 'an address such as 10.0.0.1 or fd00::1, without leading zeros, zone or embedded IPv4',
    })
    return null
  }
  const special = specialUse(address)
  if (special === null) return address
  report({
    code: 'ADDRESS_SPECIAL',
    severity: 'error',
    message: `This is a ${special} address, which cannot be that of a Service or an endpoint.`,
    path,
    found: excerpt(text),
    expected: 'a unicast address that is neither loopback nor link-local',
  })
  return null
}

function sourceRanges({ loadBalancerSourceRanges }: ServiceSpec, report: Report): Network[] {
  return textFields(loadBalancerSourceRanges, 'spec', 'loadBalancerSourceRanges').flatMap(
    ({ text, path }) => {
      const network = parseNetwork(text.trim())
      if (network !== null) return [network]
      report({
        code: 'ADDRESS_INVALID',
        severity: 'error',
        message: 'A source range must be a network.',
        path,
        found: excerpt(text),
        expected: 'a network such as 203.0.113.0/24',
      })
      return []
    },
  )
}

function warnOtherFamily(fields: readonly FieldAddress[], families: readonly Family[], report: Report): void {
  for (const { address, path } of fields) {
    if (families.includes(familyOf(address))) continue
    report({
      code: 'ADDRESS_OTHER_FAMILY',
      severity: 'warning',
      message: `The Service has no cluster IP of this address's family, so the address is skipped.`,
      path,
      found: address,
      expected: `an address of ${families.join(' or ')}`,
    })
  }
}

function warnUnfiltered(family: Family, report: Report): void {
  report({
    code: 'SOURCE_RANGES_OTHER_FAMILY',
    severity: 'warning',
    message: `No source range is of ${family}, so its load balancer addresses are open to every source.`,
    path: ['spec', 'loadBalancerSourceRanges'],
    expected: `at least one network of ${family}`,
  })
}

const ofFamily =
  (family: Family) =>
  ({ address }: FieldAddress): boolean =>
    familyOf(address) === family

const distinct = (fields: readonly FieldAddress[]): FieldAddress[] =>
  [...new Map([...fields].reverse().map((field) => [field.address, field])).values()].reverse()
