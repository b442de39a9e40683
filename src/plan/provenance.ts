import { formatPath, type JsonPath } from '../diagnostics.ts'
import type { ServicePort } from '../resolve/types.ts'
import type { SettingField } from './settings.ts'
import { type ClaimedVirtualServer, hostPort, virtualServerKey } from './virtualServers.ts'

/**
 * Who asked for each item of a plan. It lies beside the plan, so that the plan's fingerprint speaks of kernel
 * state alone. A real server is explained by the service port of its virtual server: `endpoints` there tells
 * which slice it came from.
 */
export interface Provenance {
  readonly version: 1
  readonly servicePorts: readonly ServicePortProvenance[]
  readonly virtualServers: readonly ItemProvenance[]
  /** Addresses on the dummy interface. */
  readonly addresses: readonly ItemProvenance[]
  /** By set name in the kernel. */
  readonly sets: Readonly<Record<string, readonly ItemProvenance[]>>
  readonly settings: readonly { readonly item: string; readonly field: string }[]
}

export interface ServicePortProvenance {
  /** `namespace/name:portName`. */
  readonly servicePort: string
  readonly family: string
  readonly protocol: string
  /** `ip:port` of every endpoint, ready or not, by the slice (or Endpoints object) that holds it. */
  readonly endpoints: Readonly<Record<string, readonly string[]>>
}

export interface ItemProvenance {
  readonly item: string
  readonly servicePort: string
  /** The field of the Service, without indices. */
  readonly field: string
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
    settings: input.settings.map(({ sysctl, field }) => ({ item: sysctl.name, field })),
  }
}

const claimProvenance = ({ servicePort, path }: ClaimedVirtualServer, item: string): ItemProvenance => ({
  item,
  servicePort: servicePort.key,
  field: fieldName(path),
})

/** Indices would depend on the order of the input's lists, which means nothing. */
export const fieldName = (path: JsonPath): string => formatPath(path.filter((key) => typeof key === 'string'))

function servicePortProvenance({ key, family, protocol, endpoints }: ServicePort): ServicePortProvenance {
  const bySource: Record<string, string[]> = {}
  for (const { source, address, port } of endpoints) {
    const list = bySource[source]
    if (list === undefined) bySource[source] = [hostPort(address, port)]
    else list.push(hostPort(address, port))
  }
  return { servicePort: key, family, protocol, endpoints: bySource }
}

/** JSON with one line for each item. */
export function formatProvenance(provenance: Provenance): string {
  const { version, servicePorts, virtualServers, addresses, sets, settings } = provenance
  const named = Object.entries(sets).map(
    ([name, list]) => `    ${JSON.stringify(name)}: ${itemLines(list, '    ')}`,
  )
  return `{
  "version": ${version},
  "servicePorts": ${itemLines(servicePorts, '  ')},
  "virtualServers": ${itemLines(virtualServers, '  ')},
  "addresses": ${itemLines(addresses, '  ')},
  "sets": {${named.length === 0 ? '' : `\n${named.join(',\n')}\n  `}},
  "settings": ${itemLines(settings, '  ')}
}
`
}

const itemLines = (list: readonly unknown[], indent: string): string =>
  list.length === 0
    ? '[]'
    : `[\n${list.map((item) => `${indent}  ${JSON.stringify(item)}`).join(',\n')}\n${indent}]`
