import * as assert from 'uvu/assert'
import { exemptions } from '../../src/delta/transitions.ts'
import { formatService } from '../../src/formats/ipvs.ts'
import { formatRule } from '../../src/formats/rules.ts'
import { type DeltaPayloadName, delta, emitDelta, type Plan } from '../../src/index.ts'
import { FAMILIES } from '../../src/net/family.ts'
import { formatEntry } from '../../src/plan/entries.ts'
import { hostPort } from '../../src/plan/keys.ts'
import { ModelKernel } from './modelKernel.ts'

/**
 * Loads the payloads of the way from one plan to another, by default their delta's, into a kernel in memory that holds the
 * first, and looks at it after every line: what both plans have may not be missing.
 */
export function migrate(
  from: Plan,
  to: Plan,
  payloads: Iterable<readonly [DeltaPayloadName, string]> = emitDelta(delta(from, to)),
): ModelKernel {
  const kernel = new ModelKernel(from)
  const kept = keptServers(from, to)
  const bound = from.dummyInterface.addresses.filter((address) =>
    to.dummyInterface.addresses.includes(address),
  )
  const exempt = exemptServers(from, to)
  const before = from.tables.flatMap(({ family, name, chains }) =>
    chains.map((chain) => [`${family} ${name} ${chain.name}`, chain.rules.map(formatRule)] as const),
  )
  for (const [name, text] of payloads) {
    // Nothing has left yet: whatever needs a rule finds it.
    if (name > '08')
      for (const [chain, rules] of name < '10' ? before : [])
        for (const rule of rules) assert.ok(kernel.rules(chain).includes(rule), `${chain} has lost ${rule}`)
    kernel.load(name, text, () => {
      for (const [service, servers] of kept)
        assert.ok(
          kernel.serving(service).some((server) => servers.includes(server)),
          `${service} has lost all the real servers that it keeps`,
        )
      for (const { set, entry, service, servers } of exempt)
        if (kernel.entries(set).has(entry))
          for (const server of kernel.serving(service))
            assert.ok(servers.has(server), `${service}: clients of ${server} are not masqueraded`)
      for (const address of bound) assert.ok(kernel.bound().has(address), `${address} is kept bound`)
    })
  }
  return kernel
}

/** A virtual server whose clients are not masqueraded in one of two plans, with the real servers that it has there. */
interface Exempt {
  readonly set: string
  readonly entry: string
  readonly service: string
  readonly servers: ReadonlySet<string>
}

/** Virtual servers that stand in both plans, and go from masquerading to exempting or back. */
function exemptServers(from: Plan, to: Plan): Exempt[] {
  const entriesOf = (plan: Plan, name: string): Set<string> => {
    const set = plan.sets.find((candidate) => candidate.name === name)
    return new Set(set?.entries.map((entry) => formatEntry(set.type, entry)))
  }
  return exemptions(FAMILIES).flatMap(([set, exempted]) => {
    const [exemptedNow, exemptedThen] = [entriesOf(from, exempted), entriesOf(to, exempted)]
    const [now, then] = [entriesOf(from, set), entriesOf(to, set)]
    return [...exemptedNow]
      .filter((entry) => exemptedThen.has(entry))
      .filter((entry) => now.has(entry) !== then.has(entry))
      .flatMap((entry) => {
        const plan = now.has(entry) ? from : to
        return plan.virtualServers
          .filter(({ address, port, protocol }) =>
            [`${address},${protocol}:${port}`, String(port)].includes(entry),
          )
          .map((server) => ({
            ...{ set, entry, service: formatService(server) },
            servers: new Set(server.realServers.map(({ address, port }) => hostPort(address, port))),
          }))
      })
  })
}

/** By virtual server that stands in both plans, the real servers that do. */
function keptServers(from: Plan, to: Plan): Map<string, string[]> {
  const before = new Map(from.virtualServers.map((server) => [formatService(server), server.realServers]))
  const kept = to.virtualServers.flatMap((server): [string, string[]][] => {
    const old = (before.get(formatService(server)) ?? []).map(({ address, port }) => hostPort(address, port))
    const both = server.realServers
      .map(({ address, port }) => hostPort(address, port))
      .filter((name) => old.includes(name))
    return both.length === 0 ? [] : [[formatService(server), both]]
  })
  return new Map(kept)
}
