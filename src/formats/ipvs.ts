import type { Protocol } from '../kernel/protocols.ts'
import { SCHEDULER_FLAGS, SCHEDULERS, type Scheduler, type SchedulerFlag } from '../kernel/schedulers.ts'
import { canonicalAddress, familyOf, formatIPv4, hostLength, parseIPv4 } from '../net/address.ts'
import { hostPort, keyOf, type VirtualServerKey } from '../plan/keys.ts'
import type {
  ForwardingMethod,
  IpvsTimeouts,
  Persistence,
  Plan,
  RealServer,
  VirtualServer,
} from '../plan/types.ts'
import { lazily } from '../text.ts'
import { eachLine, expectAddress, expectNumber, expectPort, LineError } from './syntax.ts'

export type { VirtualServerKey }

export interface IpvsRows {
  /** One row, or none. */
  readonly timeouts: readonly IpvsTimeouts[]
  readonly virtualServers: Iterable<VirtualServerRow>
}

export interface VirtualServerRow {
  /** `-t 10.96.0.1:443` */
  readonly service: string
  readonly scheduler: string
  /** ` -p 10800 -b sh-port`, or nothing. */
  readonly options: string
  readonly realServers: readonly RealServerRow[]
}

export interface RealServerRow {
  readonly service: string
  /** `10.0.0.1:6443` */
  readonly server: string
  /** `-m` */
  readonly forwarding: string
  readonly weight: number
}

const SERVICE_FLAG: Readonly<Record<Protocol, string>> = { tcp: '-t', udp: '-u', sctp: '--sctp-service' }
const FORWARDING_FLAG: Readonly<Record<ForwardingMethod, string>> = {
  masquerading: '-m',
  gatewaying: '-g',
  ipip: '-i',
}

export function ipvsRows({
  virtualServers,
  ipvsTimeouts,
}: Pick<Plan, 'virtualServers' | 'ipvsTimeouts'>): IpvsRows {
  return {
    timeouts: ipvsTimeouts === null ? [] : [ipvsTimeouts],
    virtualServers: lazily(virtualServers, virtualServerRow),
  }
}

/** `-t 10.96.0.1:443`: how ipvsadm names a virtual server. */
export const formatService = ({ address, port, protocol }: VirtualServerKey): string =>
  `${SERVICE_FLAG[protocol]} ${hostPort(address, port)}`

export function virtualServerRow(virtualServer: VirtualServer): VirtualServerRow {
  const { address, scheduler, flags, persistence, realServers } = virtualServer
  const service = formatService(virtualServer)
  const flagOption = flags.length === 0 ? '' : ` -b ${flags.join(',')}`
  return {
    service,
    scheduler,
    options: `${persistenceOption(persistence, address)}${flagOption}`,
    realServers: realServers.map((server) => realServerRow(service, server)),
  }
}

export const realServerRow = (service: string, server: RealServer): RealServerRow => ({
  service,
  server: hostPort(server.address, server.port),
  forwarding: FORWARDING_FLAG[server.forwarding],
  weight: server.weight,
})

function persistenceOption(persistence: Persistence | null, address: string): string {
  if (persistence === null) return ''
  const { timeout, prefixLength } = persistence
  const family = familyOf(address)
  if (prefixLength === hostLength(family)) return ` -p ${timeout}`
  return ` -p ${timeout} -M ${family === 'ipv4' ? dottedMask(prefixLength) : prefixLength}`
}

const dottedMask = (prefixLength: number): string =>
  formatIPv4(prefixLength === 0 ? 0 : -1 << (32 - prefixLength))

export interface ParsedIpvs {
  readonly virtualServers: readonly VirtualServer[]
  readonly timeouts: IpvsTimeouts | null
}

type Draft = Omit<VirtualServer, 'realServers'> & { readonly realServers: RealServer[] }

/** Reads `ipvsadm --restore` input, which is also what `ipvsadm-save -n` prints, in the order of the text. */
export function parseIpvsRestore(text: string): ParsedIpvs {
  const virtualServers: VirtualServer[] = []
  const timeouts = readIpvsRestore(text, (virtualServer) => virtualServers.push(virtualServer))
  return { virtualServers, timeouts }
}

