import { PAYLOAD_NAMES } from '../formats/names.ts'
import { formatRule } from '../formats/rules.ts'
import type { TableName } from '../kernel/chains.ts'
import type { Family } from '../net/family.ts'
import { hostPort } from '../plan/keys.ts'
import type { Rule } from '../plan/types.ts'
import type { Fate, Served, Trace, Unanswered } from './follow.ts'
import { formatPacket, packetFamily } from './packet.ts'
import type { Hop } from './walk.ts'

/** Where a rule or a virtual server stands: `iptables.restore:12`, or its place on the node. */
export interface Places {
  readonly rule: (family: Family, table: TableName, chain: string, number: number) => string | null
  readonly virtualServer: (key: string) => string | null
}

/** Finds lines of a bundle's payloads; `payloads` by file name. */
export function payloadPlaces(payloads: ReadonlyMap<string, string>): Places {
  const places = new Map<string, string>()
  for (const name of PAYLOAD_NAMES) {
    const text = payloads.get(name)
    if (text === undefined) continue
    if (name === 'ipvs.restore') indexServers(name, text, places)
    else if (name.endsWith('tables.restore')) indexRules(name, text, places)
  }
  return {
    rule: (family, table, chain, number) => places.get(`${family} ${table} ${chain} ${number}`) ?? null,
    virtualServer: (key) => places.get(key) ?? null,
  }
}

const FLAGS: Readonly<Record<string, string>> = { '-t': 'tcp', '-u': 'udp', '--sctp-service': 'sctp' }

function indexServers(name: string, text: string, places: Map<string, string>): void {
  for (const [index, line] of text.split('\n').entries()) {
    const [command, flag = '', address] = line.split(' ')
    if (command === '-A') places.set(`${FLAGS[flag]} ${address}`, `${name}:${index + 1}`)
  }
}

function indexRules(name: string, text: string, places: Map<string, string>): void {
  const family: Family = name.startsWith('ip6') ? 'ipv6' : 'ipv4'
  const counts = new Map<string, number>()
  let table = ''
  for (const [index, line] of text.split('\n').entries()) {
    if (line.startsWith('*')) table = line.slice(1)
    if (!line.startsWith('-A ')) continue
    const key = `${family} ${table} ${line.split(' ')[1]}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
    places.set(`${key} ${counts.get(key)}`, `${name}:${index + 1}`)
  }
}

/** A trace as a person reads it: the verdict, then hop by hop. */
export function formatTrace(trace: Trace, places: Places): string {
  const { packet, hops, fate } = trace
  const inHook = packet.arrival.kind === 'local' ? 'sent by the node itself' : `by ${packet.arrival.name}`
  const rows: Row[] = [
    ['in', `${formatPacket(packet)}, ${inHook}`, null],
    ...hops.map((hop) => hopRow(hop, packetFamily(packet), places)),
    ...fateRows(fate, places),
  ]
  return `${verdict(fate)}\n\n${formatRows(rows)}`
}

type Row = readonly [stage: string, what: string, place: string | null]

function hopRow({ table, hook, chain, number, rule, entries }: Hop, family: Family, places: Places): Row {
  const found =
    entries.length === 0 ? formatRule(withoutComment(rule)) : `${entries.join(', ')} → ${target(rule)}`
  return [table, `${hook}: ${chain} rule ${number}: ${found}`, places.rule(family, table, chain, number)]
}

const withoutComment = (rule: Rule): Rule => ({ ...rule, comment: null })

const target = ({ target: to }: Rule): string =>
  formatRule({ comment: null, matches: [], target: to }).slice(3)

function fateRows(fate: Fate, places: Places): Row[] {
  if (fate.kind !== 'served') return []
  const { virtualServer, servers } = fate
  const { protocol, address, port, scheduler, persistence } = virtualServer
  const key = `${protocol} ${hostPort(address, port)}`
  const sticky = persistence === null ? '' : `, a client stays for ${persistence.timeout} s`
  const distinct = servers.every((one) => sameHops(one, servers[0] as Served))
  return [
    ['ipvs', `${key}, ${scheduler}${sticky}`, places.virtualServer(key)],
    ...servers.flatMap((served) => [
      ['', `→ ${serverText(served)}`, null] as Row,
      ...(distinct ? [] : served.hops.map((hop) => hopRow(hop, familyOfServer(served), places))),
    ]),
    ...(distinct
      ? (servers[0]?.hops ?? []).map((hop) => hopRow(hop, familyOfServer(servers[0] as Served), places))
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

/** Columns: the stage once, what happens, and where that stands. */
function formatRows(rows: readonly Row[]): string {
  const width = Math.min(100, Math.max(...rows.map(([, what]) => what.length)))
  let last = ''
  return rows
    .map(([stage, what, place]) => {
      const shown = stage === last ? '' : stage
      if (stage !== '') last = stage
      return `  ${shown.padEnd(6)} ${place === null ? what : `${what.padEnd(width)}  ${place}`}\n`
    })
    .join('')
}
