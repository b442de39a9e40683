import type { Cluster, Sourced } from '../kube/cluster.ts'
import {
  canonicalText,
  clusterIPsOf,
  isHeadless,
  protocolOf,
  targetPortOf,
  typeOf,
  withDefaults,
} from '../kube/defaults.ts'
import { fullName } from '../kube/names.ts'
import type { EndpointSlice, Service } from '../kube/types.ts'
import { compareText, sortedBy } from '../order.ts'
import { serviceOfSlice } from './slices.ts'

/** What becomes of a Service from one cluster to another. */
export interface ServiceChange {
  /** `namespace/name`. */
  readonly service: string
  readonly change: 'added' | 'removed' | 'changed' | 'recreated'
  /** Fields that decide rules, as people name them; of an added or removed Service those that it has. */
  readonly fields: readonly FieldChange[]
}

export interface FieldChange {
  readonly field: string
  /** `null`: it has none. */
  readonly before: string | null
  readonly after: string | null
}

/**
 * Services that differ in what decides their rules. Assumed values that had to move for others are no change of the Service.
 * `recreated` names those that have to be deleted and created again.
 */
export function serviceChanges(
  from: Cluster,
  to: Cluster,
  recreated: ReadonlySet<string> = new Set(),
): ServiceChange[] {
  const before = new Map(from.services.map((service) => [fullName(service.object), service]))
  const after = new Map(to.services.map((service) => [fullName(service.object), service]))
  const ready = [readyAddresses(from, to), readyAddresses(to, from)] as const
  const changes = [...new Set([...before.keys(), ...after.keys()])].flatMap((name): ServiceChange[] => {
    const [old, now] = [before.get(name), after.get(name)]
    if (old === now && !ready[0].has(name) && !ready[1].has(name)) return []
    const fields = compared(old, now, ready[0].get(name) ?? 0, ready[1].get(name) ?? 0)
    const change =
      old === undefined
        ? 'added'
        : now === undefined
          ? 'removed'
          : recreated.has(name)
            ? 'recreated'
            : 'changed'
    return fields.length === 0 && change === 'changed' ? [] : [{ service: name, change, fields }]
  })
  return sortedBy(changes, ({ service }) => service)
}

/** Ready addresses by Service, of slices that the other cluster does not have. */
function readyAddresses({ endpointSlices }: Cluster, other: Cluster): ReadonlyMap<string, number> {
  const same = new Set<Sourced<EndpointSlice>>(other.endpointSlices)
  const addresses = new Map<string, Set<string>>()
  for (const slice of endpointSlices) {
    if (same.has(slice)) continue
    const name = serviceOfSlice(slice.object)
    const known = addresses.get(name) ?? new Set()
    for (const {
      addresses: [address = ''],
      conditions,
    } of slice.object.endpoints ?? [])
      if (conditions?.ready ?? true) known.add(address)
    addresses.set(name, known)
  }
  return new Map([...addresses].map(([name, set]) => [name, set.size]))
}

function compared(
  old: Sourced<Service> | undefined,
  now: Sourced<Service> | undefined,
  readyBefore: number,
  readyAfter: number,
): FieldChange[] {
  const [before, after] = [old === undefined ? {} : fieldsOf(old), now === undefined ? {} : fieldsOf(now)]
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap(
    (field): FieldChange[] => {
      const [a, b] = [before[field], after[field]]
      if (a?.text === b?.text || (a?.assumed && b?.assumed)) return []
      if ((a === undefined) !== (b === undefined) && isUsual(field, (a ?? b)?.text)) return []
      return [{ field, before: a === undefined ? null : shown(a), after: b === undefined ? null : shown(b) }]
    },
  )
  if (readyBefore === readyAfter) return fields
  return [...fields, { field: 'ready endpoints', before: String(readyBefore), after: String(readyAfter) }]
}

