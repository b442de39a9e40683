import { EXIT, UsageError } from '../../host/exit.ts'
import { AskError, askedPacket, parseTarget, type Target } from '../../proof/ask.ts'
import { follow } from '../../proof/follow.ts'
import { notesOn } from '../../proof/notes.ts'
import { packetFamily } from '../../proof/packet.ts'
import { kernelState } from '../../proof/state.ts'
import { formatTrace, formatTraces, type NotedTrace, verdict } from '../../proof/traceText.ts'
import type { Hop } from '../../proof/walk.ts'
import type { Console } from '../console.ts'
import type { TraceOptions } from '../options.ts'
import { print, printJson } from '../terminal.ts'
import { type NodeSubject, ownersOf, payloadsOf, readSubject, readSubjects } from './proofSubject.ts'

/** `ipvsc trace`: what becomes of a packet, hop by hop; with two states before and after. */
export async function traceState(
  reference: string,
  second: string | undefined,
  options: TraceOptions,
  console: Console,
): Promise<number> {
  if (second !== undefined) return traceBoth([reference, second], options, console)
  const subject = await readSubject(reference, options, console)
  if (subject === null) return EXIT.input
  const traced = traceOn(subject, targetOn(subject, options.to), options)
  if (options.output === 'json') printJson({ version: 1, node: subject.node, ...traceData(traced) })
  else print(formatTrace(traced.trace, traced.notes))
  return EXIT.done
}

async function traceBoth(
  references: readonly [string, string],
  options: TraceOptions,
  console: Console,
): Promise<number> {
  const subjects = await readSubjects(references, options, console)
  if (subjects === null) return EXIT.input
  const targets = targetsOn(subjects, options.to)
  const [before, after] = subjects.map((subject, index) =>
    traceOn(subject, targets[index] as Target, options),
  ) as [NotedTrace, NotedTrace]
  if (options.output === 'json')
    printJson({
      version: 1,
      node: subjects[0].node,
      before: traceData(before),
      after: traceData(after),
    })
  else print(formatTraces(before, after))
  return EXIT.done
}

/** A Service that only one of two states has is looked for at the address that it has there. */
function targetsOn([before, after]: readonly [NodeSubject, NodeSubject], to: string): [Target, Target] {
  const found = [before, after].map((subject) => {
    try {
      return targetOn(subject, to)
    } catch (error) {
      if (error instanceof UsageError) return error
      throw error
    }
  })
  const [first] = found.filter((one): one is Target => !(one instanceof UsageError))
  if (first === undefined) throw found[0]
  return found.map((one) => (one instanceof UsageError ? first : one)) as [Target, Target]
}

/** What the command line asks for wrongly is wrong usage of the option that says it. */
function asked<T>(ask: () => T): T {
  try {
    return ask()
  } catch (error) {
    if (error instanceof AskError) throw new UsageError(`--${error.field} ${error.message}`)
    throw error
  }
}

const targetOn = ({ promises }: NodeSubject, to: string): Target =>
  asked(() => parseTarget(to, promises.services))

function traceOn(subject: NodeSubject, target: Target, { from }: TraceOptions): NotedTrace {
  const packet = asked(() => askedPacket(from, target, subject))
  const { plan, network, state } = subject
  return {
    trace: follow(kernelState(plan, network), packet),
    notes: notesOn(plan, payloadsOf(state), ownersOf(state, subject.from)),
  }
}

/** A trace for programs, each hop with where it stands and who asked for it. */
function traceData({ trace: { packet, fate, hops }, notes }: NotedTrace): object {
  const noted = (hop: Hop) => ({
    ...hop,
    place: notes.ruleAt(packetFamily(packet), hop.table, hop.chain, hop.number),
    owners: hop.entries.map(notes.ownerOfEntry),
  })
  const told =
    fate.kind !== 'served'
      ? fate
      : { ...fate, servers: fate.servers.map((one) => ({ ...one, hops: one.hops.map(noted) })) }
  return { packet, verdict: verdict(fate), fate: told, hops: hops.map(noted) }
}
