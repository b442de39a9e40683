import { parseNetwork } from '../net/address.ts'
import { hostPort } from '../plan/keys.ts'
import type { Plan } from '../plan/types.ts'
import { ClassSpace, type Cuts, type Target } from './classes/classes.ts'
import { placeKey } from './classes/senses.ts'
import { follow, type Trace } from './follow.ts'
import { type Broken, brokenInvariants } from './invariants.ts'
import { clientOf, type Judgement, judgePromise, judgeUnpromised } from './judge.ts'
import type { NodeNetwork } from './network.ts'
import type { Packet } from './packet.ts'
import type { NodePromises, ServicePromise } from './promises.ts'
import { kernelState } from './state.ts'

/** A packet whose fate is not the one that the API promises. */
export interface Difference extends Judgement {
  readonly client: string
  /** `tcp 10.96.0.1:443`. */
  readonly target: string
  readonly trace: Trace
}

export interface Verification {
  readonly differences: readonly Difference[]
  /** What has to hold of the rules whatever packets do. */
  readonly broken: readonly Broken[]
  /** Classes of packets that were followed. */
  readonly classes: number
  readonly promises: number
}

export interface VerifyOptions {
  /** Called at times with the number of destinations that are done. */
  readonly progress?: (done: number) => void
}

/**
 * Follows one packet of each class, and holds its fate against what the API promises. Classes are cut by all that the rules and
 * the promises tell apart, so that the verdict holds for every packet.
 */
export function verify(
  plan: Plan,
  promises: NodePromises,
  node: NodeNetwork,
  { progress = () => {} }: VerifyOptions = {},
): Verification {
  const state = kernelState(plan, node)
  const space = new ClassSpace([state])
  const promised = new Map(promises.services.map((promise) => [keyOf(promise), promise]))
  const differences = new Map<string, Difference>()
  let [classes, done] = [0, 0]
  const judge = (packet: Packet, promise: ServicePromise | undefined): void => {
    classes++
    const trace = follow(state, packet)
    const judgement =
      promise === undefined
        ? judgeUnpromised(trace, state, promises)
        : judgePromise(promise, trace, state, promises)
    if (judgement === null) return
    const client = clientOf(packet, promise, state).name
    const target = `${packet.protocol} ${hostPort(packet.destination, packet.destinationPort)}`
    const difference = { ...judgement, client, target, trace }
    differences.set(
      [judgement.service, target, client, judgement.promised, judgement.found].join('\n'),
      difference,
    )
  }
  for (const target of targetsOf(space, promises.services)) {
    const promise = promised.get(placeKey(target.protocol, target.destination, target.destinationPort))
    for (const packet of space.packetsTo(target, cutsOf(promise, promises, node))) judge(packet, promise)
    if (++done % PROGRESS_STEP === 0) progress(done)
  }
  return {
    differences: [...differences.values()],
    broken: brokenInvariants(plan, promises, node),
    classes,
    promises: promises.services.length,
  }
}

const PROGRESS_STEP = 500

const keyOf = ({ protocol, address, port }: ServicePromise): string => placeKey(protocol, address, port)

/** What rules name, and what is promised besides. */
function* targetsOf(space: ClassSpace, promises: readonly ServicePromise[]): Generator<Target> {
  const seen = new Set<string>()
  for (const target of space.targets()) {
    seen.add(placeKey(target.protocol, target.destination, target.destinationPort))
    yield target
  }
  for (const promise of promises) {
    if (seen.has(keyOf(promise))) continue
    const { protocol, address, port } = promise
    yield { protocol, destination: address, destinationPort: port }
  }
}

/** Promises tell sources apart by ranges, by pods of the node and endpoints among them, and by how pods are known. */
function cutsOf(promise: ServicePromise | undefined, { settings }: NodePromises, node: NodeNetwork): Cuts {
  const detection = settings?.detection ?? []
  const texts = [
    ...(promise?.sourceRanges ?? []),
    ...detection.flatMap((one) => (one.kind === 'network' ? one.networks : [])),
  ]
  return {
    networks: [...texts.flatMap((text) => parseNetwork(text) ?? []), ...node.podNetworks],
    addresses: promise === undefined ? NOBODY : new Set(promise.endpoints.map(addressOf)),
    interfaces: detection.flatMap((one) => (one.kind === 'interface' ? [one.name] : [])),
  }
}

const NOBODY: ReadonlySet<string> = new Set()

/** `10.0.0.1` of `10.0.0.1:80`, `fd00::1` of `[fd00::1]:80`. */
const addressOf = (endpoint: string): string =>
  endpoint.startsWith('[')
    ? endpoint.slice(1, endpoint.indexOf(']'))
    : endpoint.slice(0, endpoint.lastIndexOf(':'))
