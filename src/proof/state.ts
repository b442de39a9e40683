import type { Protocol } from '../kernel/protocols.ts'
import { type Network, networkContains, parseNetwork } from '../net/address.ts'
import type { Family } from '../net/family.ts'
import { formatEntry } from '../plan/entries.ts'
import { virtualServerKey } from '../plan/keys.ts'
import type { Chain, IpSet, Jump, Plan, SetEntry, Table, VirtualServer } from '../plan/types.ts'
import type { NodeNetwork } from './network.ts'

/** A plan as the kernel looks at it: by name, by address, by entry. */
export interface KernelState {
  readonly plan: Plan
  readonly node: NodeNetwork
  /** Addresses that are delivered locally: those of the node and those of the dummy interface. */
  readonly isLocal: (address: string) => boolean
  readonly virtualServer: (protocol: Protocol, address: string, port: number) => VirtualServer | null
  readonly set: (name: string) => IndexedSet | null
  readonly table: (family: Family, name: Table['name']) => IndexedTable
  readonly sysctl: (name: string) => number | null
}

export interface IndexedTable {
  readonly chains: ReadonlyMap<string, Chain>
  /** What a built-in chain begins with, in order. */
  readonly jumps: (from: Jump['from']) => readonly Jump[]
}

/** A set that answers whether it holds what a packet brings. */
export interface IndexedSet {
  readonly set: IpSet
  /** The entry that matches, or `null`. `values` are the packet's in the order of the rule's directions. */
  readonly find: (values: SetValues) => string | null
}

/** What a packet has to offer to a set, by dimension. */
export interface SetValues {
  readonly address: string
  readonly protocol: Protocol
  readonly port: number
  /** The third dimension, for sets that have one. */
  readonly other: string
}

/** Lays a plan out for following packets. Sets are indexed when a rule first asks for them. */
export function kernelState(plan: Plan, node: NodeNetwork): KernelState {
  const servers = new Map(plan.virtualServers.map((server) => [virtualServerKey(server), server]))
  const local = new Set([...node.addresses, ...plan.dummyInterface.addresses])
  const sets = new Map(plan.sets.map((set) => [set.name, set]))
  const indexed = new Map<string, IndexedSet>()
  const tables = new Map(plan.tables.map((table) => [`${table.family} ${table.name}`, indexTable(table)]))
  const sysctls = new Map(plan.sysctls.map(({ name, value }) => [name, value]))
  return {
    plan,
    node,
    isLocal: (address) => local.has(address),
    virtualServer: (protocol, address, port) =>
      servers.get(virtualServerKey({ protocol, address, port })) ?? null,
    set: (name) => {
      const known = indexed.get(name)
      if (known !== undefined) return known
      const set = sets.get(name)
      if (set === undefined) return null
      const made = indexSet(set)
      indexed.set(name, made)
      return made
    },
    table: (family, name) => tables.get(`${family} ${name}`) ?? NO_TABLE,
    sysctl: (name) => sysctls.get(name) ?? null,
  }
}

const NO_TABLE: IndexedTable = { chains: new Map(), jumps: () => [] }

const indexTable = ({ chains, jumps }: Table): IndexedTable => ({
  chains: new Map(chains.map((chain) => [chain.name, chain])),
  jumps: (from) => jumps.filter((jump) => jump.from === from),
})

function indexSet(set: IpSet): IndexedSet {
  const written = new Set<string>(
    (set.entries as readonly SetEntry[]).map((entry) => formatEntry(set.type, entry)),
  )
  const exact = (text: string): string | null => (written.has(text) ? text : null)
  switch (set.type) {
    case 'hash:ip':
      return { set, find: ({ address }) => exact(address) }
    case 'hash:ip,port':
      return { set, find: (values) => exact(ipPort(values)) }
    case 'hash:ip,port,ip':
      return { set, find: (values) => exact(`${ipPort(values)},${values.other}`) }
    case 'bitmap:port':
      // The kernel finds a port in packets of these two protocols alone.
      return { set, find: ({ protocol, port }) => (protocol === 'sctp' ? null : exact(String(port))) }
    case 'hash:ip,port,net':
      return { set, find: rangeFinder(set) }
  }
}

const ipPort = ({ address, protocol, port }: SetValues): string => `${address},${protocol}:${port}`

function rangeFinder(set: Extract<IpSet, { type: 'hash:ip,port,net' }>): IndexedSet['find'] {
  const ranges = new Map<string, { network: Network; text: string }[]>()
  for (const entry of set.entries) {
    const network = parseNetwork(entry.sourceRange)
    if (network === null) continue
    const list = ranges.get(ipPort({ ...entry, other: '' })) ?? []
    list.push({ network, text: formatEntry(set.type, entry) })
    ranges.set(ipPort({ ...entry, other: '' }), list)
  }
  return (values) =>
    ranges.get(ipPort(values))?.find(({ network }) => networkContains(network, values.other))?.text ?? null
}
