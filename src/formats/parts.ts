import { isDeepStrictEqual } from 'node:util'
import type { Family } from '../net/family.ts'
import { sameEntry, sameParameters, sameRealServers, sameSetParameters } from '../plan/equality.ts'
import { virtualServerKey } from '../plan/keys.ts'
import type { IpSet, Plan, SetEntry, Table, VirtualServer } from '../plan/types.ts'
import { ipRows, parseIpBatch } from './ip.ts'
import { entryRows, formatCreate, ipsetRows, parseIpsetRestore } from './ipset.ts'
import { iptablesRows } from './iptables.ts'
import { ipvsRows, readIpvsRestore } from './ipvs.ts'
import { moduleRows, parseModulesConf } from './modules.ts'
import type { PayloadName } from './names.ts'
import { readTablesBack } from './readBack.ts'
import { eachLine } from './syntax.ts'
import { parseSysctlConf, sysctlRows } from './sysctl.ts'

/** A part of a payload: what it is made of, and how its text is read back. */
export interface PayloadPart {
  /** What other plans may have in common with this one; `null`: nothing that is worth telling. */
  readonly item: object | null
  readonly rows: () => object
  /** Whether the text, read back, says what the plan says. Throws a PayloadSyntaxError where it cannot be read. */
  readonly saysSame: (text: string) => boolean
}

interface PayloadDefinition {
  readonly whole: (plan: Plan) => PayloadPart
  /** Parts whose texts by a shipped template, one after the other, are the text of the whole. */
  readonly split: (plan: Plan) => Iterable<PayloadPart>
}

const part = (item: object | null, rows: () => object, saysSame: (text: string) => boolean): PayloadPart => ({
  item,
  rows,
  saysSame,
})

/** A payload that is not split. */
const undivided = (whole: PayloadDefinition['whole']): PayloadDefinition => ({
  whole,
  split: (plan) => [whole(plan)],
})

export const PAYLOAD_PARTS: Readonly<Record<PayloadName, PayloadDefinition>> = {
  'modules.conf': undivided((plan) =>
    part(
      null,
      () => moduleRows(plan),
      (text) => isDeepStrictEqual(parseModulesConf(text), plan.modules),
    ),
  ),
  'sysctl.conf': undivided((plan) =>
    part(
      null,
      () => sysctlRows(plan),
      (text) => {
        const { sysctls, conntrack } = plan
        return isDeepStrictEqual(parseSysctlConf(text), { sysctls, conntrack })
      },
    ),
  ),
  'ipset.restore': {
    whole: ({ sets }) =>
      part(
        null,
        () => ipsetRows(sets),
        (text) => setsSaySame(text, sets),
      ),
    split: splitSets,
  },
  'iptables.restore': tablesOf('ipv4'),
  'ip6tables.restore': tablesOf('ipv6'),
  'ipvs.restore': {
    whole: (plan) => ipvsPart(null, plan),
    split: splitServers,
  },
  'ip.batch': undivided((plan) =>
    part(
      plan.dummyInterface.addresses,
      () => ipRows(plan),
      (text) =>
        isDeepStrictEqual(parseIpBatch(text), plan.dummyInterface) &&
        text.startsWith('link add ') &&
        countLines(text) === 1 + plan.dummyInterface.addresses.length,
    ),
  ),
}

type Servers = Pick<Plan, 'virtualServers' | 'ipvsTimeouts'>

const ipvsPart = (item: object | null, servers: Servers): PayloadPart =>
  part(
    item,
    () => ipvsRows(servers),
    (text) => ipvsSaysSame(text, servers),
  )

function* splitServers({ virtualServers, ipvsTimeouts }: Plan): Generator<PayloadPart> {
  const head = ipvsPart(null, { virtualServers: [], ipvsTimeouts })
  yield { ...head, saysSame: (text) => areDistinct(virtualServers) && head.saysSame(text) }
  for (const server of virtualServers)
    yield ipvsPart(server, { virtualServers: [server], ipvsTimeouts: null })
}

