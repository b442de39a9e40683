import { hostPort } from '../plan/keys.ts'
import type { VirtualServer } from '../plan/types.ts'
import { clientsOf } from '../proof/clients.ts'
import { describeFate } from '../proof/describe.ts'
import { type Fate, follow } from '../proof/follow.ts'
import type { ServicePromise } from '../proof/promises.ts'
import type { KernelState } from '../proof/state.ts'
import type { Effect, EffectKind } from './types.ts'

/** The rules of one node on one side, and what is promised there. */
export interface NodeSide {
  readonly state: KernelState
  readonly promises: readonly ServicePromise[]
}

/** What clients of a Service notice on one node, by the model of the kernel. */
export function effectsOf(before: NodeSide | null, after: NodeSide | null, service: string): Effect[] {
  const promises = distinctTargets([
    ...(after?.promises ?? []).filter((promise) => promise.service === service),
    ...(before?.promises ?? []).filter((promise) => promise.service === service),
  ])
  return promises.flatMap((promise) => targetEffects(before, after, promise))
}

/** `tcp 10.96.0.10:80`; a node port is the same on every node: `tcp node port 30080`. */
export const targetName = ({ protocol, address, port, by }: ServicePromise): string =>
  by === 'nodePort' ? `${protocol} node port ${port}` : `${protocol} ${hostPort(address, port)}`

const distinctTargets = (promises: readonly ServicePromise[]): ServicePromise[] =>
  [
    ...new Map(
      promises
        .toReversed()
        .map((promise) => [`${promise.protocol} ${hostPort(promise.address, promise.port)}`, promise]),
    ).values(),
  ].reverse()

/** Clients that notice the same stand together. */
function targetEffects(before: NodeSide | null, after: NodeSide | null, promise: ServicePromise): Effect[] {
  const state = after?.state ?? before?.state
  if (state === undefined) return []
  const grouped = new Map<string, Effect>()
  for (const client of clientsOf(promise, state)) {
    const [old, now] = [before, after].map((side) => fateOn(side, promise, client)) as [Fate, Fate]
    const kind = effectKind(old, now)
    if (kind === null) continue
    const effect = { kind, target: targetName(promise), before: told(kind, old), after: told(kind, now) }
    const key = JSON.stringify(effect)
    const known = grouped.get(key)
    grouped.set(key, { ...effect, clients: whom(kind, known?.clients ?? [], client.name) })
  }
  return [...grouped.values()]
}

/** Affinity is the same for all that are answered at all. */
const whom = (kind: EffectKind, known: readonly string[], name: string): string[] =>
  kind === 'affinity' ? ['whoever asks'] : [...known, name]

/** Who answers matters where that changes; elsewhere whom servers see would only tell clients apart. */
const told = (kind: EffectKind, fate: Fate): string =>
  kind === 'affinity' || (fate.kind === 'served' && kind !== 'source')
    ? describeFate(fate).replace(', which see the node', '')
    : describeFate(fate)

const NOBODY: Fate = { kind: 'forwarded', masqueraded: false }

function fateOn(
  side: NodeSide | null,
  promise: ServicePromise,
  client: Pick<ReturnType<typeof clientsOf>[number], 'source' | 'arrival'>,
): Fate {
  if (side === null) return NOBODY
  const { protocol, address, port } = promise
  return follow(side.state, {
    protocol,
    source: client.source,
    arrival: client.arrival,
    destination: address,
    destinationPort: port,
  }).fate
}

const answers = (fate: Fate): boolean =>
  fate.kind === 'served' && fate.servers.some(({ unanswered }) => unanswered === null)

function effectKind(before: Fate, after: Fate): EffectKind | null {
  const [old, now] = [answers(before), answers(after)]
  if (old && !now) return 'unreachable'
  if (!old && now) return 'reachable'
  if (before.kind !== 'served' || after.kind !== 'served')
    return before.kind === after.kind ? null : 'refusal'
  if (persistence(before.virtualServer) !== persistence(after.virtualServer)) return 'affinity'
  if (seen(before) !== seen(after)) return 'source'
  return reached(before) === reached(after) ? null : 'servers'
}

type ServedFate = Extract<Fate, { kind: 'served' }>

const persistence = ({ persistence: value }: VirtualServer): number => value?.timeout ?? 0

const seen = ({ servers }: ServedFate): string =>
  [...new Set(servers.map(({ masqueraded }) => masqueraded))].sort().join()

const reached = ({ servers }: ServedFate): string =>
  servers
    .filter(({ unanswered }) => unanswered === null)
    .map(({ server }) => hostPort(server.address, server.port))
    .sort()
    .join()
