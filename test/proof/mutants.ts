import type { Chain, IpSet, Match, Plan, Rule, VirtualServer } from '../../src/index.ts'
import type { SetEntry, Target } from '../../src/plan/types.ts'

/** A plan with one thing changed, and what was changed in words. */
export interface Mutant {
  readonly what: string
  readonly plan: Plan
}

/** Every plan that differs from this one by one small fault: something lost, moved, turned round or pointed elsewhere. */
export function* mutantsOf(plan: Plan): Generator<Mutant> {
  yield* serverMutants(plan)
  yield* addressMutants(plan)
  yield* setMutants(plan)
  yield* ruleMutants(plan)
  yield* settingMutants(plan)
}

function* serverMutants(plan: Plan): Generator<Mutant> {
  for (const [index, server] of plan.virtualServers.entries()) {
    const name = `${server.protocol} ${server.address}:${server.port}`
    yield {
      what: `server ${name} lost`,
      plan: { ...plan, virtualServers: plan.virtualServers.toSpliced(index, 1) },
    }
    for (const [what, changed] of changedServers(server))
      yield {
        what: `server ${name} ${what}`,
        plan: { ...plan, virtualServers: plan.virtualServers.with(index, changed) },
      }
  }
}

function* changedServers(server: VirtualServer): Generator<readonly [what: string, server: VirtualServer]> {
  const { realServers, persistence } = server
  for (const [place, real] of realServers.entries()) {
    const name = `${real.address}:${real.port}`
    const withReal = (changed: typeof real): VirtualServer => ({
      ...server,
      realServers: realServers.with(place, changed),
    })
    yield [`without ${name}`, { ...server, realServers: realServers.toSpliced(place, 1) }]
    yield [`with ${name} at weight 0`, withReal({ ...real, weight: 0 })]
    yield [`with ${name} sent on as it comes`, withReal({ ...real, forwarding: 'gatewaying' })]
    yield [`with ${name} at another port`, withReal({ ...real, port: real.port + 1 })]
  }
  yield [
    persistence === null ? 'persistent' : 'not persistent',
    { ...server, persistence: persistence === null ? { timeout: 10800, prefixLength: 32 } : null },
  ]
  if (persistence !== null) {
    yield ['with affinity of networks', { ...server, persistence: { ...persistence, prefixLength: 24 } }]
    yield ['with another affinity', { ...server, persistence: { ...persistence, timeout: 1 } }]
  }
  yield ['with another scheduler', { ...server, scheduler: server.scheduler === 'rr' ? 'sh' : 'rr' }]
}

function* addressMutants(plan: Plan): Generator<Mutant> {
  const { addresses } = plan.dummyInterface
  const bound = (changed: readonly string[]): Plan => ({
    ...plan,
    dummyInterface: { ...plan.dummyInterface, addresses: changed },
  })
  for (const [index, address] of addresses.entries())
    yield { what: `address ${address} not bound`, plan: bound(addresses.toSpliced(index, 1)) }
  yield { what: 'address 172.31.255.1 bound', plan: bound([...addresses, '172.31.255.1']) }
}

function* setMutants(plan: Plan): Generator<Mutant> {
  for (const [index, set] of plan.sets.entries()) {
    const withEntries = (entries: readonly unknown[]): Plan => ({
      ...plan,
      sets: plan.sets.with(index, { ...set, entries } as IpSet),
    })
    for (const place of set.entries.keys())
      yield {
        what: `set ${set.name} without its entry ${JSON.stringify(set.entries[place])}`,
        plan: withEntries((set.entries as readonly unknown[]).toSpliced(place, 1)),
      }
    for (const entry of strayEntries(set, plan).slice(0, 3))
      yield {
        what: `set ${set.name} with ${JSON.stringify(entry)} besides`,
        plan: withEntries([...set.entries, entry]),
      }
    if (set.type !== 'bitmap:port' && set.entries.length > 1)
      yield {
        what: `set ${set.name} too small`,
        plan: { ...plan, sets: plan.sets.with(index, { ...set, maxElements: 1 }) },
      }
  }
}

/** Entries that a set of the same type has and this one does not. */
function strayEntries(set: IpSet, plan: Plan): SetEntry[] {
  const held = new Set((set.entries as readonly SetEntry[]).map((entry) => JSON.stringify(entry)))
  return plan.sets
    .filter(({ name, type, family }) => name !== set.name && type === set.type && family === set.family)
    .flatMap(({ entries }) => entries as readonly SetEntry[])
    .filter((entry) => !held.has(JSON.stringify(entry)))
}

