import { isDeepStrictEqual } from 'node:util'
import type { Family } from '../net/family.ts'
import { sameEntry, sameParameters, sameRealServers, sameSetParameters } from '../plan/equality.ts'
import type { Plan, SetEntry, VirtualServer } from '../plan/types.ts'
import { ipRows, parseIpBatch } from './ip.ts'
import { formatCreate, ipsetRows, parseIpsetRestore } from './ipset.ts'
import { iptablesRows } from './iptables.ts'
import { ipvsRows, readIpvsRestore } from './ipvs.ts'
import { moduleRows, parseModulesConf } from './modules.ts'
import { PAYLOAD_NAMES, type PayloadName, templateOf } from './names.ts'
import { readTablesBack } from './readBack.ts'
import { defaultRenderer, type Renderer } from './render.ts'
import { eachLine, PayloadSyntaxError } from './syntax.ts'
import { parseSysctlConf, sysctlRows } from './sysctl.ts'

/** Text by payload name, in the order of PAYLOAD_NAMES; a family that the plan lacks has no payload. */
export type Payloads = ReadonlyMap<PayloadName, string>

interface PayloadDefinition {
  readonly rows: (plan: Plan) => object
  /** Whether the text, read back, says what the plan says. */
  readonly saysSame: (text: string, plan: Plan) => boolean
}

const DEFINITIONS: Readonly<Record<PayloadName, PayloadDefinition>> = {
  'modules.conf': {
    rows: moduleRows,
    saysSame: (text, { modules }) => isDeepStrictEqual(parseModulesConf(text), modules),
  },
  'sysctl.conf': {
    rows: sysctlRows,
    saysSame: (text, { sysctls, conntrack }) =>
      isDeepStrictEqual(parseSysctlConf(text), { sysctls, conntrack }),
  },
  'ipset.restore': {
    rows: ipsetRows,
    saysSame: (text, { sets }) => {
      const parsed = parseIpsetRestore(text)
      return parsed.foreign.length === 0 && setsEqual(sets, parsed.sets) && holdsOnly(text, sets)
    },
  },
  'iptables.restore': tablesOf('ipv4'),
  'ip6tables.restore': tablesOf('ipv6'),
  'ipvs.restore': { rows: ipvsRows, saysSame: ipvsSaysSame },
  'ip.batch': {
    rows: ipRows,
    saysSame: (text, { dummyInterface }) =>
      isDeepStrictEqual(parseIpBatch(text), dummyInterface) &&
      text.startsWith('link add ') &&
      countLines(text) === 1 + dummyInterface.addresses.length,
  },
}

function tablesOf(family: Family): PayloadDefinition {
  return {
    rows: (plan) => iptablesRows(plan, family),
    saysSame: (text, plan) =>
      isDeepStrictEqual(
        readTablesBack(text, family),
        plan.tables.filter((table) => table.family === family),
      ),
  }
}

/** Compares virtual server by virtual server, so that a large plan is never held twice. */
function ipvsSaysSame(text: string, { virtualServers, ipvsTimeouts }: Plan): boolean {
  let next = 0
  let same = true
  const timeouts = readIpvsRestore(text, (parsed) => {
    const wanted = virtualServers[next++]
    same = same && wanted !== undefined && virtualServerEqual(wanted, parsed)
  })
  return same && next === virtualServers.length && isDeepStrictEqual(timeouts, ipvsTimeouts)
}

/** A payload whose text does not say what the plan says: a template is at fault. */
export class PayloadMismatch extends Error {
  readonly payload: PayloadName
  constructor(payload: PayloadName, reason: string) {
    super(
      `${payload} does not read back as the plan says (${reason}); its template ${templateOf(payload)}.hbs is at fault`,
    )
    this.payload = payload
  }
}

export interface EmitOptions {
  /** Default: the shipped templates. */
  readonly renderer?: Renderer
  /** Default: all that the plan has. */
  readonly only?: readonly PayloadName[]
}

/**
 * The text payloads of a plan. Every one is parsed back and compared with the plan before it is given out:
 * a PayloadMismatch says which one differs.
 */
export function emit(
  plan: Plan,
  { renderer = defaultRenderer, only = PAYLOAD_NAMES }: EmitOptions = {},
): Payloads {
  const has = (name: PayloadName): boolean =>
    name === 'iptables.restore'
      ? plan.families.includes('ipv4')
      : name !== 'ip6tables.restore' || plan.families.includes('ipv6')
  return new Map(
    PAYLOAD_NAMES.filter((name) => only.includes(name) && has(name)).map((name) => {
      const text = renderer[templateOf(name)](DEFINITIONS[name].rows(plan))
      verify(name, text, plan)
      return [name, text]
    }),
  )
}

/** iptables-restore cuts a line that is longer than 10239 bytes and takes the rest for another; ipset has less. */
const LONGEST_LINE = 1000

const CONTROL_CHARACTER = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/

/** Whether a line is too long for the tools, or hides something from people. */
function hasUnfitLine(text: string): boolean {
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf('\n', start)
    const length = (end < 0 ? text.length : end) - start
    if (length > LONGEST_LINE) return true
    start += length + 1
  }
  return CONTROL_CHARACTER.test(text)
}

function verify(name: PayloadName, text: string, plan: Plan): void {
  if (hasUnfitLine(text))
    throw new PayloadMismatch(
      name,
      `a line is over ${LONGEST_LINE} characters long or has a control character`,
    )
  let same: boolean
  try {
    same = DEFINITIONS[name].saysSame(text, plan)
  } catch (error) {
    if (error instanceof PayloadSyntaxError) throw new PayloadMismatch(name, error.message)
    throw error
  }
  if (!same) throw new PayloadMismatch(name, 'the contents differ')
}

const virtualServerEqual = (a: VirtualServer, b: VirtualServer): boolean =>
  a.address === b.address &&
  a.port === b.port &&
  a.protocol === b.protocol &&
  sameParameters(a, b) &&
  sameRealServers(a.realServers, b.realServers)

type Sets = Plan['sets']

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
