import type { VirtualServerKey } from '../plan/keys.ts'
import {
  expectHostPort,
  LISTED_PROTOCOLS,
  type ListedServer,
  type MarkedServer,
  parseListing,
} from './ipvsListing.ts'
import { eachLine, LineError, PayloadSyntaxError } from './syntax.ts'

/** Lists of ipvsadm and /proc that tell what IPVS does. */

/** What went through: counted since a server was added, or by second. */
export interface Activity {
  readonly connections: number
  readonly packetsIn: number
  readonly packetsOut: number
  readonly bytesIn: number
  readonly bytesOut: number
}

export const NO_ACTIVITY: Activity = { connections: 0, packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0 }

export interface ActiveVirtualServer {
  readonly key: VirtualServerKey | MarkedServer
  readonly said: Activity
  readonly realServers: readonly ListedServer<Activity>[]
}

/**
 * Reads `ipvsadm -L -n --stats --exact`, counted since each server was added, or `--rate --exact`, by second. Without `--exact`
 * ipvsadm rounds what is large, to `12345K`; that is read, too.
 */
export const parseActivity = (text: string): ActiveVirtualServer[] =>
  parseListing(text, activity, activity).map(({ key, said, realServers }) => ({ key, said, realServers }))

function activity(words: readonly string[]): Activity {
  const [connections, packetsIn, packetsOut, bytesIn, bytesOut] = words.map(count)
  if (words.length !== 5 || bytesOut === undefined)
    throw new LineError('five numbers are wanted behind the address: give --stats or --rate')
  return { connections, packetsIn, packetsOut, bytesIn, bytesOut } as Activity
}

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12 }

function count(word: string): number {
  const [, digits, unit = ''] = /^(\d+)([KMGT]?)$/.exec(word) ?? []
  if (digits === undefined) throw new LineError(`${JSON.stringify(word)} is not a number`)
  return Number(digits) * (UNITS[unit] as number)
}

/** How many connections a real server has. */
export interface Load {
  readonly weight: number
  /** Templates of persistence: clients that come back to this real server. */
  readonly templates: number
  readonly active: number
  readonly inactive: number
}

export interface LoadedVirtualServer {
  readonly key: VirtualServerKey | MarkedServer
  readonly scheduler: string
  /** Seconds; `null`: none. */
  readonly persistence: number | null
  readonly realServers: readonly ListedServer<Load>[]
}

/** Reads `ipvsadm -L -n --persistent-conn`. */
export const parseLoad = (text: string): LoadedVirtualServer[] =>
  parseListing(text, scheduling, load).map(({ key, said, realServers }) => ({ key, ...said, realServers }))

function scheduling(words: readonly string[]): { scheduler: string; persistence: number | null } {
  const [scheduler] = words
  if (scheduler === undefined) throw new LineError('a scheduler is wanted behind the address')
  const at = words.indexOf('persistent')
  return { scheduler, persistence: at < 0 ? null : count(words[at + 1] ?? '') }
}

function load(words: readonly string[]): Load {
  const [weight, templates, active, inactive] = words.map(count)
  if (words.length !== 4 || inactive === undefined)
    throw new LineError('four numbers are wanted behind the address: give --persistent-conn')
  return { weight, templates, active, inactive } as Load
}

/** A connection, or, without a port of the client, a template of persistence. */
export interface ListedConnection {
  readonly protocol: VirtualServerKey['protocol'] | null
  /** `ESTABLISHED`, `TIME_WAIT`, `UDP`, ... */
  readonly state: string
  readonly client: string
  readonly clientPort: number
  /** Address and port that the client asked for; of a Service of a mark, the mark. */
  readonly virtual: { readonly address: string; readonly port: number } | MarkedServer
  readonly server: string
  readonly serverPort: number
  /** Seconds until it is forgotten. */
  readonly expires: number
}

/** Reads `ipvsadm -L -n -c`. */
export function parseConnections(text: string): ListedConnection[] {
  const found: ListedConnection[] = []
  eachLine(text, (line) => {
    if (/^(IPVS connection entries|pro expire )/.test(line)) return
    const words = line.split(' ').filter((word) => word !== '')
    const [protocol = '', expires = '', state = '', source = '', virtual = '', destination = ''] = words
    const client = expectHostPort(source)
    const server = expectHostPort(destination)
    found.push({
      protocol: LISTED_PROTOCOLS.get(protocol) ?? null,
      state,
      client: client.address,
      clientPort: client.port,
      virtual: /^\d+$/.test(virtual) ? { mark: Number(virtual) } : expectHostPort(virtual),
      server: server.address,
      serverPort: server.port,
      expires: seconds(expires),
    })
  })
  return found
}

/** `14:59`, or `719:59` of a day. */
function seconds(text: string): number {
  const [, minutes, rest] = /^(\d+):(\d\d)$/.exec(text) ?? []
  if (rest === undefined) throw new LineError(`${JSON.stringify(text)} is not a time in minutes and seconds`)
  return Number(minutes) * 60 + Number(rest)
}

/** All of a network namespace. */
export interface Overall {
  readonly total: Activity
  readonly perSecond: Activity
}

/** Reads `/proc/net/ip_vs_stats`, whose numbers are hexadecimal. */
export function parseOverall(text: string): Overall {
  const rows: Activity[] = []
  eachLine(text, (line) => {
    const words = line.split(' ').filter((word) => word !== '')
    if (words.length !== 5 || !words.every((word) => /^[0-9A-F]+$/.test(word))) return
    const [connections, packetsIn, packetsOut, bytesIn, bytesOut] = words.map((word) => Number(`0x${word}`))
    rows.push({ connections, packetsIn, packetsOut, bytesIn, bytesOut } as Activity)
  })
  const [total, perSecond] = rows
  if (total === undefined || perSecond === undefined)
    throw new PayloadSyntaxError(1, text.slice(0, 80), 'not the text of /proc/net/ip_vs_stats')
  return { total, perSecond }
}
