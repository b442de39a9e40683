import { formatPath } from '../diagnostics/diagnostics.ts'
import type { TableName } from '../kernel/chains.ts'
import type { Family } from '../net/family.ts'
import { formatEntry } from '../plan/entries.ts'
import { virtualServerKey } from '../plan/keys.ts'
import type { Plan, SetEntry, VirtualServer } from '../plan/types.ts'
import { placesOf } from './explain/lines.ts'
import type { ItemOwners, OwnersOf } from './explain/owners.ts'
import type { FoundEntry } from './match.ts'

/** What is said beside a hop: where the line stands that decided, and who asked for it. */
export interface Notes {
  /** `iptables.restore:12`; `null`: the rules are of no payload. */
  readonly ruleAt: (family: Family, table: TableName, chain: string, number: number) => string | null
  readonly serverAt: (server: VirtualServer) => string | null
  /** `shop/cart:http spec.clusterIP`; `null`: nobody is known. */
  readonly ownerOfEntry: (found: FoundEntry) => string | null
  readonly ownerOfServer: (server: VirtualServer) => string | null
}

/** Notes on a plan, by its payloads (by file name) and its owners, as far as they are known. */
export function notesOn(
  plan: Plan,
  payloads: ReadonlyMap<string, string> | null,
  owners: OwnersOf | null,
): Notes {
  const places = payloads === null ? new Map<string, string>() : placesOf(payloads)
  return {
    ruleAt: (family, table, chain, number) =>
      places.get(`rule ${family} ${table} ${chain} ${number}`) ?? null,
    serverAt: (server) => places.get(`virtual ${virtualServerKey(server)}`) ?? null,
    ownerOfEntry: ({ set: name, entry: text }) => {
      const set = plan.sets.find((candidate) => candidate.name === name)
      const entry = (set?.entries as readonly SetEntry[] | undefined)?.find(
        (candidate) => formatEntry((set as NonNullable<typeof set>).type, candidate) === text,
      )
      if (owners === null || set === undefined || entry === undefined) return null
      return ownerText(owners({ kind: 'entry', set, entry }))
    },
    ownerOfServer: (server) =>
      owners === null ? null : ownerText(owners({ kind: 'virtualServer', server })),
  }
}

/** The first that asks, with its field, and how many do besides. */
function ownerText({ services }: ItemOwners): string | null {
  const [first] = services
  if (first === undefined) return null
  const others = new Set(services.map(({ servicePort }) => servicePort)).size - 1
  return `${first.servicePort} ${formatPath(first.path)}${others > 0 ? ` and ${others} more` : ''}`
}
