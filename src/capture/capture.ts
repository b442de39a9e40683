import { buildModules } from '../compile/modes/ipvs/settings.ts'
import { parseIpAddr } from '../formats/ip.ts'
import { parseIpsetRestore } from '../formats/ipset.ts'
import { ownedTables, parseIptablesRestore } from '../formats/iptables.ts'
import { parseIpvsRestore } from '../formats/ipvs.ts'
import { CHAIN_NAMES } from '../kernel/chains.ts'
import { DUMMY_INTERFACE } from '../kernel/interfaces.ts'
import { kernelSetName, SET_DEFINITIONS } from '../kernel/sets.ts'
import { compareAddresses } from '../net/address.ts'
import { FAMILIES, type Family } from '../net/family.ts'
import { sortVirtualServers } from '../plan/canonical.ts'
import type { Plan, VirtualServer } from '../plan/types.ts'

/** What the tools of a node list, by the command that lists it. */
export interface Dumps {
  /** `ipvsadm-save -n` */
  readonly ipvs: string
  /** `ipset save` */
  readonly ipset: string
  /** `iptables-save`; `null` where the node has no such family. */
  readonly iptables: string | null
  /** `ip6tables-save` */
  readonly ip6tables: string | null
  /** `ip -j addr` */
  readonly addresses: string
}

export interface Captured {
  readonly plan: Plan
  /** Rules in chains of ours that no plan could have put there. */
  readonly foreign: readonly string[]
}

/**
 * What a node holds, as a plan. Settings and timeouts are not part of it: a dump does not say whose they are. A text
 * that no tool prints is a PayloadSyntaxError.
 */
export function capture(dumps: Dumps): Captured {
  const texts: Readonly<Record<Family, string | null>> = { ipv4: dumps.iptables, ipv6: dumps.ip6tables }
  const families = FAMILIES.filter((family) => texts[family] !== null)
  const owned = families.map((family) =>
    ownedTables(parseIptablesRestore(texts[family] ?? '', family), family, CHAIN_NAMES),
  )
  const { virtualServers } = parseIpvsRestore(withoutMarks(dumps.ipvs))
  const sets = new Map(parseIpsetRestore(dumps.ipset).sets.map((set) => [set.name, set]))
  const addresses = parseIpAddr(dumps.addresses)
    .filter((entry) => entry.interface === DUMMY_INTERFACE && entry.scope === 'global')
    .map(({ address }) => address)
  const plan: Plan = {
    version: 1,
    families,
    virtualServers: canonicalServers(virtualServers),
    sets: families.flatMap((family) =>
      SET_DEFINITIONS.flatMap(({ name }) => sets.get(kernelSetName(name, family)) ?? []),
    ),
    tables: owned.flatMap(({ tables }) => tables),
    dummyInterface: { name: DUMMY_INTERFACE, addresses: addresses.sort(compareAddresses) },
    modules: buildModules(new Set(virtualServers.map(({ scheduler }) => scheduler))),
    sysctls: [],
    conntrack: { maxPerCore: 0, min: 0, max: 0 },
    ipvsTimeouts: null,
    excludeCIDRs: [],
  }
  return { plan, foreign: owned.flatMap(({ foreign }) => foreign) }
}

/** Virtual servers of a firewall mark are somebody else's. */
function withoutMarks(text: string): string {
  return text
    .split('\n')
    .filter((line) => !/^-[Aa] -f /.test(line))
    .join('\n')
}

/** In the order of a plan; the kernel lists them in its own. */
export const canonicalServers = (servers: readonly VirtualServer[]): VirtualServer[] =>
  sortVirtualServers(
    servers.map((server) => ({
      ...server,
      realServers: sortVirtualServers([...server.realServers], ({ address, port }) => ({
        ...server,
        address,
        port,
      })),
    })),
    (server) => server,
  )
