import { PROTOCOLS, type Protocol } from '../../kernel/protocols.ts'
import { familyOf, type Network, networkContains, parseNetwork } from '../../net/address.ts'
import { FAMILIES, type Family } from '../../net/family.ts'
import { hostPort } from '../../plan/keys.ts'
import type { Fate } from '../follow.ts'
import { isLoopbackAddress } from '../network.ts'
import { type Arrival, cameBy, type Packet } from '../packet.ts'
import type { KernelState } from '../state.ts'
import { addressAt, type Interval, intervalsOf } from './intervals.ts'
import { networkOf, placeKey, type Senses, sensesOf } from './senses.ts'

/** A destination of packets: one that the rules name, or one of many that they do not tell apart. */
export interface Target {
  readonly protocol: Protocol
  readonly destination: string
  readonly destinationPort: number
}

/**
 * Cuts the packets that may meet a node into classes by all that the rules of one or several states can tell apart, so that
 * following one packet of each class says what becomes of every packet. Left out are martians, which the kernel drops before
 * any rule: packets that come by an interface from an address of the node itself, or for loopback.
 */
export class ClassSpace {
  readonly #senses: Readonly<Record<Family, readonly Senses[]>>
  readonly #arrivals: Readonly<Record<Family, readonly Arrival[]>>
  readonly #cutArrivals = new Map<string, readonly Arrival[]>()

  constructor(states: readonly KernelState[]) {
    const of = (family: Family) => states.map((state) => sensesOf(state, family))
    this.#senses = { ipv4: of('ipv4'), ipv6: of('ipv6') }
    this.#arrivals = { ipv4: arrivalsOf(this.#senses.ipv4, []), ipv6: arrivalsOf(this.#senses.ipv6, []) }
  }

  /** Every destination that a rule, set or virtual server names, and one for each class of others. */
  *targets(): Generator<Target> {
    for (const family of FAMILIES) {
      const named = new Set(this.#senses[family].flatMap((senses) => [...senses.mentioned]))
      for (const place of named) {
        const [protocol, destination = '', port] = place.split(' ')
        if (familyOf(destination) === family)
          yield { protocol: protocol as Protocol, destination, destinationPort: Number(port) }
      }
      yield* this.#others(family)
    }
  }

  /** Destinations and ports that nothing names together: one for each that rules can tell apart. */
  *#others(family: Family): Generator<Target> {
    const senses = this.#senses[family]
    const addresses = grouped(
      [
        ...senses.flatMap(({ state: { node, plan } }) => [
          ...node.addresses,
          ...plan.dummyInterface.addresses,
          ...plan.sets.flatMap((set) =>
            set.type === 'hash:ip' ? set.entries.map(({ address }) => address) : [],
          ),
        ]),
        ELSEWHERE[family],
        LOOPBACK[family],
      ].filter((address) => familyOf(address) === family),
      (address) => senses.map((sense) => sense.addressSign(address)).join(' '),
    )
    for (const protocol of PROTOCOLS) {
      const ports = grouped([...senses.flatMap((sense) => sense.ports), ...FREE_PORTS], (port) =>
        senses.map((sense) => sense.portSign(protocol, port)).join(' '),
      )
      for (const alike of addresses)
        for (const same of ports) {
          const target = this.#unnamed(protocol, alike, same)
          if (target !== null) yield target
        }
    }
  }

  #unnamed(protocol: Protocol, addresses: readonly string[], ports: readonly number[]): Target | null {
    for (const destination of addresses.slice(0, MOST_TRIES))
      for (const destinationPort of ports.slice(0, MOST_TRIES))
        if (!this.#isNamed(placeKey(protocol, destination, destinationPort), familyOf(destination)))
          return { protocol, destination, destinationPort }
    return null
  }

  #isNamed = (place: string, family: Family): boolean =>
    this.#senses[family].some((senses) => senses.isMentioned(place))

