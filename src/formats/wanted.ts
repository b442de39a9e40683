import type { Plan } from '../plan/types.ts'
import { chainLines, jumpLine, stateLines } from './state.ts'

/** What a node has to hold, precomputed for the script of a bundle, which compares it line by line. */

/** Set by the plan where it knows the number, else by each node from its cores. */
export const CONNTRACK_MAX = 'net.netfilter.nf_conntrack_max'

/** `wanted.state`: the state of a plan with the settings and timeouts that it sets, but for what a node works out by itself. */
export function wantedState(plan: Plan): string[] {
  const { sysctls, conntrack, ipvsTimeouts } = plan
  const settings = sysctls.filter(({ action }) => action === 'set')
  const timeouts = [
    ['tcp', ipvsTimeouts?.tcp],
    ['tcpfin', ipvsTimeouts?.tcpFin],
    ['udp', ipvsTimeouts?.udp],
  ] as const
  const lines = [
    ...settings.map(({ name, value }) => `sysctl ${name} ${value}`),
    ...(conntrack.max ? [`sysctl ${CONNTRACK_MAX} ${conntrack.max}`] : []),
    // 0 leaves one as it is.
    ...timeouts.flatMap(([name, seconds]) => (seconds ? [`timeout ${name} ${seconds}`] : [])),
  ]
  return [...stateLines(plan), ...lines].sort()
}

/** `wanted.rules`: chains, rules and jumps of a plan as state, in the order in which they are loaded: a jump is put on top. */
export const wantedRules = (plan: Plan): string[] =>
  plan.tables.flatMap(({ family, name, chains, jumps }) => [
    ...chains.flatMap((chain) => chainLines(family, name, chain)),
    ...[...jumps].reverse().map((jump) => jumpLine(family, name, jump)),
  ])
