import { diffArrays } from 'diff'
import { safeText } from '../diagnostics/safeText.ts'
import { formatRule } from '../formats/rules.ts'
import type { Family } from '../net/family.ts'
import { hostPort } from '../plan/keys.ts'
import type { Rule } from '../plan/types.ts'
import type { Fate, Served, Trace, Unanswered } from './follow.ts'
import type { Notes } from './notes.ts'
import { formatPacket, packetFamily } from './packet.ts'
import type { Hop } from './walk.ts'

/** A trace as a person reads it: the verdict, then hop by hop. */
export const formatTrace = (trace: Trace, notes: Notes): string =>
  `${verdict(trace.fate)}\n\n${formatRows(traceRows(trace, notes).map((row) => [' ', ...row]))}`

/** A trace and its notes. */
export interface NotedTrace {
  readonly trace: Trace
  readonly notes: Notes
}

/** The same packet before and after: both verdicts, then what both meet once, and beside it what only one of them meets. */
export function formatTraces(before: NotedTrace, after: NotedTrace): string {
  const [old, now] = [before, after].map(({ trace, notes }) => traceRows(trace, notes)) as [Row[], Row[]]
  const sayings = [before, after].map(({ trace }) => verdict(trace.fate))
  const head =
    sayings[0] === sayings[1]
      ? `the same before and after: ${sayings[0]}`
      : `before: ${sayings[0]}\nafter:  ${sayings[1]}`
  const parts = diffArrays(old, now, { comparator: ([a, b], [c, d]) => a === c && b === d })
  const rows = parts.flatMap(({ added, removed, value }) =>
    value.map((row): MarkedRow => [added ? '+' : removed ? '-' : ' ', ...row]),
  )
  return `${head}\n\n${formatRows(rows)}`
}

type Row = readonly [stage: string, what: string, owner: string | null, place: string | null]
type MarkedRow = readonly [mark: ' ' | '+' | '-', ...Row]

function traceRows({ packet, hops, fate }: Trace, notes: Notes): Row[] {
  const inHook = packet.arrival.kind === 'local' ? 'sent by the node itself' : `by ${packet.arrival.name}`
  return [
    ['in', `${formatPacket(packet)}, ${inHook}`, null, null],
    ...hops.map((hop) => hopRow(hop, packetFamily(packet), notes)),
    ...fateRows(fate, notes),
  ]
}

function hopRow({ table, hook, chain, number, rule, entries }: Hop, family: Family, notes: Notes): Row {
  const named = entries.map(({ set, entry }) => `${entry} in ${set}`)
  const found =
    named.length === 0 ? formatRule(withoutComment(rule)) : `${named.join(', ')} → ${target(rule)}`
  const owners = new Set(entries.flatMap((entry) => notes.ownerOfEntry(entry) ?? []))
  return [
    table,
    `${hook}: ${chain} rule ${number}: ${found}`,
    owners.size === 0 ? null : [...owners].join(', '),
    notes.ruleAt(family, table, chain, number),
  ]
}

const withoutComment = (rule: Rule): Rule => ({ ...rule, comment: null })

const target = ({ target: to }: Rule): string =>
  formatRule({ comment: null, matches: [], target: to }).slice(3)

function fateRows(fate: Fate, notes: Notes): Row[] {
  if (fate.kind !== 'served') return []
  const { virtualServer, servers } = fate
  const { protocol, address, port, scheduler, persistence } = virtualServer
  const key = `${protocol} ${hostPort(address, port)}`
  const sticky = persistence === null ? '' : `, a client stays for ${persistence.timeout} s`
  const distinct = servers.every((one) => sameHops(one, servers[0] as Served))
  return [
    [
      'ipvs',
      `${key}, ${scheduler}${sticky}`,
      notes.ownerOfServer(virtualServer),
      notes.serverAt(virtualServer),
    ],
    ...servers.flatMap((served) => [
      ['', `→ ${serverText(served)}`, null, null] as Row,
      ...(distinct ? [] : served.hops.map((hop) => hopRow(hop, familyOfServer(served), notes))),
    ]),
    ...(distinct
      ? (servers[0]?.hops ?? []).map((hop) => hopRow(hop, familyOfServer(servers[0] as Served), notes))
      : []),
  ]
}

