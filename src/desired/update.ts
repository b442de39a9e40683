import type { JsonPath } from '../diagnostics/diagnostics.ts'
import type { Sourced } from '../kube/cluster.ts'
import {
  hasNodePorts,
  isExternallyAccessible,
  isHeadless,
  needsHealthCheckPort,
  protocolOf,
  typeOf,
  withDefaults,
} from '../kube/defaults.ts'
import type { Report } from '../kube/report.ts'
import type { Service, ServicePortSpec, ServiceSpec } from '../kube/types.ts'
import { type Evidence, wasSet } from './evidence.ts'
import { merge } from './merge.ts'
import type { Draft, SpecDraft } from './types.ts'

/** A Service that the snapshot has, with the manifest laid over it as the API server would let it be. */
export function updated(
  live: Sourced<Service>,
  manifest: Sourced<Service>,
  evidence: Evidence,
  report: Report,
): Draft & { readonly resetAssumed: readonly string[] } {
  const { spec, metadata, resetAssumed } = merge(live.object, manifest.object, evidence)
  const before = withDefaults(live.object.spec ?? {})
  const field = immutableChange(before, spec)
  if (field !== null) {
    report({
      code: 'RECREATE_NEEDED',
      severity: 'warning',
      message: `The Service has to be deleted and created again: ${field.what} cannot be changed in place.`,
      path: field.path,
      found: field.found,
      expected: field.expected,
    })
    return { ...created(manifest, report), resetAssumed: [] }
  }
  warnStaysHeadless(before, manifest.object.spec ?? {}, evidence, report)
  const status = changeType(before, spec, live.object.status)
  return {
    service: { object: { ...live.object, metadata }, origin: manifest.origin },
    spec,
    status: loadBalancerStatus(before, spec, status),
    assumed: stillAssumed(live, manifest.object, spec),
    before: live,
    resetAssumed,
  }
}

/** Marks of the live Service that its values keep: what the manifest states is no longer assumed. */
function stillAssumed(
  { object, assumed = [] }: Sourced<Service>,
  said: Service,
  spec: SpecDraft,
): JsonPath[] {
  return assumed.flatMap((path): JsonPath[] => {
    const [part, field, index] = path
    if (part === 'status') return [path]
    if (field === 'clusterIPs')
      return said.spec?.clusterIPs?.[index as number] || (index === 0 && said.spec?.clusterIP) ? [] : [path]
    if (field === 'healthCheckNodePort') return said.spec?.healthCheckNodePort ? [] : [path]
    const old = object.spec?.ports?.[index as number]
    const hasIt = (port: ServicePortSpec): boolean =>
      port.nodePort === old?.nodePort && protocolOf(port) === protocolOf(old as ServicePortSpec)
    const place = (spec.ports ?? []).findIndex(hasIt)
    const isStated = (said.spec?.ports ?? []).some(hasIt)
    return place < 0 || isStated ? [] : [['spec', 'ports', place, 'nodePort']]
  })
}

/** A Service that the cluster does not have. A status of a manifest is not applied. */
export function created({ object, origin }: Sourced<Service>, report: Report): Draft {
  const { status: _status, ...rest } = object
  const {
    creationTimestamp: _time,
    ownerReferences: _owners,
    managedFields: _fields,
    ...metadata
  } = object.metadata
  const spec = withDefaults(object.spec ?? {}) as SpecDraft
  if (spec.clusterIPs?.[0]) spec.clusterIP = spec.clusterIPs[0]
  else if (spec.clusterIP) spec.clusterIPs = [spec.clusterIP]
  if (!hasNodePorts(spec)) dropNodePorts(spec, null, report)
  return {
    service: { object: { ...rest, metadata }, origin },
    spec,
    status: loadBalancerStatus({}, spec, undefined),
    assumed: [],
    before: null,
  }
}

interface ImmutableChange {
  readonly what: string
  readonly path: JsonPath
  readonly found: string
  readonly expected: string
}

/**
 * What the API server refuses to change: a primary cluster IP (headless is one) and the primary family. To and from
 * ExternalName everything may change.
 */
