import type { Chain, IpSet, Match, Plan, Rule } from '../../src/index.ts'

/** A plan with one thing changed, and what was changed in words. */
export interface Mutant {
  readonly what: string
  readonly plan: Plan
}

/** Every plan that differs from this one by one small fault: something lost, moved, turned round or pointed elsewhere. */
export function* mutantsOf(plan: Plan): Generator<Mutant> {
  yield* serverMutants(plan)
  yield* setMutants(plan)
  yield* ruleMutants(plan)
  yield* settingMutants(plan)
}

function* serverMutants(plan: Plan): Generator<Mutant> {
  for (const [index, server] of plan.virtualServers.entries()) {
    const name = `${server.protocol} ${server.address}:${server.port}`
    const replaced = (changed: typeof server): Plan => ({
      ...plan,
      virtualServers: plan.virtualServers.with(index, changed),
    })
    yield { what: `${name} lost`, plan: { ...plan, virtualServers: plan.virtualServers.toSpliced(index, 1) } }
    for (const [place, real] of server.realServers.entries()) {
      yield {
        what: `${name} without ${real.address}:${real.port}`,
        plan: replaced({ ...server, realServers: server.realServers.toSpliced(place, 1) }),
      }
      yield {
        what: `${name} with ${real.address}:${real.port} at weight 0`,
        plan: replaced({ ...server, realServers: server.realServers.with(place, { ...real, weight: 0 }) }),
      }
    }
    yield {
      what: `${name} ${server.persistence === null ? 'persistent' : 'not persistent'}`,
      plan: replaced({
        ...server,
        persistence: server.persistence === null ? { timeout: 10800, prefixLength: 32 } : null,
      }),
    }
  }
  for (const [index, address] of plan.dummyInterface.addresses.entries())
    yield {
      what: `${address} not bound`,
      plan: {
        ...plan,
        dummyInterface: {
          ...plan.dummyInterface,
          addresses: plan.dummyInterface.addresses.toSpliced(index, 1),
        },
      },
    }
}

function* setMutants(plan: Plan): Generator<Mutant> {
  for (const [index, set] of plan.sets.entries())
    for (const place of set.entries.keys())
      yield {
        what: `${set.name} without its entry ${JSON.stringify(set.entries[place])}`,
        plan: {
          ...plan,
          sets: plan.sets.with(index, {
            ...set,
            entries: (set.entries as readonly unknown[]).toSpliced(place, 1),
          } as IpSet),
        },
      }
}

function* ruleMutants(plan: Plan): Generator<Mutant> {
  for (const [tableIndex, table] of plan.tables.entries()) {
    const within = `${table.family} ${table.name}`
    const withTable = (changed: typeof table): Plan => ({
      ...plan,
      tables: plan.tables.with(tableIndex, changed),
    })
    for (const [index, jump] of table.jumps.entries())
      yield {
        what: `${within}: no jump from ${jump.from} to ${jump.to}`,
        plan: withTable({ ...table, jumps: table.jumps.toSpliced(index, 1) }),
      }
    for (const [index, chain] of table.chains.entries()) {
      const withRules = (rules: readonly Rule[]): Plan =>
        withTable({ ...table, chains: table.chains.with(index, { ...chain, rules }) })
      for (const { what, rules } of chainMutants(chain, plan))
        yield { what: `${within} ${chain.name} ${what}`, plan: withRules(rules) }
    }
  }
}

function* chainMutants({ rules }: Chain, plan: Plan): Generator<{ what: string; rules: readonly Rule[] }> {
  for (const [index, rule] of rules.entries()) {
    const place = `rule ${index + 1}`
    yield { what: `${place} lost`, rules: rules.toSpliced(index, 1) }
    const next = rules[index + 1]
    if (next !== undefined)
      yield { what: `${place} after the next`, rules: rules.with(index, next).with(index + 1, rule) }
    for (const [where, match] of rule.matches.entries())
      for (const changed of matchMutants(match, plan))
        yield {
          what: `${place} with ${JSON.stringify(changed)} in place of ${JSON.stringify(match)}`,
          rules: rules.with(index, { ...rule, matches: rule.matches.with(where, changed) }),
        }
  }
}

function* matchMutants(match: Match, plan: Plan): Generator<Match> {
  if ('negate' in match) yield { ...match, negate: !match.negate }
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
  for (const [index, sysctl] of plan.sysctls.entries())
    yield { what: `${sysctl.name} not set`, plan: { ...plan, sysctls: plan.sysctls.toSpliced(index, 1) } }
}