  /** One packet for each class of packets to a destination; what somebody else tells apart may cut classes further. */
  packetsTo(target: Target, cuts: Cuts = NO_CUTS): Packet[] {
    const { protocol, destination, destinationPort } = target
    const family = familyOf(destination)
    const senses = this.#senses[family]
    const bySign = new Map<string, string>()
    for (const source of this.#sources(target, cuts)) {
      const sign = this.#sourceSign(source, target) + cutSign(source, cuts)
      if (!bySign.has(sign)) bySign.set(sign, source)
    }
    return [...bySign.values()].flatMap((source) => {
      const isOwn = isLoopbackAddress(source) || senses.some(({ state }) => state.isLocal(source))
      // What is for loopback comes from the node alone.
      if (!isOwn && isLoopbackAddress(destination)) return []
      const arrivals = isOwn ? [LOCAL] : this.#arrivalsFor(family, cuts)
      return arrivals.map((arrival) => ({ protocol, source, destination, destinationPort, arrival }))
    })
  }

  /** Interfaces that somebody besides the rules asks for are ways of their own. */
  #arrivalsFor(family: Family, { interfaces }: Cuts): readonly Arrival[] {
    if (interfaces.length === 0) return this.#arrivals[family]
    const key = `${family} ${interfaces.join()}`
    const known = this.#cutArrivals.get(key) ?? arrivalsOf(this.#senses[family], interfaces)
    this.#cutArrivals.set(key, known)
    return known
  }

  #sourceSign = (source: string, { protocol, destination, destinationPort }: Target): string =>
    this.#senses[familyOf(destination)]
      .map((senses) => senses.sourceSign(source, protocol, destination, destinationPort))
      .join(' ')

  /** Addresses of which some stand in every class of sources. */
  #sources({ protocol, destination, destinationPort }: Target, cuts: Cuts): Set<string> {
    const family = familyOf(destination)
    const place = placeKey(protocol, destination, destinationPort)
    const networks: Network[] = [...NEVER_SOURCES[family], LOOPBACKS[family], ...cuts.networks]
    const single: string[] = [destination, ...cuts.addresses]
    const senses = this.#senses[family]
    for (const { state, sourceNetworks, thirdsAt, flaggedFor } of senses) {
      const server = state.virtualServer(protocol, destination, destinationPort)
      const key = server === null ? null : `${protocol} ${hostPort(destination, destinationPort)}`
      networks.push(...state.node.podNetworks)
      networks.push(
        ...sourceNetworks.filter(({ of }) => of === null || of === key).map(({ network }) => network),
      )
      networks.push(...thirdsAt(place).flatMap((text) => networkOf(text) ?? []))
      for (const { address, port } of server?.realServers ?? [])
        single.push(address, ...thirdsAt(placeKey(protocol, address, port)).map(withoutLength))
      single.push(...state.node.addresses, ...flaggedFor(protocol, destinationPort).slice(0, MOST_TRIES))
    }
    const found = new Set(single.filter((address) => familyOf(address) === family))
    for (const interval of intervalsOf(family, networks)) {
      if (NEVER_SOURCES[family].some((never) => networkContains(never, addressAt(family, interval.first))))
        continue
      for (const { local, pods } of senses)
        for (const list of [local, pods])
          for (const address of list.within(interval, MOST_LISTED)) found.add(address)
      const other = this.#otherIn(interval, family, found)
      if (other !== null) found.add(other)
    }
    return found
  }

  /** An address of an interval that is nobody's; `null`: all of them are somebody's, or no source. */
  #otherIn({ first, last }: Interval, family: Family, taken: ReadonlySet<string>): string | null {
    const senses = this.#senses[family]
    const isFree = (address: string): boolean =>
      !taken.has(address) &&
      senses.every(({ state }) => !state.isLocal(address) && !state.node.pods.has(address))
    const size = last - first + 1n
    for (let step = 0n; step < BigInt(MOST_TRIES); step++) {
      const bits = first + (((size * (step % 8n)) / 8n + 7n + step) % size)
      const address = addressAt(family, bits)
      if (isFree(address)) return address
    }
    return null
  }

  /** What a packet has in common with all others of its class. */
  keyOf(packet: Packet): string {
    const { protocol, destination, destinationPort, source, arrival } = packet
    const family = familyOf(destination)
    const senses = this.#senses[family]
    const place = placeKey(protocol, destination, destinationPort)
    const target = this.#isNamed(place, family)
      ? place
      : `${protocol} ${senses
          .map((sense) => `${sense.addressSign(destination)} ${sense.portSign(protocol, destinationPort)}`)
          .join(' ')}`
    const arrivalSign = senses.map((sense) => sense.arrivalSign(arrival)).join(' ')
    return `${family} ${target} | ${arrivalSign} | ${this.#sourceSign(source, packet)}`
  }
}

