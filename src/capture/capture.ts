import { buildModules } from '../compile/modes/ipvs/settings.ts'
import { type ListedAddress, parseIpLinks } from '../formats/ip.ts'
import { parseIpsetRestore } from '../formats/ipset.ts'
import { ownedTables, parseIptablesRestore } from '../formats/iptables.ts'
import { readIpvsRestore } from '../formats/ipvs.ts'
import { parseThresholds } from '../formats/thresholds.ts'
import { CHAIN_NAMES } from '../kernel/chains.ts'
import { DUMMY_INTERFACE } from '../kernel/interfaces.ts'
import { kernelSetName, SET_DEFINITIONS } from '../kernel/sets.ts'
import { compareAddresses, hostLength, isLinkLocal } from '../net/address.ts'
import { FAMILIES, type Family } from '../net/family.ts'
import { sortVirtualServers } from '../plan/canonical.ts'
import { type ForeignItem, foreignInScope } from '../plan/foreign.ts'
import type { IpSet, Plan, SetEntry, VirtualServer } from '../plan/types.ts'

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
  /** `ip -j -d addr`; without `-d` it does not tell of which kind kube-ipvs0 is. */
  readonly addresses: string
  /** `ipvsadm -L -n --thresholds`, which the saved list does not tell; `null`: they are not known. */
  readonly thresholds?: string | null
}

/** What a node holds: a plan, and what stands beside it in chains, sets and devices of ours. */
export interface Captured {
  readonly plan: Plan
  readonly foreign: readonly ForeignItem[]
  /** Addresses on interfaces other than the dummy one. */
  readonly elsewhere: readonly ListedAddress[]
  /** Whether there is a dummy interface: a plan cannot say that there is none. */
  readonly hasInterface: boolean
  /** What the listings do not tell, in words: `thresholds of real servers`. */
  readonly untold: readonly string[]
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
  const servers = capturedServers(dumps)
  const sets = capturedSets(dumps.ipset, families)
  const links = capturedLinks(dumps.addresses)
  const plan: Plan = {
    version: 1,
    families,
    virtualServers: canonicalServers(servers.virtualServers),
    sets: sets.sets,
    tables: owned.flatMap(({ tables }) => tables),
    dummyInterface: { name: DUMMY_INTERFACE, addresses: links.bound },
    modules: buildModules(new Set(servers.virtualServers.map(({ scheduler }) => scheduler))),
    sysctls: [],
    conntrack: { maxPerCore: 0, min: 0, max: 0 },
    ipvsTimeouts: null,
    excludeCIDRs: [],
  }
  const { elsewhere, hasInterface } = links
  const foreign = [
    ...servers.foreign,
    ...sets.foreign,
    ...owned.flatMap((family) => family.foreign),
    ...links.foreign,
    ...strayAddresses(elsewhere, clusterIPs(plan)),
  ]
  const untold = [
    ...(typeof dumps.thresholds === 'string' ? [] : ['thresholds of real servers']),
    ...(links.kind === null && hasInterface ? [`of which kind ${DUMMY_INTERFACE} is`] : []),
  ]
  return { plan, foreign, elsewhere, hasInterface, untold }
}

/** What a node holds and a plan does not know: what is foreign of what it speaks of, and its addresses on other interfaces. */
export function foreignTo({ foreign, elsewhere }: Captured, plan: Plan): ForeignItem[] {
  const wanted = new Set(plan.dummyInterface.addresses)
  const isStray = (item: ForeignItem): boolean =>
    item.kind === 'address' && item.interface !== DUMMY_INTERFACE && wanted.has(item.address)
  return [
    ...foreignInScope(foreign, plan).filter((item) => !isStray(item)),
    ...strayAddresses(elsewhere, wanted),
  ]
}

function capturedServers({ ipvs, thresholds }: Dumps): {
  readonly virtualServers: readonly VirtualServer[]
  readonly foreign: readonly ForeignItem[]
} {
  const virtualServers: VirtualServer[] = []
  const foreign: ForeignItem[] = []
  readIpvsRestore(
    withoutMarks(ipvs),
    (server) => virtualServers.push(server),
    (server) => foreign.push(server),
  )
  for (const { virtualServer, server, upper, lower } of parseThresholds(thresholds ?? ''))
    foreign.push({ kind: 'realServer', virtualServer, text: `${server} -x ${upper} -y ${lower}` })
  return { virtualServers, foreign }
}

function capturedSets(
  text: string,
  families: readonly Family[],
): { readonly sets: readonly IpSet[]; readonly foreign: readonly ForeignItem[] } {
  const owners = new Map(
    families.flatMap((family) =>
      SET_DEFINITIONS.map((definition) => [kernelSetName(definition.name, family), { family, definition }]),
    ),
  )
  const parsed = parseIpsetRestore(text, (name) => owners.has(name))
  const foreign: ForeignItem[] = parsed.foreign.map((item) => ({
    ...item,
    family: owners.get(item.set)?.family ?? 'ipv4',
  }))
  const byName = new Map(parsed.sets.map((set) => [set.name, set]))
  return { sets: [...owners.keys()].flatMap((name) => byName.get(name) ?? []), foreign }
}

interface CapturedLinks extends Pick<Captured, 'elsewhere' | 'hasInterface'> {
  /** Addresses on the dummy interface, in order. */
  readonly bound: readonly string[]
  readonly kind: string | null
  readonly foreign: readonly ForeignItem[]
}

/** What is link-local on the dummy interface comes from the kernel. */
function capturedLinks(text: string): CapturedLinks {
  const { addresses, kinds } = parseIpLinks(text)
  const isHost = ({ family, prefixLength }: ListedAddress): boolean => prefixLength === hostLength(family)
  const isKernels = ({ family, address }: ListedAddress): boolean => family === 'ipv6' && isLinkLocal(address)
  const here = addresses.filter((entry) => entry.interface === DUMMY_INTERFACE && !isKernels(entry))
  const kind = kinds.get(DUMMY_INTERFACE) ?? null
  const foreign: ForeignItem[] = here.filter((entry) => !isHost(entry)).map(addressItem)
  if (kind !== null && kind !== 'dummy') foreign.push({ kind: 'link', name: DUMMY_INTERFACE, type: kind })
  return {
    bound: here
      .filter(isHost)
      .map(({ address }) => address)
      .sort(compareAddresses),
    kind,
    foreign,
    elsewhere: addresses.filter((entry) => entry.interface !== DUMMY_INTERFACE),
    hasInterface: kinds.has(DUMMY_INTERFACE),
  }
}

const addressItem = ({ interface: name, address, prefixLength }: ListedAddress): ForeignItem => ({
  kind: 'address',
  interface: name,
  address,
  prefixLength,
})

const strayAddresses = (listed: readonly ListedAddress[], ours: ReadonlySet<string>): ForeignItem[] =>
  listed.filter(({ address }) => ours.has(address)).map(addressItem)

/** Addresses that belong on the dummy interface: those on it, and cluster IPs, wherever they are. */
function clusterIPs({ sets, dummyInterface }: Plan): Set<string> {
  const names = FAMILIES.map((family) => kernelSetName('KUBE-CLUSTER-IP', family))
  return new Set([
    ...dummyInterface.addresses,
    ...sets
      .filter(({ name }) => names.includes(name))
      .flatMap(({ entries }) =>
        (entries as readonly SetEntry[]).flatMap((entry) => ('address' in entry ? entry.address : [])),
      ),
  ])
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
