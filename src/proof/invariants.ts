import { formatEntry } from '../plan/entries.ts'
import type { IpSet, Plan, SetEntry } from '../plan/types.ts'
import { setDefinition } from './explain/reasons.ts'
import type { NodeNetwork } from './network.ts'
import type { NodePromises } from './promises.ts'

/** Something that has to hold of the rules of a node whatever packets come. */
export type Invariant =
  | 'every local endpoint has its loop-back entry'
  | 'no set is over its limit'
  | 'only addresses that a Service asks for are bound'
  | 'what is bound is what its set says'
  | 'settings that the rules rely on are set'
  | 'modules that the rules rely on are loaded'

/** An invariant that does not hold. */
export interface Broken {
  readonly invariant: Invariant
  /** What is wrong, in a phrase. */
  readonly found: string
  /** `namespace/name:port`, where it concerns one Service. */
  readonly service: string | null
}

export function brokenInvariants(plan: Plan, promises: NodePromises, node: NodeNetwork): Broken[] {
  return [
    ...missingLoops(plan, promises),
    ...crowdedSets(plan),
    ...boundAddresses(plan, promises, node),
    ...settings(plan, promises),
    ...modules(plan, promises),
  ]
}

function missingLoops({ sets }: Plan, { localEndpoints, services }: NodePromises): Broken[] {
  const held = new Set(
    sets.flatMap((set) =>
      setDefinition(set.name) === 'KUBE-LOOP-BACK' && set.type === 'hash:ip,port,ip'
        ? (set.entries as readonly SetEntry[]).map((entry) => formatEntry(set.type, entry))
        : [],
    ),
  )
  return localEndpoints.flatMap((endpoint) => {
    const [protocol, host = ''] = endpoint.split(' ')
    const port = host.slice(host.lastIndexOf(':') + 1)
    const address = host.slice(0, host.lastIndexOf(':')).replace(/[[\]]/g, '')
    if (held.has(`${address},${protocol}:${port},${address}`)) return []
    const owner = services.find(({ endpoints }) => endpoints.includes(host))
    return [
      {
        invariant: 'every local endpoint has its loop-back entry',
        found: `${endpoint} has none`,
        service: owner === undefined ? null : `${owner.service}:${owner.portName}`,
      } as const,
    ]
  })
}

const crowdedSets = ({ sets }: Plan): Broken[] =>
  sets.flatMap((set) =>
    set.type !== 'bitmap:port' && set.entries.length > set.maxElements
      ? [
          {
            invariant: 'no set is over its limit',
            found: `${set.name} has ${set.entries.length} entries and holds ${set.maxElements}`,
            service: null,
          } as const,
        ]
      : [],
  )

function boundAddresses(
  { dummyInterface, sets }: Plan,
  { services }: NodePromises,
  node: NodeNetwork,
): Broken[] {
  const asked = new Map(
    services.filter(({ by }) => by !== 'nodePort').map((promise) => [promise.address, promise] as const),
  )
  const bound = new Set(dummyInterface.addresses)
  const listed = new Set(
    sets.flatMap((set: IpSet) =>
      setDefinition(set.name) === 'KUBE-IPVS-IPS' && set.type === 'hash:ip'
        ? set.entries.map(({ address }) => address)
        : [],
    ),
  )
  const broken = (invariant: Invariant, found: string, address: string): Broken => {
    const owner = asked.get(address)
    return { invariant, found, service: owner === undefined ? null : `${owner.service}:${owner.portName}` }
  }
  return [
    ...[...bound]
      .filter((address) => !asked.has(address))
      .map((address) =>
        broken('only addresses that a Service asks for are bound', `${address} is bound`, address),
      ),
    ...[...asked.keys()]
      .filter((address) => !bound.has(address) && !node.addresses.includes(address))
      .map((address) =>
        broken('only addresses that a Service asks for are bound', `${address} is not bound`, address),
      ),
    ...[...bound]
      .filter((address) => !listed.has(address))
      .map((address) => broken('what is bound is what its set says', `no entry has ${address}`, address)),
    ...[...listed]
      .filter((address) => !bound.has(address))
      .map((address) => broken('what is bound is what its set says', `${address} is not bound`, address)),
  ]
}

function settings({ sysctls, ipvsTimeouts, conntrack }: Plan, { settings: wanted }: NodePromises): Broken[] {
  if (wanted === null) return []
  const values = new Map(sysctls.map(({ name, value }) => [name, value]))
  const broken = (found: string): Broken => ({
    invariant: 'settings that the rules rely on are set',
    found,
    service: null,
  })
  const timeouts = ipvsTimeouts ?? { tcp: 0, tcpFin: 0, udp: 0 }
  const sizes = [conntrack, wanted.conntrack].map(
    ({ maxPerCore, min }) => `${maxPerCore} per core, at least ${min}`,
  )
  return [
    ...(sizes[0] === sizes[1]
      ? []
      : [broken(`the table of connections is for ${sizes[0]}, not ${sizes[1]}`)]),
    ...Object.entries(wanted.sysctls).flatMap(([name, value]) =>
      values.get(name) === value ? [] : [broken(`${name} is ${values.get(name) ?? 'not set'}, not ${value}`)],
    ),
    ...(['tcp', 'tcpFin', 'udp'] as const).flatMap((name) =>
      timeouts[name] === wanted.ipvsTimeouts[name]
        ? []
        : [broken(`the ${name} timeout of IPVS is ${timeouts[name]} s, not ${wanted.ipvsTimeouts[name]} s`)],
    ),
  ]
}

function modules({ modules: loaded, virtualServers }: Plan, { settings: wanted }: NodePromises): Broken[] {
  const schedulers = [
    ...virtualServers.map(({ scheduler }) => scheduler),
    ...(wanted === null ? [] : [wanted.scheduler]),
  ]
  const needed = ['ip_vs', 'nf_conntrack', ...new Set(schedulers.map((scheduler) => `ip_vs_${scheduler}`))]
  return needed
    .filter((name) => !loaded.includes(name))
    .map((name) => ({
      invariant: 'modules that the rules rely on are loaded',
      found: `${name} is not`,
      service: null,
    }))
}
