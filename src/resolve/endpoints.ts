import type { Cluster, Sourced } from '../cluster/types.ts'
import { type Diagnostic, excerpt, type JsonPath } from '../diagnostics.ts'
import type { EndpointAddress, EndpointPort, EndpointSlice, Endpoints, SliceEndpoint } from '../kube/types.ts'
import { canonicalAddress, compareAddresses, familyOf, parseIPv4, specialUse } from '../net/address.ts'
import { compareText } from '../order.ts'
import type { Family } from '../plan/types.ts'
import { fullName, namespaceOf, ObjectReport, type Report } from './report.ts'
import { checkedAddress } from './services.ts'
import type { Endpoint } from './types.ts'

const SERVICE_NAME_LABEL = 'kubernetes.io/service-name'
/** Keys of `topology` in discovery.k8s.io/v1beta1. */
const HOSTNAME_TOPOLOGY = 'kubernetes.io/hostname'

/** An endpoint of a slice without its ports, which all endpoints of a slice share. */
type Backend = Omit<Endpoint, 'port'>

/** The endpoints that one object states for one family: every backend answers on every port. */
interface EndpointGroup {
  readonly family: Family
  readonly backends: readonly Backend[]
  readonly ports: readonly EndpointPort[]
}

/** All endpoint groups by `namespace/name` of their Service. */
export type EndpointIndex = ReadonlyMap<string, readonly EndpointGroup[]>

export interface IndexedEndpoints {
  readonly index: EndpointIndex
  readonly diagnostics: readonly Diagnostic[]
}

/** Reads every slice, and the Endpoints objects of Services without any slice. */
export function indexEndpoints(cluster: Cluster): IndexedEndpoints {
  const index = new Map<string, EndpointGroup[]>()
  const diagnostics: Diagnostic[] = []
  const services = new Set(cluster.services.map(({ object }) => fullName(object)))

  const add = (
    source: Sourced<EndpointSlice | Endpoints>,
    service: string,
    read: (report: Report) => EndpointGroup[],
  ) => {
    const report = new ObjectReport(source)
    const groups = read(report.add)
    diagnostics.push(...report.diagnostics)
    if (report.failed) return
    const known = index.get(service)
    if (known === undefined) index.set(service, groups)
    else known.push(...groups)
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
  return { index, diagnostics }
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
  const backends: Backend[] = []
  const items = endpoints ?? []
  for (let index = 0; index < items.length; index++) {
    const endpoint = items[index] as SliceEndpoint
    const text = endpoint.addresses[0]
    if (text === undefined) continue
    const address = backendAddress(text, family, ['endpoints', index, 'addresses', 0], report)
    if (address !== null) backends.push(sliceBackend(endpoint, address, source))
  }
  return [{ family, backends, ports: ports ?? [] }]
}

function sliceBackend(
  { conditions, nodeName, topology, hints }: SliceEndpoint,
  address: string,
  source: string,
): Backend {
  const ready = conditions?.ready ?? true
  return {
    address,
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
function backendAddress(text: string, family: Family, path: JsonPath, report: Report): string | null {
  const address = canonicalAddress(text)
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
    const read = (field: 'addresses' | 'notReadyAddresses', ready: boolean) =>
      (subset[field] ?? []).flatMap((address, position) =>
        endpointsBackend(address, ready, source, ['subsets', index, field, position, 'ip'], report),
      )
    const backends = [...read('addresses', true), ...read('notReadyAddresses', false)]
    return (['ipv4', 'ipv6'] as const).map((family) => ({
      family,
      backends: backends.filter(({ address }) => familyOf(address) === family),
      ports: subset.ports ?? [],
    }))
  })
}

function endpointsBackend(
  { ip, nodeName }: EndpointAddress,
  ready: boolean,
  source: string,
  path: JsonPath,
  report: Report,
): Backend[] {
  const address = checkedAddress(ip, path, report)
  if (address === null) return []
  const state = { ready, serving: ready, terminating: false, forZones: null, forNodes: null }
  return [{ address, ...state, nodeName: nodeName ?? null, source }]
}

/** The endpoints of one service port: those of the ports that have its name and protocol. */
export function joinEndpoints(
  groups: readonly EndpointGroup[],
  family: Family,
  portName: string,
  protocol: string,
): readonly Endpoint[] {
  const joined: Endpoint[] = []
  for (const group of groups) {
    if (group.family !== family) continue
    for (const port of group.ports) {
      if (!port.port || (port.name ?? '') !== portName || (port.protocol || 'TCP') !== protocol) continue
      for (const backend of group.backends) joined.push(withPort(backend, port.port))
    }
  }
  return sortEndpoints(joined, family)
}

const withPort = (backend: Backend, port: number): Endpoint => ({
  address: backend.address,
  port,
  ready: backend.ready,
  serving: backend.serving,
  terminating: backend.terminating,
  nodeName: backend.nodeName,
  forZones: backend.forZones,
  forNodes: backend.forNodes,
  source: backend.source,
})

/**
 * Orders endpoints by address and port, and drops copies that say the same of the same node. Copies that
 * disagree keep an order that does not depend on the input's: ready before serving before the rest.
 */
function sortEndpoints(endpoints: Endpoint[], family: Family): Endpoint[] {
  if (family === 'ipv6')
    endpoints.sort((a, b) => compareAddresses(a.address, b.address) || compareCopies(a, b))
  else sortByNumber(endpoints)
  return endpoints.filter((endpoint, index) => {
    const previous = endpoints[index - 1]
    return (
      previous === undefined || !sameServer(previous, endpoint) || previous.nodeName !== endpoint.nodeName
    )
  })
}

/** IPv4 endpoints are many: their addresses are parsed once, not at every comparison. */
function sortByNumber(endpoints: Endpoint[]): void {
  const numbers = new Map<Endpoint, number>()
  for (const endpoint of endpoints) numbers.set(endpoint, parseIPv4(endpoint.address))
  endpoints.sort((a, b) => (numbers.get(a) as number) - (numbers.get(b) as number) || compareCopies(a, b))
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
