import type { Protocol } from '../../kernel/protocols.ts'
import { type Network, parseNetwork } from '../../net/address.ts'
import type { Family } from '../../net/family.ts'
import { virtualServerKey } from '../../plan/keys.ts'
import type { IpSet, Match, Rule, SetEntry } from '../../plan/types.ts'
import { holds, isLoopbackAddress, isPodOf } from '../network.ts'
import { type Arrival, cameBy } from '../packet.ts'
import type { KernelState } from '../state.ts'
import { AddressList } from './intervals.ts'

type SetMatch = Extract<Match, { kind: 'set' }>

/** Address and port that something in a plan names: `tcp 10.96.0.1 443`. */
export const placeKey = (protocol: string, address: string, port: number): string =>
  `${protocol} ${address} ${port}`

/** A network that rules ask the source for; with the virtual server of an ipvs match, for packets of that one alone. */
interface SourceNetwork {
  readonly network: Network
  readonly of: string | null
}

/** What of a family the rules of one state can tell apart. */
export class Senses {
  readonly state: KernelState
  readonly family: Family
  readonly sourceNetworks: readonly SourceNetwork[]
  /** Names of interfaces as rules have them, with `+` at the end. */
  readonly interfaces: readonly string[]
  /** Addresses that are local on the node. */
  readonly local: AddressList
  readonly pods: AddressList
  /** Sets that are asked for the source first, for a port of the destination. */
  readonly #bySource: readonly SetMatch[]
  /** Sets of addresses that are asked for the destination. */
  readonly #byAddress: readonly IpSet[]
  readonly #byPort: readonly IpSet[]
  readonly #mentioned = new Set<string>()
  /** What stands third in entries, by their address and port. */
  readonly #thirds = new Map<string, string[]>()
  /** Addresses of entries that are asked for the source, by protocol and port. */
  readonly #flagged = new Map<string, string[]>()
  readonly #thirdUses: readonly SetMatch[]

