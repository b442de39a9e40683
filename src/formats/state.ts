import { createHash } from 'node:crypto'
import type { TableName } from '../kernel/chains.ts'
import { DUMMY_INTERFACE } from '../kernel/interfaces.ts'
import type { Family } from '../net/family.ts'
import type { Change, Sides } from '../plan/changes/types.ts'
import { formatEntry } from '../plan/entries.ts'
import type { ForeignItem } from '../plan/foreign.ts'
import type { Chain, IpSet, Jump, Plan, Rule, SetEntry, VirtualServer } from '../plan/types.ts'
import { lastingParameters } from './ipset.ts'
import { formatService, type RealServerRow, realServerRow, virtualServerRow } from './ipvs.ts'
import { formatJump, formatRule } from './rules.ts'

/**
 * The state of a node in the notation in which the script of a bundle compares it: one line for each thing
 * that the kernel holds, in byte order. `templates/node/state.sh` shows the lines. Settings and timeouts are not
 * among them: whoever owns the node may have set others.
 */
export const stateLines = (plan: Plan): string[] =>
  inOrder(stateBlocks(plan)).flatMap(({ lines }) => lines().sort())

/** Lines of one item that begin alike, as no others do: they stand together in byte order. */
export interface Block {
  /** What they begin with, or the only line. */
  readonly start: string
  /** What they are made of; `null`: what no other plan need have. */
  readonly item: object | null
  /** In any order. */
  readonly lines: () => string[]
}

/** Every line is ASCII, so that the order of code units is that of bytes. */
export const inOrder = (blocks: Block[]): Block[] =>
  blocks.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0))

export const lineBlock = (line: string): Block => ({ start: line, item: null, lines: () => [line] })

/** In any order. */
export function stateBlocks(plan: Plan): Block[] {
  const small = [
    ...plan.sets.map(setLine),
    ...plan.tables.flatMap(({ family, name, chains, jumps }) => [
      ...chains.flatMap((chain) => chainLines(family, name, chain)),
      ...jumps.map((jump) => jumpLine(family, name, jump)),
    ]),
    `link ${plan.dummyInterface.name}`,
  ]
  const { addresses } = plan.dummyInterface
  return [
    ...plan.virtualServers.flatMap(serverBlocks),
    ...plan.sets.flatMap(entryBlock),
    ...small.map(lineBlock),
    ...(addresses.length === 0
      ? []
      : [{ start: 'address ', item: addresses, lines: () => addresses.map(addressLine) }]),
  ]
}

function serverBlocks(server: VirtualServer): Block[] {
  const service = formatService(server)
  const block = lineBlock(serverLine(server))
  if (server.realServers.length === 0) return [block]
  const lines = (): string[] => server.realServers.map((real) => realLine(realServerRow(service, real)))
  return [block, { start: `real ${service} `, item: server, lines }]
}

const entryBlock = (set: IpSet): Block[] =>
  set.entries.length === 0 ? [] : [{ start: `entry ${set.name} `, item: set, lines: () => entryLines(set) }]

const serverLine = (server: VirtualServer): string => {
  const { service, scheduler, options } = virtualServerRow({ ...server, realServers: [] })
  return `virtual ${service} -s ${scheduler}${options}`
}

function serverLines(virtualServer: VirtualServer): string[] {
  const { service, scheduler, options, realServers } = virtualServerRow(virtualServer)
  return [`virtual ${service} -s ${scheduler}${options}`, ...realServers.map(realLine)]
}

const realLine = ({ service, server, forwarding, weight }: RealServerRow): string =>
  `real ${service} ${server} ${forwarding} -w ${weight}`

const setLine = (set: IpSet): string => `set ${set.name} ${set.type} ${lastingParameters(set)}`

const entryLine = ({ name, type }: Pick<IpSet, 'name' | 'type'>, entry: SetEntry): string =>
  `entry ${name} ${formatEntry(type, entry)}`

