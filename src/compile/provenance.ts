import { formatPath, type JsonPath } from '../diagnostics/diagnostics.ts'
import { assumedValues } from '../kube/assumed.ts'
import { compareText } from '../order.ts'
import { hostPort, virtualServerKey } from '../plan/keys.ts'
import type { Rule, SetEntry, Table } from '../plan/types.ts'
import type { Endpoint, ServicePort } from '../resolve/types.ts'
import { joined } from '../text.ts'
import { ALWAYS, type SettingField } from './modes/ipvs/settings.ts'
import type { ClaimedVirtualServer } from './modes/ipvs/virtualServers.ts'

/**
 * Who asked for each item of a plan. It lies beside the plan, so that the plan's fingerprint speaks of what a node
 * is to do alone. A real server is explained by the service port of its virtual server: `sources` there tells
 * which slice it came from.
 */
export interface Provenance {
  readonly version: 1
  readonly servicePorts: readonly ServicePortProvenance[]
  readonly virtualServers: readonly ItemProvenance[]
  /** Addresses on the dummy interface. */
  readonly addresses: readonly ItemProvenance[]
  /** By set name in the kernel; `addresses` explains KUBE-IPVS-IPS. */
  readonly sets: Readonly<Record<string, readonly ItemProvenance[]>>
  /** `ipv4 nat KUBE-SERVICES 3`: counted from 1 within the chain. */
  readonly rules: readonly ReasonedItem[]
  readonly settings: readonly ReasonedItem[]
}

/** An item that no single Service asks for, and the configuration field or the set that does. */
export interface ReasonedItem {
  readonly item: string
  readonly field: string
}

export interface ServicePortProvenance {
  /** `namespace/name:portName`. */
  readonly servicePort: string
  readonly family: string
  readonly protocol: string
  /** Slices (or Endpoints objects), by name. */
  readonly sources: readonly EndpointSource[]
}

export interface EndpointSource {
  /** `namespace/name`. */
  readonly name: string
  /** `ip:port` of every endpoint that it states, ready or not; `null` where it is the only source. */
  readonly endpoints: readonly string[] | null
}

export interface ItemProvenance {
  readonly item: string
  readonly servicePort: string
  /** The field of the Service, without indices. */
  readonly field: string
  /** Whether the field holds what nobody stated: a cluster would choose it. */
  readonly assumed?: true
}

export interface SetProvenance {
  readonly set: string
  readonly entry: string
  readonly servicePort: ServicePort
  readonly field: string
}

export interface ProvenanceInput {
  readonly servicePorts: readonly ServicePort[]
  readonly virtualServers: readonly ClaimedVirtualServer[]
  readonly addresses: readonly ClaimedVirtualServer[]
  readonly sets: Readonly<Record<string, readonly ItemProvenance[]>>
  readonly tables: readonly Table[]
  readonly settings: readonly SettingField[]
}

export function buildProvenance(input: ProvenanceInput): Provenance {
  return {
    version: 1,
    servicePorts: input.servicePorts.map(servicePortProvenance),
    virtualServers: input.virtualServers.map((claim) =>
      claimProvenance(claim, virtualServerKey(claim.virtualServer)),
    ),
    addresses: input.addresses.map((claim) => claimProvenance(claim, claim.virtualServer.address)),
    sets: input.sets,
    rules: input.tables.flatMap(ruleProvenance),
    settings: input.settings.map(({ sysctl, field }) => ({ item: sysctl.name, field })),
  }
}

const claimProvenance = ({ servicePort, path }: ClaimedVirtualServer, item: string): ItemProvenance => ({
  item,
  servicePort: servicePort.key,
  field: fieldName(path),
  ...(isAssumed(servicePort.service, path) ? ASSUMED : {}),
})

const ASSUMED = { assumed: true } as const

const isAssumed = ({ assumed }: ServicePort['service'], path: JsonPath): boolean =>
  assumed?.some((known) => formatPath(known) === formatPath(path)) ?? false

/** An entry of a set that one service port asks for. */
export function entryProvenance(
  entry: SetEntry,
  item: string,
  { key, service }: ServicePort,
  field: string,
): ItemProvenance {
  const values = service.assumed === undefined ? null : assumedValues(service)
  const { address, port } = entry as { readonly address?: string; readonly port?: number }
  const isIn = (value: string | number | undefined): boolean => values?.has(String(value)) ?? false
  return { item, servicePort: key, field, ...(isIn(address) || isIn(port) ? ASSUMED : {}) }
}

const ruleProvenance = ({ family, name, chains }: Table): ReasonedItem[] =>
  chains.flatMap((chain) =>
    chain.rules.map((rule, index) => ({
      item: `${family} ${name} ${chain.name} ${index + 1}`,
      field: ruleFields(rule).join(', ') || ALWAYS,
    })),
  )

/** The sets and configuration fields that a rule depends on. */
function ruleFields({ matches, target }: Rule): string[] {
  const fields = matches.flatMap((match) => {
    if (match.kind === 'set') return [match.set]
    if (match.kind === 'mark') return ['iptables.masqueradeBit']
    if (match.kind === 'ipvs') return ['spec.loadBalancerSourceRanges']
    const detectsLocal = (match.kind === 'source' || match.kind === 'inInterface') && match.negate
    return detectsLocal ? ['detectLocalMode'] : []
  })
  return target.kind === 'mark' ? [...fields, 'iptables.masqueradeBit'] : fields
}

/** Indices would depend on the order of the input's lists, which means nothing. */
export const fieldName = (path: JsonPath): string => path.filter((key) => typeof key === 'string').join('.')

function servicePortProvenance({ key, family, protocol, endpoints }: ServicePort): ServicePortProvenance {
  return { servicePort: key, family, protocol, sources: endpointSources(endpoints) }
}

function endpointSources(endpoints: readonly Endpoint[]): EndpointSource[] {
  const names = [...new Set(endpoints.map(({ source }) => source))].sort(compareText)
  if (names.length === 1) return [{ name: names[0] as string, endpoints: null }]
  return names.map((name) => ({
    name,
    endpoints: endpoints
      .filter(({ source }) => source === name)
      .map(({ address, port }) => hostPort(address, port)),
  }))
}

/** JSON with one line for each item. */
export const formatProvenance = (provenance: Provenance): string => joined(provenancePieces(provenance))

/** The same in pieces, for whoever writes it as bytes. */
export function* provenancePieces({ version, sets, ...lists }: Provenance): Generator<string> {
  yield `{\n  "version": ${version}`
  for (const [name, list] of Object.entries(lists)) {
    yield `,\n  ${JSON.stringify(name)}: `
    yield* linePieces(list, '  ')
  }
  let separator = ',\n  "sets": {'
  for (const [name, list] of Object.entries(sets)) {
    yield `${separator}\n    ${JSON.stringify(name)}: `
    yield* linePieces(list, '    ')
    separator = ','
  }
  yield separator === ',' ? '\n  }\n}\n' : `${separator}}\n}\n`
}

function* linePieces(list: readonly unknown[], indent: string): Generator<string> {
  let separator = `[\n${indent}  `
  for (const item of list) {
    yield separator + JSON.stringify(item)
    separator = `,\n${indent}  `
  }
  yield list.length === 0 ? '[]' : `\n${indent}]`
}
