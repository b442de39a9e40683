import { formatPath, type JsonPath } from '../../../diagnostics/diagnostics.ts'
import { assumedValues } from '../../../kube/assumed.ts'
import { compareText } from '../../../order.ts'
import { formatEntry } from '../../../plan/entries.ts'
import { hostPort, virtualServerKey } from '../../../plan/keys.ts'
import type { IpSet, SetEntry, Table } from '../../../plan/types.ts'
import type { Endpoint, ServicePort } from '../../../resolve/types.ts'
import type {
  EndpointSource,
  ItemProvenance,
  Provenance,
  ReasonedItem,
  ServicePortProvenance,
} from '../../provenance.ts'
import type { EntryClaims, PlanOwners } from './owners.ts'
import { ruleFields } from './reasons.ts'
import type { ClaimedVirtualServer } from './virtualServers.ts'

/** The provenance of a plan, from its owners. An item of several Services has a line for each. What plans have in common is one object. */
export function buildProvenance(owners: PlanOwners): Provenance {
  const { claims, plan, shared } = owners
  const { addresses } = plan.dummyInterface
  return {
    version: 1,
    servicePorts: shared.of(claims.cluster.ports, () => claims.cluster.ports.map(servicePortProvenance)),
    virtualServers: claims.virtualServers.map((claim) =>
      shared.of(claim, () => claimProvenance(claim, virtualServerKey(claim.virtualServer))),
    ),
    addresses: shared.of(addresses, () =>
      [...owners.bound].flatMap(([address, asking]) =>
        onePerService(asking).map((claim) => claimProvenance(claim, address)),
      ),
    ),
    sets: setsProvenance(owners),
    rules: plan.tables.flatMap((table) => shared.of(table, () => ruleProvenance(table))),
    settings: owners.settings.map(({ sysctl, field }) => ({ item: sysctl.name, field })),
  }
}

/** The ports of a Service have its addresses in common: the first of them stands for all. */
function onePerService(claims: readonly ClaimedVirtualServer[]): ClaimedVirtualServer[] {
  const services = new Map<object, ClaimedVirtualServer>()
  for (const claim of claims) {
    const { service } = claim.servicePort
    if (!services.has(service)) services.set(service, claim)
  }
  return [...services.values()]
}

function setsProvenance({ plan, entryClaims, shared }: PlanOwners): Provenance['sets'] {
  const sets: Record<string, ItemProvenance[]> = {}
  for (const set of plan.sets) {
    const claims = entryClaims.get(set.name)
    if (claims === undefined || claims.byEntry.size === 0) continue
    sets[set.name] = shared.of(set, () => setProvenance(set, claims))
  }
  return sets
}

const setProvenance = ({ type, entries }: IpSet, { byEntry, field }: EntryClaims): ItemProvenance[] =>
  (entries as readonly SetEntry[]).flatMap((entry) => {
    const item = formatEntry(type, entry)
    return (byEntry.get(item) ?? []).map((servicePort) => entryProvenance(entry, item, servicePort, field))
  })

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
function entryProvenance(
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
      field: ruleFields(rule).join(', '),
    })),
  )

/** Indices would depend on the order of the input's lists, which means nothing. */
const fieldName = (path: JsonPath): string => path.filter((key) => typeof key === 'string').join('.')

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
