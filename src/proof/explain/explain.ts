import { formatJump, formatRule } from '../../formats/rules.ts'
import { formatEntry } from '../../plan/entries.ts'
import { hostPort } from '../../plan/keys.ts'
import type { Plan } from '../../plan/types.ts'
import { type Item, itemKey, itemsOf } from './items.ts'
import type { OwnersOf, ServiceField } from './owners.ts'
import { reasonOf } from './reasons.ts'

/** Why an item of a plan is there. */
export interface Explanation {
  /** What it is called: `rule ipv4 nat KUBE-SERVICES 3`. */
  readonly item: string
  /** What it says, where its name does not: the rule, the parameters. */
  readonly text: string | null
  /** Where it stands in the payloads: `iptables.restore:12`. */
  readonly place: string | null
  /** All that ask for it; `null`: the state does not tell. */
  readonly services: readonly ServiceField[] | null
  /** Fields of the configuration, sets that it depends on, or `IPVS mode`. */
  readonly fields: readonly string[]
  /** Why IPVS mode has such an item; `null`: it has none such. */
  readonly reason: string | null
  /** What is unusual of it: a rule on an empty set, a virtual server without real servers. */
  readonly remarks: readonly string[]
}

export interface ExplainedState {
  readonly plan: Plan
  /** `null`: nothing is known of who asked for its items. */
  readonly owners: OwnersOf | null
  /** Places in payloads by the key of an item. */
  readonly places: ReadonlyMap<string, string>
}

/** Explains each item whose key is meant, in the order of the plan. */
export function explainItems(state: ExplainedState, isMeant: (key: string) => boolean): Explanation[] {
  const found: Explanation[] = []
  for (const item of itemsOf(state.plan)) if (isMeant(itemKey(item))) found.push(explainItem(item, state))
  return found
}

export function explainItem(item: Item, { plan, owners, places }: ExplainedState): Explanation {
  const key = itemKey(item)
  const asked = owners?.(item) ?? null
  return {
    item: key,
    text: textOf(item),
    place: places.get(key) ?? null,
    services: asked?.services ?? null,
    fields: asked?.fields ?? [],
    reason: reasonOf(item),
    remarks: remarksOn(item, plan),
  }
}

function textOf(item: Item): string | null {
  switch (item.kind) {
    case 'virtualServer': {
      const { scheduler, persistence, realServers } = item.server
      const sticky = persistence === null ? '' : `, a client stays for ${persistence.timeout} s`
      return `${scheduler} over ${counted(realServers.length, 'real server')}${sticky}`
    }
    case 'realServer':
      return item.server.weight === 1 ? null : `weight ${item.server.weight}`
    case 'set':
      return `${item.set.type}, ${counted(item.set.entries.length, 'entry', 'entries')}`
    case 'chain':
      return counted(item.chain.rules.length, 'rule')
    case 'rule':
      return formatRule({ ...item.rule, comment: null })
    case 'jump':
      return formatJump(item.jump).replace(/-m comment --comment ("[^"]*"|\S+) /, '')
    case 'setting':
      return `${item.sysctl.value}${item.sysctl.action === 'check' ? ', only checked' : ''}`
    default:
      return null
  }
}

const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count === 0 ? 'no' : count} ${count === 1 ? one : many}`

function remarksOn(item: Item, plan: Plan): string[] {
  switch (item.kind) {
    case 'virtualServer':
      return virtualServerRemarks(item.server, plan)
    case 'realServer':
      return item.server.weight === 0 ? ['it takes no new connections'] : []
    case 'set':
      return usersOf(item.set.name, plan).length === 0 ? ['no rule asks it'] : []
    case 'entry': {
      const users = usersOf(item.set.name, plan)
      return users.length === 0 ? ['no rule asks its set'] : [`asked by ${users.join(', ')}`]
    }
    case 'address': {
      const ports = plan.virtualServers.filter(({ address }) => address === item.address)
      return ports.length === 0
        ? ['no virtual server is at it']
        : [`for ${listed(ports.map((server) => `${server.protocol} ${server.port}`))}`]
    }
    case 'rule':
      return emptySets(item, plan)
    default:
      return []
  }
}

function virtualServerRemarks(server: Plan['virtualServers'][number], plan: Plan): string[] {
  const { address, realServers } = server
  const isBound = plan.dummyInterface.addresses.includes(address)
  return [
    realServers.length === 0
      ? 'nobody answers here'
      : `→ ${listed(realServers.map((real) => hostPort(real.address, real.port)))}`,
    isBound
      ? `${address} is bound to ${plan.dummyInterface.name}`
      : `${address} is not bound to ${plan.dummyInterface.name}: it is the node's own, or on another interface`,
  ]
}

const MOST_NAMES = 6

const listed = (names: readonly string[]): string =>
  names.length <= MOST_NAMES
    ? names.join(', ')
    : `${names.slice(0, MOST_NAMES).join(', ')} and ${names.length - MOST_NAMES} more`

/** Rules that ask a set: `nat KUBE-SERVICES 3`. */
const usersOf = (set: string, { tables }: Plan): string[] =>
  tables.flatMap(({ name, chains }) =>
    chains.flatMap((chain) =>
      chain.rules.flatMap(({ matches }, index) =>
        matches.some((match) => match.kind === 'set' && match.set === set)
          ? [`${name} ${chain.name} ${index + 1}`]
          : [],
      ),
    ),
  )

function emptySets({ rule: { matches } }: Extract<Item, { kind: 'rule' }>, { sets }: Plan): string[] {
  return matches.flatMap((match) => {
    if (match.kind !== 'set') return []
    const set = sets.find(({ name }) => name === match.set)
    if (set === undefined) return [`there is no set ${match.set}`]
    const [first] = set.entries
    return first === undefined
      ? [`${match.set} is empty, so nothing matches`]
      : [
          `${match.set} holds ${counted(set.entries.length, 'entry', 'entries')}, such as ${formatEntry(set.type, first)}`,
        ]
  })
}