function immutableChange(before: ServiceSpec, spec: ServiceSpec): ImmutableChange | null {
  if (typeOf(before) === 'ExternalName' || typeOf(spec) === 'ExternalName') return null
  const [old, now] = [primary(before), primary(spec)]
  if (old !== '' && now !== '' && old !== now) {
    const becomes = old === 'None' || now === 'None'
    return {
      what: becomes
        ? now === 'None'
          ? 'a Service that becomes headless'
          : 'a headless Service'
        : 'a cluster IP',
      path: ['spec', 'clusterIP'],
      found: now,
      expected: old,
    }
  }
  const [family, other] = [before.ipFamilies?.[0], spec.ipFamilies?.[0]]
  if (family && other && family !== other)
    return { what: 'the primary family', path: ['spec', 'ipFamilies', 0], found: other, expected: family }
  const [second, next] = [before.clusterIPs?.[1], spec.clusterIPs?.[1]]
  if (second && next && second !== next)
    return { what: 'a secondary cluster IP', path: ['spec', 'clusterIPs', 1], found: next, expected: second }
  return null
}

const primary = ({ clusterIP, clusterIPs }: ServiceSpec): string => clusterIP || clusterIPs?.[0] || ''

function warnStaysHeadless(before: ServiceSpec, said: ServiceSpec, evidence: Evidence, report: Report): void {
  if (!isHeadless(before) || typeOf(before) === 'ExternalName' || typeOf(said) === 'ExternalName') return
  if (said.clusterIP || said.clusterIPs?.[0] || wasSet(evidence, 'clusterIP') === false) return
  report({
    code: 'STAYS_HEADLESS',
    severity: 'warning',
    message:
      'The manifest no longer says clusterIP: None, and the Service stays headless: that cannot be changed in place.',
    path: ['spec'],
    found: 'no clusterIP',
    expected: 'clusterIP: None, or a Service that is deleted and created again',
  })
}

/** Gives back what the new type has no use for. Fields are changed in the draft; the status that is left is returned. */
function changeType(before: ServiceSpec, spec: SpecDraft, status: Service['status']): Service['status'] {
  if (typeOf(spec) === 'ExternalName' && typeOf(before) !== 'ExternalName') {
    for (const field of [
      'clusterIP',
      'clusterIPs',
      'ipFamilies',
      'ipFamilyPolicy',
      'internalTrafficPolicy',
    ] as const)
      delete spec[field]
  }
  if (!hasNodePorts(spec)) dropNodePorts(spec, before, null)
  if (!needsHealthCheckPort(spec)) delete spec.healthCheckNodePort
  if (!isExternallyAccessible(spec)) delete spec.externalTrafficPolicy
  if (typeOf(spec) === 'LoadBalancer') return status
  delete spec.allocateLoadBalancerNodePorts
  delete spec.loadBalancerClass
  return status?.loadBalancer?.ingress?.length ? { ...status, loadBalancer: {} } : status
}

/** Node ports of a type without them: the API server drops its own and refuses those of a manifest. */
function dropNodePorts(spec: SpecDraft, before: ServiceSpec | null, report: Report | null): void {
  const own = new Set((before?.ports ?? []).map(({ nodePort }) => nodePort))
  spec.ports?.forEach((port, index) => {
    if (port.nodePort && !own.has(port.nodePort))
      report?.({
        code: 'SERVICE_REFUSED',
        severity: 'error',
        message: `The API server refuses a node port of a Service of type ${typeOf(spec)}.`,
        path: ['spec', 'ports', index, 'nodePort'],
        found: String(port.nodePort),
        expected: 'type NodePort or LoadBalancer',
      })
    delete port.nodePort
  })
}

/** Whoever provides load balancers takes the address that is asked for; until then it is assumed. */
function loadBalancerStatus(
  before: ServiceSpec,
  { type, loadBalancerIP }: ServiceSpec,
  status: Service['status'],
): Service['status'] {
  if (type !== 'LoadBalancer' || !loadBalancerIP) return status
  const ingress = status?.loadBalancer?.ingress ?? []
  const isNew = before.type !== 'LoadBalancer' || before.loadBalancerIP !== loadBalancerIP
  if (!isNew || ingress.some(({ ip }) => ip === loadBalancerIP)) return status
  return { ...status, loadBalancer: { ingress: [{ ip: loadBalancerIP, ipMode: 'VIP' }] } }
}
