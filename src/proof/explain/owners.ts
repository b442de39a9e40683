import type { JsonPath, Origin } from '../../diagnostics/diagnostics.ts'
import type { Owner, Owners } from '../../plan/owners.ts'
import type { SetEntry } from '../../plan/types.ts'
import { type Item, itemKey } from './items.ts'
import { setDefinition } from './reasons.ts'

/** Who asks for an item. */
export interface ItemOwners {
  readonly services: readonly ServiceField[]
  /** Fields of the configuration, sets, or why the item is always there. */
  readonly fields: readonly string[]
}

/** A field of a Service, or of the object that states one of its endpoints. */
export interface ServiceField {
  /** `namespace/name:portName`. */
  readonly servicePort: string
  readonly path: JsonPath
  /** `null`: it is not known where the object was read. */
  readonly origin: Origin | null
}

export type OwnersOf = (item: Item) => ItemOwners

/** The owners of a plan that was compiled. */
export const compiledOwners =
  (owners: Owners): OwnersOf =>
  (item) => {
    switch (item.kind) {
      case 'virtualServer':
        return ofServices(owners.virtualServer(item.server))
      case 'realServer':
        return ofServices(owners.realServer(item.of, item.server))
      case 'address':
        return ofServices(owners.address(item.address))
      case 'entry':
        return ofServices(owners.entry(item.set.name, item.entry))
      case 'set': {
        const entries = item.set.entries as readonly SetEntry[]
        const { services } = ofServices(entries.flatMap((entry) => owners.entry(item.set.name, entry)))
        return { services, fields: fixedFields(item) }
      }
      case 'rule': {
        const { family, table, chain, number: position } = item
        const found = owners.rule({ family, table, chain: chain.name, position })
        return { ...ofServices(found.owners), fields: found.fields }
      }
      case 'setting':
        return { services: [], fields: owners.setting(item.sysctl.name) }
      default:
        return { services: [], fields: fixedFields(item) }
    }
  }

const ofServices = (owners: readonly Owner[]): ItemOwners => ({
  services: [...new Set(owners)].map(({ servicePort, path, origin }) => ({ servicePort, path, origin })),
  fields: [],
})

/** What asks for items that no Service and no single rule asks for. */
export function fixedFields(item: Item): string[] {
  switch (item.kind) {
    case 'conntrack':
      return ['conntrack.maxPerCore', 'conntrack.min']
    case 'timeouts':
      return ['ipvs.tcpTimeout', 'ipvs.tcpFinTimeout', 'ipvs.udpTimeout']
    case 'module':
      return [/^ip_vs_/.test(item.name) ? 'ipvs.scheduler' : 'IPVS mode']
    case 'chain':
    case 'jump':
    case 'interface':
    case 'set':
      return ['IPVS mode']
    default:
      return []
  }
}

/** Owners that a bundle recorded: which service port and field, by the text of the item. */
export interface RecordedOwners {
  readonly virtualServers: readonly RecordedItem[]
  readonly addresses: readonly RecordedItem[]
  readonly sets: Readonly<Record<string, readonly RecordedItem[]>>
  readonly rules: readonly { readonly item: string; readonly field: string }[]
  readonly settings: readonly { readonly item: string; readonly field: string }[]
}

interface RecordedItem {
  readonly item: string
  readonly servicePort: string
  readonly field: string
}

/** The owners in the `provenance.json` of a bundle, which knows fields but no files. */
export function recordedOwners(recorded: RecordedOwners): OwnersOf {
  const services = new Map<string, ServiceField[]>()
  const note = (key: string, { servicePort, field }: RecordedItem): void => {
    const known = services.get(key) ?? []
    services.set(key, [...known, { servicePort, path: field.split('.'), origin: null }])
  }
  for (const item of recorded.virtualServers) note(`virtual ${item.item}`, item)
  for (const item of recorded.addresses) note(`address ${item.item}`, item)
  for (const [set, items] of Object.entries(recorded.sets))
    for (const item of items) note(`entry ${set} ${item.item}`, item)
  const fields = new Map<string, string>([
    ...recorded.rules.map(({ item, field }) => [`rule ${item}`, field] as const),
    ...recorded.settings.map(({ item, field }) => [`setting ${item}`, field] as const),
  ])
  return (item) => {
    const key = recordedKey(item)
    const field = fields.get(key)
    return {
      services: services.get(key) ?? [],
      fields: field === undefined ? fixedFields(item) : field.split(', '),
    }
  }
}

/** A real server is asked for by the port of its virtual server, and the set of bound addresses by those that bind them. */
function recordedKey(item: Item): string {
  if (item.kind === 'realServer') return itemKey({ kind: 'virtualServer', server: item.of })
  if (item.kind === 'entry' && setDefinition(item.set.name) === 'KUBE-IPVS-IPS' && 'address' in item.entry)
    return `address ${item.entry.address}`
  return itemKey(item)
}