function* ruleMutants(plan: Plan): Generator<Mutant> {
  for (const [tableIndex, table] of plan.tables.entries()) {
    const within = `${table.family} ${table.name}`
    const withTable = (changed: typeof table): Plan => ({
      ...plan,
      tables: plan.tables.with(tableIndex, changed),
    })
    for (const [index, jump] of table.jumps.entries()) {
      const name = `${within} jump from ${jump.from} to ${jump.to}`
      yield { what: `${name} lost`, plan: withTable({ ...table, jumps: table.jumps.toSpliced(index, 1) }) }
      const next = table.jumps[index + 1]
      if (next?.from === jump.from)
        yield {
          what: `${name} after the next`,
          plan: withTable({ ...table, jumps: table.jumps.with(index, next).with(index + 1, jump) }),
        }
    }
    for (const [index, chain] of table.chains.entries()) {
      const withRules = (rules: readonly Rule[]): Plan =>
        withTable({ ...table, chains: table.chains.with(index, { ...chain, rules }) })
      for (const { what, rules } of chainMutants(chain, plan, table.family))
        yield { what: `${within} ${chain.name} ${what}`, plan: withRules(rules) }
    }
  }
}

function* chainMutants(
  { name, rules }: Chain,
  plan: Plan,
  family: string,
): Generator<{ what: string; rules: readonly Rule[] }> {
  for (const [index, rule] of rules.entries()) {
    const sets = rule.matches.flatMap((match) => (match.kind === 'set' ? [match.set] : []))
    const place = `rule ${index + 1} (${[...sets, targetName(rule.target)].join(' ')})`
    const replaced = (changed: Rule): readonly Rule[] => rules.with(index, changed)
    yield { what: `${place} lost`, rules: rules.toSpliced(index, 1) }
    const next = rules[index + 1]
    if (next !== undefined)
      yield { what: `${place} after the next`, rules: rules.with(index, next).with(index + 1, rule) }
    for (const [where, match] of rule.matches.entries()) {
      yield {
        what: `${place} without its match ${match.kind}`,
        rules: replaced({ ...rule, matches: rule.matches.toSpliced(where, 1) }),
      }
      for (const changed of matchMutants(match, plan, family))
        yield {
          what: `${place} with ${JSON.stringify(changed)} in place of ${JSON.stringify(match)}`,
          rules: replaced({ ...rule, matches: rule.matches.with(where, changed) }),
        }
    }
    for (const target of targetMutants(rule.target, name))
      yield { what: `${place} leading to ${targetName(target)}`, rules: replaced({ ...rule, target }) }
  }
}

const targetName = (target: Target): string =>
  target.kind === 'jump' ? target.chain : target.kind.toUpperCase()

function* targetMutants(target: Target, chain: string): Generator<Target> {
  if (target.kind === 'accept') yield { kind: 'return' }
  if (target.kind === 'return') yield { kind: 'accept' }
  if (target.kind === 'drop' || target.kind === 'reject') yield { kind: 'accept' }
  if (target.kind !== 'drop') yield { kind: 'drop' }
  if (target.kind === 'mark') yield { ...target, value: target.value ^ 0x10 }
  if (target.kind === 'jump' && chain !== 'KUBE-MARK-MASQ' && target.chain !== 'KUBE-MARK-MASQ')
    yield { kind: 'accept' }
}

function* matchMutants(match: Match, plan: Plan, family: string): Generator<Match> {
  if ('negate' in match) yield { ...match, negate: !match.negate }
  if (match.kind === 'protocol') yield { ...match, protocol: match.protocol === 'tcp' ? 'udp' : 'tcp' }
  if (match.kind === 'mark') yield { ...match, value: match.value << 1, mask: match.mask << 1 }
  if (match.kind === 'source')
    yield { ...match, network: family === 'ipv4' ? '198.51.100.0/24' : '2001:db8:ee::/48' }
  if (match.kind === 'ipvs') yield { ...match, port: match.port + 1 }
  if (match.kind !== 'set') return
  for (const [index, direction] of match.directions.entries())
    yield { ...match, directions: match.directions.with(index, direction === 'src' ? 'dst' : 'src') }
  const used = plan.sets.find(({ name }) => name === match.set)
  const others = plan.sets.filter(
    ({ name, type, family }) => name !== match.set && type === used?.type && family === used.family,
  )
  for (const { name } of others) yield { ...match, set: name }
}

function* settingMutants(plan: Plan): Generator<Mutant> {
  for (const [index, sysctl] of plan.sysctls.entries()) {
    yield {
      what: `setting ${sysctl.name} lost`,
      plan: { ...plan, sysctls: plan.sysctls.toSpliced(index, 1) },
    }
    const other = { ...sysctl, value: sysctl.value + 1 }
    yield { what: `setting ${sysctl.name} off`, plan: { ...plan, sysctls: plan.sysctls.with(index, other) } }
  }
  for (const [index, name] of plan.modules.entries())
    yield { what: `module ${name} lost`, plan: { ...plan, modules: plan.modules.toSpliced(index, 1) } }
  const timeouts = plan.ipvsTimeouts ?? { tcp: 0, tcpFin: 0, udp: 0 }
  yield { what: 'timeouts off', plan: { ...plan, ipvsTimeouts: { ...timeouts, udp: timeouts.udp + 1 } } }
  const { conntrack } = plan
  yield {
    what: 'size of the table off',
    plan: { ...plan, conntrack: { ...conntrack, min: conntrack.min + 1 } },
  }
}