  constructor(state: KernelState, family: Family) {
    this.state = state
    this.family = family
    const rules = state.plan.tables
      .filter((table) => table.family === family)
      .flatMap(({ chains }) => chains.flatMap((chain) => chain.rules))
    this.sourceNetworks = distinctNetworks(rules)
    this.interfaces = [
      ...new Set(
        rules.flatMap(({ matches }) =>
          matches.flatMap((match) => (match.kind === 'inInterface' ? [match.name] : [])),
        ),
      ),
    ]
    const uses = distinctUses(rules)
    const sets = state.plan.sets.filter((set) => set.family === family)
    const typeOf = new Map(sets.map((set) => [set.name, set.type]))
    this.#bySource = uses.filter(
      ({ set, directions }) => directions[0] === 'src' && typeOf.get(set) !== 'bitmap:port',
    )
    this.#thirdUses = uses.filter(
      ({ set, directions }) =>
        directions[0] === 'dst' && /,(ip|net)$/.test(typeOf.get(set)?.slice('hash:ip,port'.length) ?? ''),
    )
    this.#byAddress = sets.filter(({ type }) => type === 'hash:ip')
    this.#byPort = sets.filter(({ type }) => type === 'bitmap:port')
    const flaggedSets = new Set(this.#bySource.map(({ set }) => set))
    for (const set of sets) this.#read(set, flaggedSets.has(set.name))
    for (const server of state.plan.virtualServers)
      this.#mentioned.add(placeKey(server.protocol, server.address, server.port))
    this.local = new AddressList(family, [...state.node.addresses, ...state.plan.dummyInterface.addresses])
    this.pods = new AddressList(family, state.node.pods)
  }

  #read(set: IpSet, isFlagged: boolean): void {
    if (set.type === 'bitmap:port') return
    for (const entry of set.entries as readonly Exclude<SetEntry, { port: number; address?: undefined }>[]) {
      if (!('port' in entry) || !('address' in entry)) continue
      const place = placeKey(entry.protocol, entry.address, entry.port)
      this.#mentioned.add(place)
      const third = 'source' in entry ? entry.source : 'sourceRange' in entry ? entry.sourceRange : null
      if (third !== null) push(this.#thirds, place, third)
      if (isFlagged) push(this.#flagged, `${entry.protocol} ${entry.port}`, entry.address)
    }
  }

  isMentioned = (place: string): boolean => this.#mentioned.has(place)

  get mentioned(): Iterable<string> {
    return this.#mentioned
  }

  /** Networks and addresses that entries at an address and port name. */
  thirdsAt = (place: string): readonly string[] => this.#thirds.get(place) ?? []

  /** Addresses that entries name as source for a port. */
  flaggedFor = (protocol: Protocol, port: number): readonly string[] =>
    this.#flagged.get(`${protocol} ${port}`) ?? []

  /** Ports that sets name without an address. */
  get ports(): number[] {
    return [
      ...new Set([
        ...this.#byPort.flatMap((set) =>
          (set.entries as readonly { port: number }[]).map(({ port }) => port),
        ),
        ...[...this.#flagged.keys()].map((key) => Number(key.split(' ')[1])),
      ]),
    ]
  }

  /** What is known of an address that no entry names together with the port. */
  addressSign(address: string): string {
    const { state } = this
    const bits = [
      state.isLocal(address),
      isLoopbackAddress(address),
      ...this.#byAddress.map(
        ({ name }) => state.set(name)?.find({ address, protocol: 'tcp', port: 0, other: address }) !== null,
      ),
    ]
    return bits.map(Number).join('')
  }

  portSign(protocol: Protocol, port: number): string {
    const bits = this.#byPort.map(
      ({ name }) => this.state.set(name)?.find({ address: '', protocol, port, other: '' }) !== null,
    )
    const flagged = this.#flagged.has(`${protocol} ${port}`) ? ` ${port}` : ''
    return bits.map(Number).join('') + flagged
  }

  arrivalSign(arrival: Arrival): string {
    if (arrival.kind === 'local') return 'local'
    const { bridgePort } = arrival
    const bits = this.interfaces.map((pattern) => cameBy(arrival, pattern))
    return `${bridgePort ? 'bridge' : 'wire'} ${bits.map(Number).join('')}`
  }

  /** What is known of a source, for a destination and port. */
  sourceSign(source: string, protocol: Protocol, address: string, port: number): string {
    const { state } = this
    const server = state.virtualServer(protocol, address, port)
    const key = server === null ? null : virtualServerKey(server)
    const bits: (boolean | number)[] = [
      state.isLocal(source),
      isLoopbackAddress(source),
      state.node.addresses.includes(source),
      isPodOf(state.node, source),
    ]
    for (const { network, of } of this.sourceNetworks)
      if (of === null || of === key) bits.push(holds(network, source))
    for (const use of this.#bySource) bits.push(this.#asked(use, source, protocol, address, port, source))
    for (const use of this.#thirdUses) bits.push(this.#asked(use, address, protocol, address, port, source))
    for (const servedPort of new Set(server?.realServers.map((real) => real.port)))
      for (const use of this.#bySource)
        bits.push(this.#asked(use, source, protocol, source, servedPort, source))
    for (const real of server?.realServers ?? []) {
      if (real.weight === 0) continue
      const loops = this.#thirdUses.some((use) =>
        this.#asked(use, real.address, protocol, real.address, real.port, source),
      )
      if (real.address === source) bits.push(2, loops, real.weight)
      else if (loops) bits.push(3)
    }
    return bits.map(Number).join('')
  }

  #asked(
    { set, directions }: SetMatch,
    address: string,
    protocol: Protocol,
    destination: string,
    port: number,
    source: string,
  ): boolean {
    const other = directions[2] === 'src' ? source : destination
    return this.state.set(set)?.find({ address, protocol, port, other }) !== null
  }
}

const known = new WeakMap<KernelState, Map<Family, Senses>>()

/** What the rules of a state can tell apart in a family, worked out once. */
export function sensesOf(state: KernelState, family: Family): Senses {
  const ofState = known.get(state) ?? new Map<Family, Senses>()
  known.set(state, ofState)
  const senses = ofState.get(family) ?? new Senses(state, family)
  ofState.set(family, senses)
  return senses
}

function push(map: Map<string, string[]>, key: string, value: string): void {
  const known = map.get(key)
  if (known === undefined) map.set(key, [value])
  else known.push(value)
}

function distinctNetworks(rules: readonly Rule[]): SourceNetwork[] {
  const found = new Map<string, SourceNetwork>()
  for (const { matches } of rules) {
    const ipvs = matches.find((match) => match.kind === 'ipvs')
    const of = ipvs?.kind === 'ipvs' ? virtualServerKey(ipvs) : null
    for (const match of matches) {
      if (match.kind !== 'source') continue
      const network = networkOf(match.network)
      if (network !== null) found.set(`${match.network} ${of}`, { network, of })
    }
  }
  return [...found.values()]
}

const distinctUses = (rules: readonly Rule[]): SetMatch[] => [
  ...new Map(
    rules
      .flatMap(({ matches }) => matches.filter((match): match is SetMatch => match.kind === 'set'))
      .map((match) => [`${match.set} ${match.directions.join()}`, match]),
  ).values(),
]

/** A network, or one of a single address. */
export const networkOf = (text: string): Network | null =>
  parseNetwork(text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`)
