import {
  canonicalText,
  hasNodePorts,
  isRecord,
  protocolOf,
  RULE_ANNOTATIONS,
  RULE_LABELS,
  withDefaults,
} from '../kube/defaults.ts'
import type { ObjectMeta, Service, ServicePortSpec, ServiceSpec } from '../kube/types.ts'
import { type Evidence, portWas, wasSet } from './evidence.ts'
import type { SpecDraft, Writable } from './types.ts'

/** What the API server fills in stays where a manifest is silent. */
const ALLOCATED: ReadonlySet<string> = new Set([
  'clusterIP',
  'clusterIPs',
  'ipFamilies',
  'ipFamilyPolicy',
  'healthCheckNodePort',
])

export interface Merged {
  readonly spec: SpecDraft
  readonly metadata: ObjectMeta
  /** Fields that are reset although nobody knows whether an apply had set them. */
  readonly resetAssumed: readonly string[]
}

/**
 * The manifest over the live Service, as `kubectl apply` does it: what it says wins; what it no longer says is reset where an
 * earlier apply had set it; everything else stays.
 */
export function merge(live: Service, manifest: Service, evidence: Evidence): Merged {
  const before = withDefaults(live.spec ?? {})
  const said = manifest.spec ?? {}
  const resetAssumed: string[] = []
  const spec: Record<string, unknown> = {}
  for (const field of new Set([...Object.keys(before), ...Object.keys(said)])) {
    if (field === 'ports' || field === 'selector') continue
    const given = said[field as keyof ServiceSpec]
    if (given !== undefined && given !== null && given !== '') spec[field] = given
    else if (ALLOCATED.has(field)) spec[field] = before[field as keyof ServiceSpec]
    else if (given === undefined) {
      const reset = wasSet(evidence, field)
      if (reset === 'assumed') resetAssumed.push(field)
      if (reset === false) spec[field] = before[field as keyof ServiceSpec]
    }
  }
  pairClusterIPs(spec, before, said)
  const selector = mergeMap(before.selector, said.selector, evidence, 'selector', resetAssumed)
  if (selector !== null) spec.selector = selector
  spec.ports = mergePorts(before, said, evidence, resetAssumed)
  const merged = withDefaults(spec as ServiceSpec) as SpecDraft
  return {
    spec: merged,
    metadata: mergeMetadata(live.metadata, manifest.metadata, evidence),
    // A reset to what the field had anyway is none, and neither is one of what the API server fills in.
    resetAssumed: [...new Set(resetAssumed)]
      .filter(isWorthSaying(before))
      .filter(
        (field) =>
          canonicalText(before[field as keyof ServiceSpec]) !==
          canonicalText(merged[field as keyof ServiceSpec]),
      ),
  }
}

const DEFAULTS: Readonly<Record<string, unknown>> = {
  externalTrafficPolicy: 'Cluster',
  internalTrafficPolicy: 'Cluster',
  allocateLoadBalancerNodePorts: true,
}

const isWorthSaying =
  (before: ServiceSpec) =>
  (field: string): boolean =>
    field !== 'sessionAffinityConfig' && before[field as keyof ServiceSpec] !== DEFAULTS[field]

/** `clusterIP` and the first of `clusterIPs` are one value: whichever is said counts for both. */
function pairClusterIPs(spec: Record<string, unknown>, before: ServiceSpec, said: ServiceSpec): void {
  if (said.clusterIPs?.[0]) spec.clusterIP = said.clusterIPs[0]
  else if (said.clusterIP && said.clusterIP !== before.clusterIP) spec.clusterIPs = [said.clusterIP]
}