const entryLines = (set: IpSet): string[] =>
  (set.entries as readonly SetEntry[]).map((entry) => entryLine(set, entry))

const setLines = (set: IpSet): string[] => [setLine(set), ...entryLines(set)]

const ruleLine = (family: Family, table: TableName, chain: string, position: number, rule: Rule): string =>
  `rule ${family} ${table} ${chain} ${String(position).padStart(4, '0')} ${formatRule(rule)}`

export const chainLines = (family: Family, table: TableName, { name, rules }: Chain): string[] => [
  `chain ${family} ${table} ${name}`,
  ...rules.map((rule, index) => ruleLine(family, table, name, index + 1, rule)),
]

export const jumpLine = (family: Family, table: TableName, jump: Jump): string =>
  `jump ${family} ${table} ${formatJump(jump)}`

const addressLine = (address: string): string => `address ${address}`

/** The lines of a change: those of the state before that go, and those of the state after that come. */
export interface ChangedLines {
  readonly before: readonly string[]
  readonly after: readonly string[]
}

/** A change in the notation of the state; nothing for what is no part of it, such as a setting. */
export function changedLines(change: Change): ChangedLines {
  const sides = <T>({ before, after }: Sides<T>, lines: (side: T) => string[]): ChangedLines => ({
    before: before === null ? [] : lines(before),
    after: after === null ? [] : lines(after),
  })
  const isWhole = change.before === null || change.after === null
  switch (change.kind) {
    case 'virtualServer':
      return sides(change, (server) => (isWhole ? serverLines(server) : [serverLine(server)]))
    case 'realServer':
      return sides(change, (server) => [realLine(realServerRow(formatService(change.virtualServer), server))])
    case 'set':
      return sides(change, (set) => (isWhole ? setLines(set) : [setLine(set)]))
    case 'entry':
      return sides(change, (entry) => [entryLine(change.set, entry)])
    case 'chain':
      return sides(change, (chain) => chainLines(change.family, change.table, chain))
    case 'rule':
      return sides(change, ({ position, rule }) => [
        ruleLine(change.family, change.table, change.chain, position, rule),
      ])
    case 'jump':
      return sides(change, (jump) => [jumpLine(change.family, change.table, jump)])
    case 'address':
      return sides(change, (address) => [addressLine(address)])
    default:
      return { before: [], after: [] }
  }
}

/**
 * SHA-256 of the state, in hexadecimal: what the script computes of a node that holds exactly this plan. The dummy interface
 * does not count: a plan always has one, but a node that was captured may not.
 */
export function stateFingerprint(plan: Plan): string {
  const hash = createHash('sha256')
  for (const line of stateLines(plan)) if (!line.startsWith('link ')) hash.update(`${line}\n`)
  return hash.digest('hex')
}

/**
 * What is foreign, in the same notation. Of a virtual server, a set or an entry that a plan can say in part it is the whole line;
 * `address 10.96.0.1 dev eth0` is an address on another interface, `address 10.96.0.0/24` one of a network on the dummy one,
 * `link kube-ipvs0 bridge` an interface that is no dummy.
 */
export function foreignLine(item: ForeignItem): string {
  switch (item.kind) {
    case 'rule': {
      const position = String(item.position).padStart(4, '0')
      return `rule ${item.family} ${item.table} ${item.chain} ${position} ${item.text}`
    }
    case 'jump':
      return `jump ${item.family} ${item.table} ${item.chain} ${item.text}`
    case 'set':
    case 'entry':
      return `${item.kind} ${item.set} ${item.text}`
    case 'virtualServer':
      return `virtual ${formatService(item.virtualServer)} ${item.text}`
    case 'realServer':
      return `real ${formatService(item.virtualServer)} ${item.text}`
    case 'address':
      return item.interface === DUMMY_INTERFACE
        ? `address ${item.address}/${item.prefixLength}`
        : `address ${item.address} dev ${item.interface}`
    case 'link':
      return `link ${item.name} ${item.type}`
  }
}
