import * as assert from 'uvu/assert'
import { canonicalServers } from '../../../src/capture/capture.ts'
import {
  type Family,
  ownedTables,
  type Plan,
  parseIpAddr,
  parseIpsetRestore,
  parseIptablesRestore,
  parseIpvsRestore,
  type TableName,
  type VirtualServer,
} from '../../../src/index.ts'
import type { NodeState } from './bundle.ts'

/** What of a node's state a plan speaks of, in the plan's order. */
export type HeldState = Pick<Plan, 'virtualServers' | 'sets' | 'tables'> & {
  readonly boundAddresses: readonly string[]
  /** Sets and rules that no plan could have put there. */
  readonly foreign: readonly string[]
}

/** Reads what the tools print through the project's parsers. */
export function heldState(state: NodeState, families: readonly Family[]): HeldState {
  const { sets, foreign } = parseIpsetRestore(state.ipset)
  const owned = families.map((family) =>
    tablesOf(family, family === 'ipv4' ? state.iptables : state.ip6tables),
  )
  return {
    virtualServers: canonicalServers(parseIpvsRestore(state.ipvs).virtualServers),
    sets: sets.map(withoutHashSize),
    tables: inOrder(owned.flatMap(({ tables }) => tables)),
    boundAddresses: boundAddresses(state.addresses),
    foreign: [...foreign, ...owned.flatMap((tables) => tables.foreign)].map(String),
  }
}

/** Whether a node holds the plan, all of it and nothing more. */
export function assertHolds(state: NodeState, plan: Plan): void {
  const held = heldState(state, plan.families)
  assert.equal(held.foreign, [])
  assert.equal(held.virtualServers, plan.virtualServers.map(withoutDrainTimeout))
  const byName = new Map(held.sets.map((set) => [set.name, set]))
  assert.equal(
    plan.sets.map(({ name }) => byName.get(name)),
    plan.sets.map(withoutHashSize),
  )
  assert.is(held.sets.length, plan.sets.length, 'there is no other set')
  assert.equal(held.tables, inOrder(plan.tables))
  assert.equal([...held.boundAddresses].sort(), [...plan.dummyInterface.addresses].sort())
  assert.match(
    state.addresses,
    /"ifname":"kube-ipvs0","flags":\["BROADCAST","NOARP"\]/,
    'the interface is left down',
  )
}

/** How long connections may drain is known to the script alone. */
const withoutDrainTimeout = ({ drainTimeout: _, ...server }: VirtualServer): VirtualServer => server

/** The kernel doubles a hash as it sees fit, and says so when it lists the set. */
const withoutHashSize = (set: Plan['sets'][number]): Plan['sets'][number] =>
  set.type === 'bitmap:port' ? set : { ...set, hashSize: 0 }

/** The order of chains means nothing, nor that of jumps from different chains. */
const inOrder = (tables: Plan['tables']): Plan['tables'] =>
  tables.map((table) => ({
    ...table,
    chains: [...table.chains].sort((a, b) => (a.name < b.name ? -1 : 1)),
    jumps: [...table.jumps].sort((a, b) => (a.from === b.from ? 0 : a.from < b.from ? -1 : 1)),
  }))

/** Every KUBE chain, so that one that no plan has is seen. */
function tablesOf(family: Family, text: string): ReturnType<typeof ownedTables> {
  const parsed = parseIptablesRestore(text, family)
  const chains = (name: TableName): string[] =>
    parsed
      .filter((table) => table.name === name)
      .flatMap((table) => table.chains.map((chain) => chain.name))
      .filter((chain) => chain.startsWith('KUBE-'))
  return ownedTables(parsed, family, { nat: chains('nat'), filter: chains('filter') })
}

const boundAddresses = (addresses: string): string[] =>
  parseIpAddr(addresses)
    .filter((entry) => entry.interface === 'kube-ipvs0')
    .map(({ address }) => address)