const familyOfServer = ({ server }: Served): Family => (server.address.includes(':') ? 'ipv6' : 'ipv4')

const sameHops = (a: Served, b: Served): boolean =>
  a.masqueraded === b.masqueraded &&
  a.hops.length === b.hops.length &&
  a.hops.every(
    ({ chain, number }, index) => chain === b.hops[index]?.chain && number === b.hops[index]?.number,
  )

function serverText({ server, share, masqueraded, unanswered }: Served): string {
  const part = share === null ? '' : ` ${Math.round(share * 100)} %`
  const sees = masqueraded ? ', sees the node' : ', sees the client'
  return `${hostPort(server.address, server.port)}${part}${unanswered === null ? sees : `: no answer, ${REASONS[unanswered]}`}`
}

const REASONS: Readonly<Record<Unanswered, string>> = {
  'answer passes the node': 'since what it says goes to the client past this node',
  'server is the client': 'since the client asks itself with its own address',
  'not rewritten': 'since it is sent on as it came, and the server has no such address',
  'dropped on the way out': 'since a rule drops the packet on its way out',
  'no connection tracking': 'since net.ipv4.vs.conntrack is not 1, so that nothing is masqueraded',
}

/** What becomes of the packet, in a sentence. */
export function verdict(fate: Fate): string {
  switch (fate.kind) {
    case 'served':
      return servedVerdict(fate.servers, fate.virtualServer.scheduler)
    case 'refused':
      return fate.reason === 'rule'
        ? 'refused: a rule rejects it'
        : 'refused: the virtual server has no real server that takes connections'
    case 'dropped':
      return 'dropped: a rule drops it, and the client hears nothing'
    case 'node':
      return "not for a Service: the node's own program at this port gets it, where there is one"
    case 'forwarded':
      return 'not for this node: the address is none of its own, so it is sent on or has no route'
  }
}

function servedVerdict(servers: readonly Served[], scheduler: string): string {
  const silent = servers.filter(({ unanswered }) => unanswered !== null)
  const count = servers.length === 1 ? '1 real server' : `${servers.length} real servers`
  if (silent.length === servers.length)
    return `not answered: ${REASONS[silent[0]?.unanswered as Unanswered].replace('since ', '')}`
  const sees = servers.every(({ masqueraded }) => masqueraded)
    ? 'they see the node, not the client'
    : servers.some(({ masqueraded }) => masqueraded)
      ? 'some see the node, some the client'
      : 'they see the client'
  const partly = silent.length === 0 ? '' : `; ${silent.length} of them give no answer that arrives`
  return `answered: ${scheduler} over ${count}${partly}; ${sees}`
}

/** Columns: what only one side has, the stage once, what happens, who asked for it, and where that stands. */
function formatRows(rows: readonly MarkedRow[]): string {
  const width = (column: 2 | 3, most: number): number =>
    Math.min(
      most,
      Math.max(...rows.map((row) => ((row[3] ?? row[4]) === null ? 0 : (row[column]?.length ?? 0)))),
    )
  const widths = [width(2, 100), width(3, 60)] as const
  let last = ''
  return rows
    .map(([mark, stage, what, owner, place]) => {
      const shown = stage === last ? '' : stage
      if (stage !== '') last = stage
      const cells = [what.padEnd(widths[0]), (owner ?? '').padEnd(widths[1]), place ?? '']
      return safeText(`${mark} ${shown.padEnd(6)} ${cells.join('  ')}`.trimEnd()).concat('\n')
    })
    .join('')
}