/** `null`: there is none. Keys of a map are reset one by one. */
function mergeMap(
  before: ServiceSpec['selector'],
  said: ServiceSpec['selector'],
  evidence: Evidence,
  field: 'selector',
  resetAssumed: string[],
): Record<string, string> | null {
  // Server-side apply and snapshots know a selector as a whole.
  const was = evidence.spec?.[field]
  const kept = Object.entries(before ?? {}).filter(([key]) => {
    if (said?.[key] !== undefined) return true
    if (said === null) return false
    if (evidence.spec === null) resetAssumed.push(field)
    return evidence.spec !== null && !(isRecord(was) ? was[key] !== undefined : was)
  })
  const merged = { ...Object.fromEntries(kept), ...(said ?? {}) }
  return Object.keys(merged).length === 0 ? null : merged
}

const samePort = (a: ServicePortSpec, b: ServicePortSpec): boolean =>
  a.port === b.port && protocolOf(a) === protocolOf(b)

/** Ports are told apart by number and protocol; node ports that are left follow the names of ports. */
function mergePorts(
  before: ServiceSpec,
  said: ServiceSpec,
  evidence: Evidence,
  resetAssumed: string[],
): Writable<ServicePortSpec>[] {
  const old = before.ports ?? []
  const given = said.ports ?? []
  const ports = given.map((port) => {
    const match = old.find((candidate) => samePort(candidate, port))
    return match === undefined ? { ...port } : mergePort(match, port, portWas(evidence, port), resetAssumed)
  })
  const kept = old.filter((port) => {
    if (given.some((candidate) => samePort(candidate, port))) return false
    const was = portWas(evidence, port)
    if (was === 'assumed') resetAssumed.push('ports')
    return was === null
  })
  const merged = [...ports, ...kept.map((port) => ({ ...port }))]
  if (hasNodePorts(before)) nodePortsByName(old, merged)
  return merged
}

function mergePort(
  before: ServicePortSpec,
  said: ServicePortSpec,
  was: ReturnType<typeof portWas>,
  resetAssumed: string[],
): Writable<ServicePortSpec> {
  const merged: Record<string, unknown> = { ...said }
  for (const field of ['name', 'targetPort', 'appProtocol', 'nodePort'] as const) {
    if (said[field] !== undefined || before[field] === undefined) continue
    if (field === 'nodePort' || (was !== 'assumed' && was?.[field] === undefined))
      merged[field] = before[field]
    else if (was === 'assumed' && !(field === 'targetPort' && before.targetPort === before.port))
      resetAssumed.push('ports')
  }
  return merged as unknown as Writable<ServicePortSpec>
}

/** A new number under an old name keeps the node port of that name, unless another port has it. */
function nodePortsByName(before: readonly ServicePortSpec[], ports: Writable<ServicePortSpec>[]): void {
  const held = new Set(before.map(({ nodePort }) => nodePort).filter(Boolean))
  const used = new Set(ports.map(({ nodePort }) => nodePort).filter((port) => port && held.has(port)))
  const byName = new Map(before.map(({ name, nodePort }) => [name ?? '', nodePort]))
  for (const port of ports) {
    const nodePort = byName.get(port.name ?? '')
    if (port.nodePort || !nodePort || used.has(nodePort)) continue
    port.nodePort = nodePort
    used.add(nodePort)
  }
}

/** Labels and annotations of the manifest over the live ones; without evidence only those that decide rules are reset. */
function mergeMetadata(live: ObjectMeta, said: ObjectMeta, { metadata: was }: Evidence): ObjectMeta {
  const merged = (field: 'labels' | 'annotations', decides: (name: string) => boolean) => {
    const old = (was?.[field] ?? {}) as Readonly<Record<string, unknown>>
    const kept = Object.entries(live[field] ?? {}).filter(([name]) =>
      was === null ? !decides(name) : old[name] === undefined,
    )
    const all = { ...Object.fromEntries(kept), ...(said[field] ?? {}) }
    return Object.keys(all).length === 0 && !live[field] ? {} : { [field]: all }
  }
  return {
    ...live,
    ...merged('labels', (name) => RULE_LABELS.has(name)),
    ...merged('annotations', (name) => RULE_ANNOTATIONS.test(name)),
  }
}
