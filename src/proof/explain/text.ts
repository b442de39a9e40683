import { formatPath, type JsonPath, type Origin } from '../../diagnostics/diagnostics.ts'
import { safeText } from '../../diagnostics/safeText.ts'
import type { LeftOut } from '../endpoints.ts'
import type { AddressExplanation } from './addresses.ts'
import type { Explanation } from './explain.ts'
import type { EndpointExplanation, EndpointFate, ServiceExplanation } from './service.ts'

/** `deploy/cart.yaml:12`, or the file alone where the line is not known. */
export type PlaceName = (origin: Origin, path: JsonPath) => string

/** Services that ask for one item: more are counted. */
const MOST_OWNERS = 8

/** Items as a person reads them: what it is and where, what it says, why it is there, and who asks for it. */
export function formatExplanations(items: readonly Explanation[], placeName: PlaceName): string {
  return items.map((item) => itemText(item, placeName)).join('\n')
}

function itemText(
  { item, text, place, services, fields, reason, remarks }: Explanation,
  placeName: PlaceName,
): string {
  const shown = (services ?? []).slice(0, MOST_OWNERS)
  const rest = (services?.length ?? 0) - shown.length
  const owners = shown.map(
    ({ servicePort, path, origin }) =>
      `${servicePort}  ${formatPath(path)}${origin === null ? '' : `, ${placeName(origin, path)}`}`,
  )
  return [
    `${safeText(place === null ? item : `${item.padEnd(60)}  ${place}`)}\n`,
    ...[text, ...remarks].flatMap((line) => (line === null ? [] : [row('', line)])),
    row('why', reason ?? 'IPVS mode has no such item: it is not from ipvsc, or from another release'),
    ...owners.map((owner, index) => row(index === 0 ? 'for' : '', owner)),
    ...(rest > 0 ? [row('', `and ${rest} more`)] : []),
    ...(fields.length === 0 ? [] : [row('by', fields.join(', '))]),
    ...(services === null ? [row('for', 'this state does not say who asked for it: give --cluster')] : []),
  ].join('')
}

const row = (name: string, text: string): string => `  ${name.padEnd(4)} ${safeText(text)}\n`

/** A Service on a node: the verdict, its addresses, its endpoints with what keeps each out, and what to do. */
export function formatService(found: ServiceExplanation, node: string, placeName: PlaceName): string {
  const { origin, passedOver, addresses, endpoints, remarks } = found
  const title = `${safeText(verdict(found, node))}\n`
  if (passedOver !== null)
    return `${title}\n  ${safeText(`${formatPath(passedOver.path)}, ${placeName(origin, passedOver.path)}`)}\n`
  const rows: Row[] = [
    ...addresses.map((address): Row => addressRow(address, found, placeName)),
    ...endpoints.flatMap((endpoint) => endpointRows(endpoint, found, placeName)),
  ]
  const widths = [0, 1].map((column) => Math.max(0, ...rows.map((cells) => cells[column]?.length ?? 0)))
  const lines = rows.map(
    ([a, b, c]) => `  ${safeText(`${a.padEnd(widths[0] ?? 0)}  ${b.padEnd(widths[1] ?? 0)}  ${c}`)}\n`,
  )
  const notes = remarks.map((remark) => `  note: ${safeText(remark)}\n`)
  return [title, '\n', ...lines, ...(notes.length === 0 ? [] : ['\n', ...notes])].join('')
}

type Row = readonly [name: string, what: string, why: string]

function verdict({ service, passedOver, addresses }: ServiceExplanation, node: string): string {
  if (passedOver !== null) return `${service} has no rules on ${node}: ${passedOver.why}`
  const served = addresses.filter(({ realServers }) => realServers !== null)
  if (served.length === 0) return `${service} has no virtual server on ${node}`
  const empty = served.filter(({ realServers }) => realServers === 0).length
  if (empty === served.length) return `${service} has no real server on ${node}`
  const counts = [...new Set(served.map(({ realServers }) => realServers ?? 0))].sort((a, b) => a - b)
  const partly = empty === 0 ? '' : `, and none at ${empty} of its ${served.length} addresses`
  const most = counts.at(-1) ?? 0
  return `${service} has ${counts.length === 1 ? '' : 'up to '}${most} real server${most === 1 ? '' : 's'} on ${node}${partly}`
}

const FIELDS: Readonly<Record<AddressExplanation['by'], string>> = {
  clusterIP: 'cluster IP',
  externalIP: 'external IP',
  loadBalancer: 'load balancer',
  nodePort: 'node port',
}

function addressRow(
  { by, address, port, protocol, path, realServers, why }: AddressExplanation,
  { origin }: ServiceExplanation,
  placeName: PlaceName,
): Row {
  const host = address.includes(':') ? `[${address}]` : address
  const count =
    realServers === null
      ? ''
      : `; ${realServers === 0 ? 'no' : realServers} real server${realServers === 1 ? '' : 's'}`
  return [
    `${host}:${port} ${protocol}`,
    FIELDS[by],
    `${why}${count}; ${formatPath(path)}, ${placeName(origin, path)}`,
  ]
}

/** One line where an endpoint meets the same at all addresses, else one for each policy. */
function endpointRows(
  { endpoint, node, origin, path, internal, external }: EndpointExplanation,
  service: ServiceExplanation,
  placeName: PlaceName,
): Row[] {
  const row = (fate: EndpointFate, at: string, policy: string): Row => [
    endpoint,
    fate.kind,
    [fateText(fate, node, policy), at, placeName(origin, path)].filter((part) => part !== '').join(', '),
  ]
  const policyAt = (name: string): string => `${name}: Local, ${placeName(service.origin, ['spec', name])}`
  const inside = row(internal, '', policyAt('internalTrafficPolicy'))
  if (external === null || JSON.stringify(external) === JSON.stringify(internal)) return [inside]
  return [
    row(internal, 'at the cluster IP', policyAt('internalTrafficPolicy')),
    row(external, 'at the other addresses', policyAt('externalTrafficPolicy')),
  ]
}

const REASONS: Readonly<Record<LeftOut, string>> = {
  'wrong family': 'its address is not of the family that the slice announces',
  'no port number': 'the slice has no number for the port',
  'not ready': 'it is not ready, and not serving while it ends (conditions)',
  terminating: 'it is ending, and others are ready',
  'on another node': 'it runs on another node',
  'on no known node': 'no node of it is known',
  'hinted to other nodes': 'topology hints keep it for other nodes',
  'hinted to other zones': 'topology hints keep it for other zones',
}

function fateText(fate: EndpointFate, node: string | null, policy: string): string {
  switch (fate.kind) {
    case 'serves':
      return node === null ? 'on no known node' : `on ${node}`
    case 'stands in':
      return `no endpoint of this node may answer, and IPVS mode takes others (${policy})`
    case 'missing':
      return 'it may answer, and the rules do not have it'
    case 'surplus':
      return `the rules have it, although ${REASONS[fate.why]}`
    case 'left out':
      if (fate.why === 'on another node') return `it runs on ${node} (${policy})`
      return fate.why === 'on no known node' ? `${REASONS[fate.why]} (${policy})` : REASONS[fate.why]
  }
}