/** A virtual server, or a real server of it, with options that no plan has. */
export interface ForeignServer {
  readonly kind: 'virtualServer' | 'realServer'
  readonly virtualServer: VirtualServerKey
  /** `-s rr -o`, or `10.0.0.1:80 -m -w 1 -x 100`. */
  readonly text: string
}

/**
 * Reads such input virtual server by virtual server: each is handed over when its real servers, which follow
 * it, are complete. Gives the timeouts.
 *
 * Options that no plan has are a PayloadSyntaxError, unless `onForeign` takes what has them; it is handed over as a virtual
 * server all the same, without those options.
 */
export function readIpvsRestore(
  text: string,
  onVirtualServer: (server: VirtualServer) => void,
  onForeign: ((server: ForeignServer) => void) | null = null,
): IpvsTimeouts | null {
  const services = new Set<string>()
  let timeouts: IpvsTimeouts | null = null
  let service = ''
  let current: Draft | null = null
  const refuse = (kind: ForeignServer['kind'], reason: string, line: string): void => {
    if (onForeign === null || current === null) throw new LineError(reason)
    const words = line.split(' ').filter((word) => word !== '')
    const text = words.slice(kind === 'realServer' ? 4 : 3).join(' ')
    onForeign({ kind, virtualServer: keyOf(current), text })
  }

  eachLine(text, (line) => {
    if (line.startsWith('-a ')) {
      if (current === null || !line.startsWith(service, 3) || line[3 + service.length] !== ' ')
        throw new LineError('it does not follow its virtual server')
      const { server, unknown } = parseRealServer(line, 4 + service.length)
      current.realServers.push(server)
      if (unknown !== null) refuse('realServer', unknown, line)
    } else if (line.startsWith('-A ')) {
      if (current !== null) onVirtualServer(current)
      const { server, unknown } = parseVirtualServer(line)
      current = server
      service = serviceOf(line)
      if (services.has(service)) throw new LineError('the virtual server is defined twice')
      services.add(service)
      if (unknown !== null) refuse('virtualServer', unknown, line)
    } else if (line.startsWith('--set ')) timeouts = parseTimeouts(line)
    else throw new LineError('not a command that a saved state holds')
  })
  if (current !== null) onVirtualServer(current)
  return timeouts
}

/** `-t 10.96.0.1:443` of `-A -t 10.96.0.1:443 -s rr`. */
function serviceOf(line: string): string {
  const end = line.indexOf(' ', line.indexOf(' ', 3) + 1)
  return line.slice(3, end < 0 ? undefined : end)
}

/** What a line says, and what of it no plan can say. */
interface Parsed<T> {
  readonly server: T
  readonly unknown: string | null
}

function parseVirtualServer(line: string): Parsed<Draft> {
  const words = line.split(' ').filter((word) => word !== '')
  const [, serviceFlag, endpoint, ...options] = words
  const { address, port } = parseHostPort(endpoint ?? '')
  let scheduler: Scheduler = 'wlc'
  let flags: readonly SchedulerFlag[] = []
  let timeout: number | null = null
  let prefixLength: number = hostLength(familyOf(address))
  let unknown: string | null = null
  for (let index = 0; index < options.length; index++) {
    const option = options[index]
    const value = (): string => options[++index] ?? ''
    if (option === '-s') scheduler = expectScheduler(value())
    else if (option === '-p') timeout = expectNumber(value(), 'a persistence timeout', 31536000)
    else if (option === '-M') prefixLength = parseMask(value())
    else if (option === '-b') flags = parseFlags(value())
    else {
      unknown ??= `unknown option ${option}`
      // Its value, where it has one.
      while (index + 1 < options.length && !options[index + 1]?.startsWith('-')) index++
    }
  }
  const server: Draft = {
    address,
    port,
    protocol: parseServiceFlag(serviceFlag),
    scheduler,
    flags,
    persistence: timeout === null ? null : { timeout, prefixLength },
    realServers: [],
  }
  return { server, unknown }
}

function parseServiceFlag(flag: string | undefined): Protocol {
  for (const protocol of ['tcp', 'udp', 'sctp'] as const) if (SERVICE_FLAG[protocol] === flag) return protocol
  throw new LineError(`${JSON.stringify(flag)} is not a kind of virtual server`)
}

