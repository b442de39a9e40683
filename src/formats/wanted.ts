import type { Plan } from '../plan/types.ts'
import { lazily, type Piece } from '../text.ts'
import { type Block, chainLines, inOrder, jumpLine, lineBlock, stateBlocks } from './state.ts'

/** What a node has to hold, precomputed for the script of a bundle, which compares it line by line. */

/** Set by the plan where it knows the number, else by each node from its cores. */
export const CONNTRACK_MAX = 'net.netfilter.nf_conntrack_max'

/** `wanted.state`: the state of a plan with the settings and timeouts that it sets, but for what a node works out by itself. */
export const wantedState = (plan: Plan): string[] => wantedBlocks(plan).flatMap(({ lines }) => lines().sort())

/** The same in pieces, for whoever writes it as bytes. */
export const wantedPieces = (plan: Plan): Iterable<Piece> =>
  lazily(wantedBlocks(plan), ({ item, lines }) => ({
    item,
    text: () => `${lines().sort().join('\n')}\n`,
  }))

function wantedBlocks(plan: Plan): Block[] {
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
  return inOrder([...stateBlocks(plan), ...lines.map(lineBlock)])
}

/** `wanted.rules`: chains, rules and jumps of a plan as state, in the order in which they are loaded: a jump is put on top. */
export const wantedRules = (plan: Plan): string[] =>
  plan.tables.flatMap(({ family, name, chains, jumps }) => [
    ...chains.flatMap((chain) => chainLines(family, name, chain)),
    ...[...jumps].reverse().map((jump) => jumpLine(family, name, jump)),
  ])
