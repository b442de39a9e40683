import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { canonicalServers } from '../../../src/capture/capture.ts'
import { type Plan, type RealServer, stateFingerprint, type VirtualServer } from '../../../src/index.ts'
import { DATA } from './lab.ts'

/** The plans of golden cases, as they lie in the folder that the suites read. */

const planFile = (name: string): string => `${DATA}/golden/${name}/expected/plan.json`

export const goldenPlan = (name: string): Plan => JSON.parse(readFileSync(planFile(name), 'utf8')) as Plan

/** The cases that have a plan and speak of both families; one of a single family leaves the other as it is. */
export const goldenCases = (): string[] =>
  readdirSync(`${DATA}/golden`)
    .sort()
    .filter((name) => existsSync(planFile(name)) && goldenPlan(name).families.length === 2)

/** Cases that differ in settings alone are one state; the first of them stands for all. */
export function goldenStates(): Map<string, Plan> {
  const plans = new Map<string, Plan>()
  const states = new Set<string>()
  for (const name of goldenCases()) {
    const plan = goldenPlan(name)
    const state = stateFingerprint(plan)
    if (!states.has(state)) plans.set(name, plan)
    states.add(state)
  }
  return plans
}

/** The same with another pod on this node in the place of one: real servers and entries change, nothing else. */
export const withPodMoved = (plan: Plan): Plan =>
  JSON.parse(JSON.stringify(plan).replaceAll('"10.0.0.11"', '"10.0.0.77"')) as Plan

/** So many virtual servers more, each at an address of its own and otherwise like the first; their real servers may be others. */
export function withMoreServers(
  plan: Plan,
  count: number,
  realServersOf: (like: VirtualServer, index: number) => readonly RealServer[] = ({ realServers }) =>
    realServers,
): Plan {
  const [like] = plan.virtualServers as [VirtualServer]
  const more = Array.from({ length: count }, (_, index) => ({
    ...like,
    address: `10.200.${index >> 8}.${index & 255}`,
    realServers: realServersOf(like, index),
  }))
  return { ...plan, virtualServers: canonicalServers([...plan.virtualServers, ...more]) }
}
