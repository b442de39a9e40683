import { type Diagnostic, excerpt } from '../diagnostics/diagnostics.ts'
import type { Cluster, Sourced } from '../kube/cluster.ts'
import { fullName, namespaceOf } from '../kube/names.ts'
import { ObjectReport, type Report } from '../kube/report.ts'
import type { EndpointPort, EndpointSlice, Endpoints, SliceEndpoint } from '../kube/types.ts'
import {
  canonicalAddress,
  compareAddresses,
  familyOf,
  isOrdinary,
  parseIPv4,
  specialUse,
} from '../net/address.ts'
import { FAMILIES, type Family } from '../net/family.ts'
import { compareText } from '../order.ts'
import type { ReadEndpoints, ResolveMemo } from './memo.ts'
import { checkedAddress } from './services.ts'
import type { Endpoint, EndpointGroup, EndpointSource } from './types.ts'

const SERVICE_NAME_LABEL = 'kubernetes.io/service-name'
/** Keys of `topology` in discovery.k8s.io/v1beta1. */
const HOSTNAME_TOPOLOGY = 'kubernetes.io/hostname'

/** A port with a number: the others are skipped. */
type NumberedPort = EndpointPort & { readonly port: number }

const numberedPorts = (ports: readonly EndpointPort[] | null | undefined): NumberedPort[] =>
  (ports ?? []).filter((port): port is NumberedPort => Boolean(port.port))

/** Every endpoint answers on every port. The endpoints given are those of the first port. */
const groupsOf = (
  family: Family,
  endpoints: readonly Endpoint[],
  ports: readonly NumberedPort[],
): EndpointGroup[] =>
  ports.map(({ name, protocol, port }, index) => ({
    family,
    portName: name ?? '',
    protocol: protocol || 'TCP',
    endpoints: index === 0 ? endpoints : endpoints.map((endpoint) => ({ ...endpoint, port })),
  }))

/** All endpoint groups by `namespace/name` of their Service. */
export type EndpointIndex = ReadonlyMap<string, readonly EndpointGroup[]>

export interface IndexedEndpoints {
  readonly index: EndpointIndex
  /** The objects that state them, by Service. */
  readonly sources: ReadonlyMap<string, readonly EndpointSource[]>
  readonly diagnostics: readonly Diagnostic[]
}

/** Reads every slice, and the Endpoints objects of Services without any slice. */
export function indexEndpoints(cluster: Cluster, memo?: ResolveMemo): IndexedEndpoints {
  const index = new Map<string, EndpointGroup[]>()
  const sources = new Map<string, EndpointSource[]>()
  const diagnostics: Diagnostic[] = []
  const services = new Set(cluster.services.map(({ object }) => fullName(object)))

  const add = (source: EndpointSource, service: string, read: (report: Report) => EndpointGroup[]) => {
    const stated =
      memo === undefined ? readOne(source, read) : memo.endpoints(source, () => readOne(source, read))
    diagnostics.push(...stated.diagnostics)
    if (stated.failed) return
    const known = index.get(service)
    if (known === undefined) index.set(service, [...stated.groups])
    else known.push(...stated.groups)
    const others = sources.get(service)
    if (others === undefined) sources.set(service, [source])
    else others.push(source)
  }

  const sliced = new Set<string>()
  for (const slice of cluster.endpointSlices) {
    const name = slice.object.metadata.labels?.[SERVICE_NAME_LABEL]
    const service = `${namespaceOf(slice.object)}/${name}`
    if (name !== undefined) sliced.add(service)
    if (services.has(service)) add(slice, service, (report) => readSlice(slice.object, report))
    else diagnostics.push(...orphanSlice(slice, name))
  }
  for (const endpoints of cluster.endpoints) {
    const service = fullName(endpoints.object)
    if (sliced.has(service)) continue
    if (services.has(service)) add(endpoints, service, (report) => readEndpoints(endpoints.object, report))
    else diagnostics.push(...orphanEndpoints(endpoints))
  }
  return { index, sources, diagnostics }
}

function readOne(source: EndpointSource, read: (report: Report) => EndpointGroup[]): ReadEndpoints {
  const report = new ObjectReport(source)
  const groups = read(report.add)
  return { groups, diagnostics: report.diagnostics, failed: report.failed }
}

function orphanSlice(slice: Sourced<EndpointSlice>, service: string | undefined): Diagnostic[] {
  const report = new ObjectReport(slice)
  report.add({
    code: 'SLICE_ORPHAN',
    severity: 'warning',
    message:
      service === undefined
        ? `The slice has no label ${SERVICE_NAME_LABEL}, so it belongs to no Service and is skipped.`
        : `The input has no Service of this name, so the slice is skipped.`,
    path: ['metadata', 'labels', SERVICE_NAME_LABEL],
    found: excerpt(service),
    expected: 'the name of a Service in the same namespace',
  })
  return report.diagnostics
}

function orphanEndpoints(endpoints: Sourced<Endpoints>): Diagnostic[] {
  const report = new ObjectReport(endpoints)
  report.add({
    code: 'ENDPOINTS_ORPHAN',
    severity: 'info',
    message: 'The input has no Service of this name, so the object is skipped.',
    path: ['metadata', 'name'],
  })
  return report.diagnostics
}

