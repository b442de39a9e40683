import type { TableName } from '../../kernel/chains.ts'
import type { Family } from '../../net/family.ts'
import { formatEntry } from '../../plan/entries.ts'
import { hostPort, virtualServerKey } from '../../plan/keys.ts'
import type {
  Chain,
  IpSet,
  Jump,
  Plan,
  RealServer,
  Rule,
  SetEntry,
  Sysctl,
  VirtualServer,
} from '../../plan/types.ts'

/** One thing that a plan asks of a node. */
export type Item =
  | { readonly kind: 'virtualServer'; readonly server: VirtualServer }
  | { readonly kind: 'realServer'; readonly of: VirtualServer; readonly server: RealServer }
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'set'; readonly set: IpSet }
  | { readonly kind: 'entry'; readonly set: IpSet; readonly entry: SetEntry }
  | (InTable & { readonly kind: 'chain'; readonly chain: Chain })
  | (InTable & {
      readonly kind: 'rule'
      readonly chain: Chain
      /** Place in the chain, from 1. */
      readonly number: number
      readonly rule: Rule
    })
  | (InTable & { readonly kind: 'jump'; readonly jump: Jump })
  | { readonly kind: 'setting'; readonly sysctl: Sysctl }
  | { readonly kind: 'conntrack' }
  | { readonly kind: 'timeouts' }
  | { readonly kind: 'module'; readonly name: string }
  | { readonly kind: 'interface'; readonly name: string }

interface InTable {
  readonly family: Family
  readonly table: TableName
}

/** All that a plan asks for, in its order. */
export function* itemsOf(plan: Plan): Generator<Item> {
  for (const server of plan.virtualServers) {
    yield { kind: 'virtualServer', server }
    for (const real of server.realServers) yield { kind: 'realServer', of: server, server: real }
  }
  yield { kind: 'interface', name: plan.dummyInterface.name }
  for (const address of plan.dummyInterface.addresses) yield { kind: 'address', address }
  for (const set of plan.sets) {
    yield { kind: 'set', set }
    for (const entry of set.entries) yield { kind: 'entry', set, entry }
  }
  for (const { family, name: table, chains, jumps } of plan.tables) {
    for (const jump of jumps) yield { kind: 'jump', family, table, jump }
    for (const chain of chains) {
      yield { kind: 'chain', family, table, chain }
      for (const [index, rule] of chain.rules.entries())
        yield { kind: 'rule', family, table, chain, number: index + 1, rule }
    }
  }
  for (const sysctl of plan.sysctls) yield { kind: 'setting', sysctl }
  yield { kind: 'conntrack' }
  if (plan.ipvsTimeouts !== null) yield { kind: 'timeouts' }
  for (const name of plan.modules) yield { kind: 'module', name }
}

/** What an item is called, by which it is found again: `rule ipv4 nat KUBE-SERVICES 3`. */
export function itemKey(item: Item): string {
  switch (item.kind) {
    case 'virtualServer':
      return `virtual ${virtualServerKey(item.server)}`
    case 'realServer':
      return `real ${virtualServerKey(item.of)} ${hostPort(item.server.address, item.server.port)}`
    case 'address':
      return `address ${item.address}`
    case 'set':
      return `set ${item.set.name}`
    case 'entry':
      return `entry ${item.set.name} ${formatEntry(item.set.type, item.entry)}`
    case 'chain':
      return `chain ${item.family} ${item.table} ${item.chain.name}`
    case 'rule':
      return `rule ${item.family} ${item.table} ${item.chain.name} ${item.number}`
    case 'jump':
      return `jump ${item.family} ${item.table} ${item.jump.from} ${item.jump.to}`
    case 'setting':
      return `setting ${item.sysctl.name}`
    case 'conntrack':
      return CONNTRACK
    case 'timeouts':
      return 'timeouts'
    case 'module':
      return `module ${item.name}`
    case 'interface':
      return `interface ${item.name}`
  }
}

/** The size of the table of connections is a setting that the node works out. */
export const CONNTRACK = 'setting net.netfilter.nf_conntrack_max'