/** Networks and addresses of sources that matter to somebody besides the rules. */
export interface Cuts {
  readonly networks: readonly Network[]
  readonly addresses: ReadonlySet<string>
  /** Names of interfaces, with `+` at the end for all that begin so. */
  readonly interfaces: readonly string[]
}
const NO_CUTS: Cuts = { networks: [], addresses: new Set(), interfaces: [] }

const cutSign = (source: string, { networks, addresses }: Cuts): string =>
  ` ${Number(addresses.has(source))}${networks.map((network) => Number(networkContains(network, source))).join('')}`

const LOCAL: Arrival = { kind: 'local' }
const ELSEWHERE: Readonly<Record<Family, string>> = { ipv4: '198.18.255.254', ipv6: '2001:db8:ffff:fffe::9' }
const LOOPBACK: Readonly<Record<Family, string>> = { ipv4: '127.0.0.1', ipv6: '::1' }
const networks = (...texts: readonly string[]): Network[] => texts.flatMap((text) => parseNetwork(text) ?? [])
const [LOOPBACK4, LOOPBACK6] = networks('127.0.0.0/8', '::1/128') as [Network, Network]
const LOOPBACKS: Readonly<Record<Family, Network>> = { ipv4: LOOPBACK4, ipv6: LOOPBACK6 }
/** From these nothing comes: the kernel drops it before any rule. */
const NEVER_SOURCES: Readonly<Record<Family, readonly Network[]>> = {
  ipv4: networks('0.0.0.0/8', '224.0.0.0/3'),
  ipv6: networks('::/128', 'ff00::/8'),
}
const FREE_PORTS = [9, 7, 22, 65001, 65002, 65003, 65004]

/** Addresses and ports that are tried to find one of its kind. */
const MOST_TRIES = 64
/** Addresses of the node and of pods that are looked at in one interval. */
const MOST_LISTED = 16

const withoutLength = (network: string): string => network.replace(/\/.*/, '')

/** One of each kind: a port of a bridge, another interface, and one for each name that rules ask for. */
function arrivalsOf(senses: readonly Senses[], patterns: readonly string[]): Arrival[] {
  const all = [...senses.flatMap(({ interfaces }) => interfaces), ...patterns]
  const names = ['cni0', 'eth0', ...all.map((name) => name.replace(/\+$/, '0'))]
  const ways = [...new Set(names)].flatMap((name): Arrival[] => [
    { kind: 'interface', name, bridgePort: name !== 'eth0' },
    { kind: 'interface', name, bridgePort: name === 'eth0' },
  ])
  return grouped(ways, (arrival) =>
    [
      ...senses.map((sense) => sense.arrivalSign(arrival)),
      ...patterns.map((name) => cameBy(arrival, name)),
    ].join(' '),
  ).map(([first]) => first as Arrival)
}

/** Items of the same sign together, in the order in which signs come. */
function grouped<T>(items: readonly T[], signOf: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>()
  for (const item of new Set(items)) {
    const sign = signOf(item)
    const known = groups.get(sign)
    if (known === undefined) groups.set(sign, [item])
    else known.push(item)
  }
  return [...groups.values()]
}

/** A fate as text. Packets of one class have the same, but for which of equal servers is the client itself. */
export function fateKey(fate: Fate): string {
  if (fate.kind === 'refused') return `refused ${fate.reason}`
  if (fate.kind === 'node') return `node ${fate.accepted}`
  if (fate.kind === 'forwarded') return `forwarded ${fate.masqueraded}`
  if (fate.kind !== 'served') return fate.kind
  const { virtualServer, servers } = fate
  const names = servers.map(({ server }) => hostPort(server.address, server.port))
  const ways = servers.map(({ share, masqueraded, unanswered }) => `${share} ${masqueraded} ${unanswered}`)
  return [
    `served ${virtualServer.scheduler} ${virtualServer.flags.join()} ${virtualServer.persistence?.timeout}`,
    ...names.sort(),
    ...ways.sort(),
  ].join('; ')
}
