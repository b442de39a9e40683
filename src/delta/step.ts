import { formatService } from '../formats/ipvs.ts'
import { stateLines } from '../formats/state.ts'
import type { Plan } from '../plan/types.ts'
import type { Operation } from './operations.ts'

/**
 * What the script of a delta bundle needs to go from one plan to another on a node that is known to hold the first,
 * in lines of state: it need not compare then.
 */
export interface Step {
  /** The virtual servers that it touches, as ipvsadm names them: `-t 10.96.0.1:443`. */
  readonly servers: readonly string[]
  /** What goes, and what comes: lines of `stateLines`, in its order. */
  readonly removed: readonly string[]
  readonly added: readonly string[]
  /** Every real server of the virtual servers, and every entry of the sets, that the step touches, as they are after it. */
  readonly touched: readonly string[]
}

/** Each is asked for by a process of its own; with more of them, comparing everything is as fast. */
const MOST_SERVERS = 16

const STEP_KINDS: ReadonlySet<Operation['kind']> = new Set([
  'addEntries',
  'removeEntries',
  'addRealServer',
  'editRealServer',
  'removeRealServer',
])

/**
 * The step, where only real servers and entries come, change and go, which is what a rollout does; `null` for any other
 * change, which a script works out by comparing.
 */
export function stepOf(operations: readonly Operation[], from: Plan, to: Plan): Step | null {
  if (operations.length === 0 || !operations.every(({ kind }) => STEP_KINDS.has(kind))) return null
  if (!sameScope(from, to)) return null
  const servers = new Set(operations.flatMap(touchedServer))
  if (servers.size > MOST_SERVERS) return null
  const names = new Set([...servers, ...operations.flatMap(touchedSet)])
  const [before, after] = [from, to].map((plan) => touchedLines(plan, names)) as [string[], string[]]
  const [old, fresh] = [new Set(before), new Set(after)]
  return {
    servers: [...servers],
    removed: before.filter((line) => !fresh.has(line)),
    added: after.filter((line) => !old.has(line)),
    touched: after,
  }
}

/** What decides which things of a node belong to a plan, and what no operation speaks of. */
const sameScope = (from: Plan, to: Plan): boolean => scopeOf(from) === scopeOf(to)

const scopeOf = ({
  families,
  excludeCIDRs,
  conntrack,
  ipvsTimeouts,
  dummyInterface,
  sysctls,
}: Plan): string =>
  JSON.stringify([families, excludeCIDRs, conntrack, ipvsTimeouts, dummyInterface.name, sysctls])

const touchedServer = (operation: Operation): string[] =>
  operation.kind === 'addRealServer' ||
  operation.kind === 'editRealServer' ||
  operation.kind === 'removeRealServer'
    ? [formatService(operation.virtualServer)]
    : []

const touchedSet = (operation: Operation): string[] =>
  operation.kind === 'addEntries' || operation.kind === 'removeEntries' ? [operation.set.name] : []

function touchedLines(plan: Plan, names: ReadonlySet<string>): string[] {
  const lines = stateLines({
    ...plan,
    virtualServers: plan.virtualServers.filter((server) => names.has(formatService(server))),
    sets: plan.sets.filter(({ name }) => names.has(name)),
    tables: [],
    dummyInterface: { ...plan.dummyInterface, addresses: [] },
  })
  return lines.filter((line) => line.startsWith('real ') || line.startsWith('entry '))
}