/** Read alone, a virtual server cannot tell that there is another one like it. */
const areDistinct = (servers: readonly VirtualServer[]): boolean =>
  new Set(servers.map(virtualServerKey)).size === servers.length

/** Compares virtual server by virtual server, so that a large plan is never held twice. */
function ipvsSaysSame(text: string, { virtualServers, ipvsTimeouts }: Servers): boolean {
  let next = 0
  let same = true
  const timeouts = readIpvsRestore(text, (parsed) => {
    const wanted = virtualServers[next++]
    same = same && wanted !== undefined && virtualServerEqual(wanted, parsed)
  })
  return same && next === virtualServers.length && isDeepStrictEqual(timeouts, ipvsTimeouts)
}

const virtualServerEqual = (a: VirtualServer, b: VirtualServer): boolean =>
  a.address === b.address &&
  a.port === b.port &&
  a.protocol === b.protocol &&
  sameParameters(a, b) &&
  sameRealServers(a.realServers, b.realServers)

function tablesOf(family: Family): PayloadDefinition {
  const tablesPart = (item: Table | null, tables: readonly Table[]): PayloadPart =>
    part(
      item,
      () => iptablesRows(tables),
      (text) => isDeepStrictEqual(readTablesBack(text, family), tables),
    )
  const ofFamily = ({ tables }: Plan): Table[] => tables.filter((table) => table.family === family)
  return {
    whole: (plan) => tablesPart(null, ofFamily(plan)),
    split: (plan) => {
      const tables = ofFamily(plan)
      const isEachOnce = new Set(tables.map(({ name }) => name)).size === tables.length
      return isEachOnce ? tables.map((table) => tablesPart(table, [table])) : [tablesPart(null, tables)]
    },
  }
}

type Sets = Plan['sets']

function setsSaySame(text: string, sets: Sets): boolean {
  const parsed = parseIpsetRestore(text)
  return parsed.foreign.length === 0 && setsEqual(sets, parsed.sets) && holdsOnly(text, sets)
}

/** All sets are created before the first entry is added. */
function* splitSets({ sets }: Plan): Generator<PayloadPart> {
  const empty = sets.map((set): IpSet => ({ ...set, entries: [] }))
  yield part(
    null,
    () => ({ ...ipsetRows(sets), entries: [] }),
    (text) => setsSaySame(text, empty),
  )
  for (const set of sets)
    if (set.entries.length > 0)
      yield part(
        set,
        () => ({ sets: [], entries: entryRows([set]) }),
        (text) => setsSaySame(`${formatCreate(set)}\n${text}`, [set]),
      )
}

/** With the size of a hash, which a payload gives, and entries in order. */
const setsEqual = (wanted: Sets, parsed: Sets): boolean =>
  wanted.length === parsed.length &&
  wanted.every((set, index) => {
    const other = parsed[index] as Sets[number]
    return (
      set.name === other.name &&
      sameSetParameters(set, other) &&
      (set.type === 'bitmap:port' || other.type === 'bitmap:port' || set.hashSize === other.hashSize) &&
      entriesEqual(set.entries, other.entries)
    )
  })

/** Whether sets are created word for word as the plan's, and each entry is added once and has no option. */
function holdsOnly(text: string, sets: Sets): boolean {
  const creates = new Set(sets.map((set) => formatCreate(set)))
  let [exact, entries] = [true, 0]
  eachLine(text, (line) => {
    if (!line.startsWith('add ')) exact = exact && creates.has(line)
    else {
      entries++
      exact = exact && line.indexOf(' ', line.indexOf(' ', 4) + 1) < 0
    }
  })
  return exact && entries === sets.reduce((sum, set) => sum + set.entries.length, 0)
}

const countLines = (text: string): number => {
  let count = 0
  eachLine(text, () => count++)
  return count
}

const entriesEqual = (a: readonly SetEntry[], b: readonly SetEntry[]): boolean =>
  a.length === b.length && a.every((entry, index) => sameEntry(entry, b[index] as SetEntry))