/** A type brings these with it, and takes them away: no news of its own where nobody states another. */
const USUAL: Readonly<Record<string, RegExp>> = {
  externalTrafficPolicy: /^Cluster$/,
  internalTrafficPolicy: /^Cluster$/,
  ipFamilies: /./,
  ipFamilyPolicy: /^SingleStack$/,
}
const isUsual = (field: string, text = ''): boolean =>
  Object.hasOwn(USUAL, field) && (USUAL[field]?.test(text) ?? false)

interface Field {
  readonly text: string
  readonly assumed: boolean
}

const shown = ({ text, assumed }: Field): string => (assumed ? `${text} (assumed)` : text)

function fieldsOf({ object, assumed = [] }: Sourced<Service>): Record<string, Field> {
  const spec = withDefaults(object.spec ?? {})
  const marks = new Set(assumed.map((path) => path.join('.')))
  const fields: Record<string, Field> = {}
  const add = (field: string, value: unknown, mark = ''): void => {
    const text = typeof value === 'string' ? value : value === undefined ? '' : canonicalText(value)
    if (text !== '' && text !== '[]' && text !== '{}') fields[field] = { text, assumed: marks.has(mark) }
  }
  add('type', typeOf(spec))
  if (isHeadless(spec)) add('cluster IP', 'None')
  clusterIPsOf(spec).forEach((address, index) => {
    add(index === 0 ? 'cluster IP' : 'second cluster IP', address, `spec.clusterIPs.${index}`)
  })
  spec.ports?.forEach((port, index) => {
    const name = `port ${port.port}/${protocolOf(port)}`
    add(name, `${port.name ? `${port.name} ` : ''}to ${targetPortOf(port)}`)
    if (port.nodePort)
      add(
        `node port of ${port.port}/${protocolOf(port)}`,
        String(port.nodePort),
        `spec.ports.${index}.nodePort`,
      )
  })
  add('selector', labelsText(spec.selector ?? {}))
  for (const field of COMPARED) add(field, spec[field] ?? undefined)
  // Their order means nothing.
  for (const field of UNORDERED) add(field, [...(spec[field] ?? [])].sort())
  add(
    'sessionAffinity',
    spec.sessionAffinity === 'ClientIP'
      ? `ClientIP, ${spec.sessionAffinityConfig?.clientIP?.timeoutSeconds} s`
      : 'None',
  )
  if (spec.healthCheckNodePort)
    add('health-check node port', String(spec.healthCheckNodePort), 'spec.healthCheckNodePort')
  const ingress = (object.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (ip ? [ip] : [])).sort()
  add('load balancer address', ingress.join(', '), 'status.loadBalancer.ingress.0.ip')
  return fields
}

/** `app=web, tier=front`. */
const labelsText = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .sort(([a], [b]) => compareText(a, b))
    .map(([key, value]) => `${key}=${value}`)
    .join(', ')

const COMPARED = [
  'ipFamilies',
  'ipFamilyPolicy',
  'loadBalancerIP',
  'loadBalancerClass',
  'externalName',
  'externalTrafficPolicy',
  'internalTrafficPolicy',
  'publishNotReadyAddresses',
  'trafficDistribution',
] as const

const UNORDERED = ['externalIPs', 'loadBalancerSourceRanges'] as const

/** `~ Service shop/web: sessionAffinity ClientIP, 10800 s → None`, one line for each Service. */
export function formatServiceChange({ service, change, fields }: ServiceChange): string {
  const sign = { added: '+', removed: '-', changed: '~', recreated: '!' }[change]
  const words = {
    added: 'added',
    removed: 'removed',
    changed: '',
    recreated: 'has to be deleted and created again',
  }[change]
  const side = (field: FieldChange): string =>
    change === 'added'
      ? `${field.field} ${field.after}`
      : `${field.field} ${field.before ?? 'none'} → ${field.after ?? 'none'}`
  const told =
    change === 'removed'
      ? []
      : fields.filter((field) => change !== 'added' || TOLD_OF_NEW.test(field.field)).map(side)
  return `${sign} Service ${service}: ${[words, ...told].filter((part) => part !== '').join('; ')}`
}

const TOLD_OF_NEW = /^(type|cluster IP|port |node port |load balancer)/
