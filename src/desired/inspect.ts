import { type Diagnostic, diagnostic, excerpt, type JsonPath } from '../diagnostics/diagnostics.ts'
import type { Cluster, Sourced } from '../kube/cluster.ts'
import { isRecord } from '../kube/defaults.ts'
import { namespaceOf } from '../kube/names.ts'
import { ObjectReport } from '../kube/report.ts'
import type { Service } from '../kube/types.ts'
import { nearestName } from './distance.ts'

/** Fields of a Service's spec, of v1, with those of older versions. */
const SPEC_FIELDS = [
  'allocateLoadBalancerNodePorts',
  'clusterIP',
  'clusterIPs',
  'externalIPs',
  'externalName',
  'externalTrafficPolicy',
  'healthCheckNodePort',
  'internalTrafficPolicy',
  'ipFamilies',
  'ipFamilyPolicy',
  'loadBalancerClass',
  'loadBalancerIP',
  'loadBalancerSourceRanges',
  'ports',
  'publishNotReadyAddresses',
  'selector',
  'sessionAffinity',
  'sessionAffinityConfig',
  'topologyKeys',
  'trafficDistribution',
  'type',
] as const
const PORT_FIELDS = ['appProtocol', 'name', 'nodePort', 'port', 'protocol', 'targetPort'] as const
const VARIABLE = /\$\{[A-Za-z_][^}]*\}|\{\{[^}]*\}\}/

/** What is odd about a Service of a manifest, whatever the snapshot holds. */
export function inspect(service: Sourced<Service>): Diagnostic[] {
  const report = new ObjectReport(service)
  const spec = (service.object.spec ?? {}) as Readonly<Record<string, unknown>>
  unknownFields(spec, ['spec'], SPEC_FIELDS, report)
  const ports = Array.isArray(spec.ports) ? spec.ports : []
  ports.forEach((port: unknown, index) => {
    if (isRecord(port)) unknownFields(port, ['spec', 'ports', index], PORT_FIELDS, report)
  })
  variables(spec, report)
  return report.diagnostics
}

function unknownFields(
  object: Readonly<Record<string, unknown>>,
  path: JsonPath,
  known: readonly string[],
  report: ObjectReport,
): void {
  for (const field of Object.keys(object)) {
    if (known.includes(field)) continue
    const nearest = nearestName(field, known)
    report.add({
      code: 'FIELD_UNKNOWN',
      severity: 'warning',
      message: 'The API has no such field: the API server drops or refuses it.',
      path: [...path, field],
      found: excerpt(field),
      expected: nearest,
    })
  }
}

/** Fields that hold any text, so that their schema does not see a variable. */
function variables(spec: Readonly<Record<string, unknown>>, report: ObjectReport): void {
  const look = (value: unknown, path: JsonPath): void => {
    if (typeof value === 'string') {
      const variable = VARIABLE.exec(value)?.[0]
      if (variable === undefined) return
      report.add({
        code: variable.startsWith('{') ? 'TEMPLATE_NOT_RENDERED' : 'VARIABLE_NOT_SUBSTITUTED',
        severity: 'error',
        message: `${excerpt(variable)} is not filled in; substitute it first (flux build, envsubst, helm template) and give the output.`,
        path,
        found: excerpt(value),
        expected: 'a value',
      })
    } else if (Array.isArray(value)) for (const [index, item] of value.entries()) look(item, [...path, index])
    else if (isRecord(value)) for (const [key, item] of Object.entries(value)) look(item, [...path, key])
  }
  look(spec, ['spec'])
}

/** Manifests hold neither Nodes nor Pods that run: somebody gave a snapshot in their place. */
export function snapshotAsManifests({ nodes, pods = [] }: Cluster): Diagnostic[] {
  const [first] = [...nodes, ...pods]
  if (first === undefined) return []
  const counts = [
    ...(nodes.length === 0 ? [] : [`${nodes.length} ${nodes.length === 1 ? 'Node' : 'Nodes'}`]),
    ...(pods.length === 0 ? [] : [`${pods.length} ${pods.length === 1 ? 'Pod' : 'Pods'} with addresses`]),
  ]
  return [
    diagnostic({
      code: 'MANIFEST_IS_SNAPSHOT',
      severity: 'warning',
      message: `The manifests hold ${counts.join(' and ')}, as a snapshot does; --onto is where a snapshot goes.`,
      origin: first.origin,
    }),
  ]
}

/** Slices in a version in which the snapshot has none: said once. An API server drops old versions. */
export function otherVersions(snapshot: Cluster, manifests: Cluster): Diagnostic[] {
  const known = new Set(snapshot.endpointSlices.flatMap(({ object }) => object.apiVersion ?? []))
  const [first] = manifests.endpointSlices.filter(
    ({ object: { apiVersion } }) => apiVersion && known.size > 0 && !known.has(apiVersion),
  )
  if (first === undefined) return []
  const report = new ObjectReport(first)
  report.add({
    code: 'VERSION_OTHER',
    severity: 'warning',
    message:
      'The snapshot has EndpointSlices in another version; an API server without this one refuses the object.',
    path: ['apiVersion'],
    found: String(first.object.apiVersion),
    expected: [...known].sort().join(' or '),
  })
  return report.diagnostics
}

/** Namespaces that neither side has: one note each. A snapshot without any object knows none. */
export function unknownNamespaces(snapshot: Cluster, manifests: Cluster): Diagnostic[] {
  if (snapshot.services.length === 0) return []
  const listed = [...(snapshot.namespaces ?? []), ...(manifests.namespaces ?? [])]
  const known = new Set([
    ...listed.map(({ object }) => object.metadata.name),
    ...snapshot.services.map(({ object }) => namespaceOf(object)),
    ...(snapshot.pods ?? []).map(({ object }) => namespaceOf(object)),
    'default',
  ])
  const seen = new Set<string>()
  return manifests.services.flatMap((service) => {
    const namespace = namespaceOf(service.object)
    if (known.has(namespace) || seen.has(namespace)) return []
    seen.add(namespace)
    const report = new ObjectReport(service)
    report.add({
      code: 'NAMESPACE_UNKNOWN',
      severity: 'info',
      message: `The snapshot has no namespace ${namespace}; it has to be there first.`,
      path: ['metadata', 'namespace'],
    })
    return report.diagnostics
  })
}

/** A Service that exists already and that a controller made. */
export function ownedByController(live: Sourced<Service>, manifest: Sourced<Service>): Diagnostic[] {
  const owner = (live.object.metadata.ownerReferences ?? []).find(({ controller }) => controller)
  if (owner === undefined) return []
  const report = new ObjectReport(manifest)
  report.add({
    code: 'OWNED_BY_CONTROLLER',
    severity: 'warning',
    message: `The Service exists and belongs to ${owner.kind} ${owner.name}, whose controller may undo what is applied.`,
    path: ['metadata', 'name'],
  })
  return report.diagnostics
}