function expectScheduler(text: string): Scheduler {
  const scheduler = SCHEDULERS.find((known) => known === text)
  if (scheduler === undefined) throw new LineError(`${JSON.stringify(text)} is not a scheduler`)
  return scheduler
}

function parseFlags(text: string): SchedulerFlag[] {
  const words = text.split(',')
  const unknown = words.find((word) => !(SCHEDULER_FLAGS as readonly string[]).includes(word))
  if (unknown !== undefined) throw new LineError(`${JSON.stringify(unknown)} is not a scheduler flag`)
  return SCHEDULER_FLAGS.filter((flag) => words.includes(flag))
}

/** A dotted mask for IPv4, a prefix length for IPv6. */
function parseMask(text: string): number {
  if (!text.includes('.')) return expectNumber(text, 'a prefix length', 128)
  const bits = parseIPv4(text)
  const length = 32 - Math.log2(2 ** 32 - bits)
  if (bits < 0 || !Number.isInteger(length)) throw new LineError(`${JSON.stringify(text)} is not a netmask`)
  return length
}

/** ` -r 10.0.0.1:6443 -m -w 1`, from `start` on; what is absent is ipvsadm's default. */
function parseRealServer(line: string, start: number): Parsed<RealServer> {
  if (!line.startsWith('-r ', start)) throw new LineError('a real server begins with -r')
  const space = line.indexOf(' ', start + 3)
  const end = space < 0 ? line.length : space
  const { address, port } = parseHostPort(line.slice(start + 3, end))
  if (line.startsWith(' -m -w 1', end) && line.length === end + 8)
    return { server: { address, port, forwarding: 'masquerading', weight: 1 }, unknown: null }
  let forwarding: ForwardingMethod = 'gatewaying'
  let weight = 1
  let unknown: string | null = null
  const words = line
    .slice(end)
    .split(' ')
    .filter((word) => word !== '')
  for (let index = 0; index < words.length; index++) {
    const word = words[index]
    if (word === '-m') forwarding = 'masquerading'
    else if (word === '-g') forwarding = 'gatewaying'
    else if (word === '-i') forwarding = 'ipip'
    else if (word === '-w') weight = expectNumber(words[++index], 'a weight', 65535)
    else if (word === '--tun-type' && words[index + 1] === 'ipip') index++
    else {
      unknown ??= `unknown option ${word}`
      while (index + 1 < words.length && !words[index + 1]?.startsWith('-')) index++
    }
  }
  return { server: { address, port, forwarding, weight }, unknown }
}

/** Reads `10.0.0.1:80` and `[fd00::1]:80`. */
function parseHostPort(text: string): { address: string; port: number } {
  const colon = text.lastIndexOf(':')
  const bracketed = text.startsWith('[') && text[colon - 1] === ']'
  const host = bracketed ? text.slice(1, colon - 1) : text.slice(0, colon)
  if (colon < 0 || bracketed !== host.includes(':'))
    throw new LineError(`${JSON.stringify(text)} is not an address and port`)
  const address = parseIPv4(host) >= 0 ? host : canonicalAddress(host)
  return { address: address ?? expectAddress(host), port: parsePort(text, colon + 1) }
}

/** The port that the text ends with: read digit by digit, because a large plan has hundreds of thousands. */
function parsePort(text: string, start: number): number {
  let port = 0
  for (let index = start; index < text.length; index++) {
    const digit = text.charCodeAt(index) - 48
    if (digit < 0 || digit > 9 || (port === 0 && index > start)) return expectPort(text.slice(start))
    port = port * 10 + digit
  }
  return port > 65535 || start === text.length ? expectPort(text.slice(start)) : port
}

function parseTimeouts(line: string): IpvsTimeouts {
  const words = line.split(' ')
  if (words.length !== 4) throw new LineError('--set takes three timeouts')
  const seconds = words.slice(1).map((word) => expectNumber(word, 'a timeout', 2 ** 31 - 1))
  return { tcp: seconds[0] as number, tcpFin: seconds[1] as number, udp: seconds[2] as number }
}