function readSlice(slice: EndpointSlice, report: Report): EndpointGroup[] {
  const { addressType, endpoints, ports } = slice
  if (addressType === 'FQDN') {
    report({
      code: 'SLICE_FQDN',
      severity: 'info',
      message: 'A slice of host names has no rules.',
      path: ['addressType'],
    })
    return []
  }
  const family = addressType === 'IPv4' ? 'ipv4' : 'ipv6'
  const source = fullName(slice)
  const numbered = numberedPorts(ports)
  const [first] = numbered
  const found: Endpoint[] = []
  const items = endpoints ?? []
  for (let index = 0; index < items.length; index++) {
    const item = items[index] as SliceEndpoint
    const text = item.addresses[0]
    if (text === undefined) continue
    const rank = family === 'ipv4' ? parseIPv4(text) : 0
    const address = isOrdinary(rank) ? text : checkedBackend(text, family, index, report)
    if (address !== null && first !== undefined)
      found.push(sliceEndpoint(item, address, rank, first.port, source))
  }
  return groupsOf(family, found, numbered)
}

function sliceEndpoint(
  { conditions, nodeName, topology, hints }: SliceEndpoint,
  address: string,
  rank: number,
  port: number,
  source: string,
): Endpoint {
  const ready = conditions?.ready ?? true
  return {
    address,
    rank,
    port,
    ready,
    serving: conditions?.serving ?? ready,
    terminating: conditions?.terminating ?? false,
    nodeName: nodeName ?? topology?.[HOSTNAME_TOPOLOGY] ?? null,
    forZones: hintNames(hints?.forZones),
    forNodes: hintNames(hints?.forNodes),
    source,
  }
}

const hintNames = (
  hints: readonly { readonly name: string }[] | null | undefined,
): readonly string[] | null =>
  hints && hints.length > 0 ? hints.map(({ name }) => name).sort(compareText) : null

/** The canonical address, or `null` when it is not one (an error) or not of the family (a warning). */
function checkedBackend(text: string, family: Family, index: number, report: Report): string | null {
  const address = canonicalAddress(text)
  const path = ['endpoints', index, 'addresses', 0]
  if (address === null || specialUse(address) !== null) return checkedAddress(text, path, report)
  if (familyOf(address) === family) return address
  report({
    code: 'ADDRESS_OTHER_FAMILY',
    severity: 'warning',
    message: 'The address is not of the family that the slice announces, so the endpoint is skipped.',
    path,
    found: address,
    expected: `an address of ${family}`,
  })
  return null
}

/** Each subset is a group for each family that it has addresses of. */
function readEndpoints(endpoints: Endpoints, report: Report): EndpointGroup[] {
  const source = fullName(endpoints)
  return (endpoints.subsets ?? []).flatMap((subset, index) => {
    const ports = numberedPorts(subset.ports)
    const port = ports[0]?.port ?? 0
    const read = (field: 'addresses' | 'notReadyAddresses', ready: boolean) =>
      (subset[field] ?? []).flatMap(({ ip, nodeName }, position) => {
        const address = checkedAddress(ip, ['subsets', index, field, position, 'ip'], report)
        return address === null ? [] : [subsetEndpoint(address, port, nodeName ?? null, ready, source)]
      })
    const found = [...read('addresses', true), ...read('notReadyAddresses', false)]
    return FAMILIES.flatMap((family) =>
      groupsOf(
        family,
        found.filter(({ address }) => familyOf(address) === family),
        ports,
      ),
    )
  })
}

const subsetEndpoint = (
  address: string,
  port: number,
  nodeName: string | null,
  ready: boolean,
  source: string,
): Endpoint => ({
  address,
  rank: familyOf(address) === 'ipv4' ? parseIPv4(address) : 0,
  port,
  ready,
  serving: ready,
  terminating: false,
  nodeName,
  forZones: null,
  forNodes: null,
  source,
})

/** The endpoints of one service port: those of the ports that have its name and protocol. */
export function joinEndpoints(
  groups: readonly EndpointGroup[],
  family: Family,
  portName: string,
  protocol: string,
): readonly Endpoint[] {
  const matching = groups.filter(
    (group) => group.family === family && group.portName === portName && group.protocol === protocol,
  )
  return sortEndpoints(
    matching.length === 1
      ? [...(matching[0]?.endpoints ?? [])]
      : matching.flatMap(({ endpoints }) => endpoints),
    family,
  )
}

/**
 * Orders endpoints by address and port, and drops copies that say the same of the same node. Copies that
 * disagree keep an order that does not depend on the input's: ready before serving before the rest.
 */
function sortEndpoints(endpoints: Endpoint[], family: Family): Endpoint[] {
  const compare =
    family === 'ipv4'
      ? (a: Endpoint, b: Endpoint) => a.rank - b.rank || compareCopies(a, b)
      : (a: Endpoint, b: Endpoint) => compareAddresses(a.address, b.address) || compareCopies(a, b)
  endpoints.sort(compare)
  const isFirst = (endpoint: Endpoint, index: number): boolean => {
    const previous = endpoints[index - 1]
    return (
      previous === undefined || !sameServer(previous, endpoint) || previous.nodeName !== endpoint.nodeName
    )
  }
  return endpoints.every(isFirst) ? endpoints : endpoints.filter(isFirst)
}

export const sameServer = (a: Endpoint, b: Endpoint): boolean => a.address === b.address && a.port === b.port

function compareCopies(a: Endpoint, b: Endpoint): number {
  return (
    a.port - b.port ||
    compareText(a.nodeName ?? '', b.nodeName ?? '') ||
    Number(b.ready) - Number(a.ready) ||
    Number(b.serving) - Number(a.serving) ||
    Number(a.terminating) - Number(b.terminating) ||
    compareText(hintKey(a), hintKey(b)) ||
    compareText(a.source, b.source)
  )
}

const hintKey = ({ forZones, forNodes }: Endpoint): string => JSON.stringify([forZones, forNodes])
