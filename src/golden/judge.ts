import type { Cluster } from '../kube/cluster.ts'
import { hostPort } from '../plan/keys.ts'
import { AskError, askedPacket, parseTarget } from '../proof/ask.ts'
import { type Fate, follow, type Served, type Trace } from '../proof/follow.ts'
import { kernelState } from '../proof/state.ts'
import { podAddresses } from '../proof/subject.ts'
import { formatTrace, verdict } from '../proof/traceText.ts'
import { verify } from '../proof/verify.ts'
import { formatVerification } from '../proof/verifyText.ts'
import { broken, type CaseSubject, type Outcome, PASSED, type RuleCase } from './types.ts'

/** Holds a case of a packet or of a verification against the rules of a node. */
export function judgeCase(each: RuleCase, subject: CaseSubject): Outcome {
  if (each.verify !== undefined) return judgeVerification(subject)
  const { from = '', to = '' } = each
  try {
    const packet = askedPacket(from, parseTarget(to, subject.promises.services), subject)
    return judgePacket(each, follow(kernelState(subject.plan, subject.network), packet), subject)
  } catch (error) {
    if (error instanceof AskError) return broken(`${error.field} ${error.message}`)
    throw error
  }
}

function judgeVerification({ plan, promises, network, node }: CaseSubject): Outcome {
  const result = verify(plan, promises, network)
  const faults = result.differences.filter(({ known }) => known === null).length + result.broken.length
  if (faults === 0) return PASSED
  const [message = '', ...lines] = formatVerification(node, result).split('\n')
  return { status: 'failed', message, expected: [], found: [], because: lines.join('\n') }
}

function judgePacket(each: RuleCase, trace: Trace, subject: CaseSubject): Outcome {
  const names = serverNames(subject.cluster)
  const expected = expectedLines(each, trace.fate, names)
  const found = foundLines(each, trace.fate, names)
  if (expected.join('\n') === found.join('\n')) return PASSED
  const message = `the packet is ${verdict(trace.fate)}`
  return { status: 'failed', message, expected, found, because: hopsText(trace, subject) }
}

/** A trace without its verdict, which the message has. */
const hopsText = (trace: Trace, { notes }: CaseSubject): string =>
  formatTrace(trace, notes).split('\n').slice(2).join('\n')

/** What a case says of the packet, a line each, so that both sides can be compared line by line. */
function expectedLines(each: RuleCase, fate: Fate, names: Names): string[] {
  const ending = (['refused', 'dropped', 'passes'] as const).find((field) => each[field])
  if (ending !== undefined) return [ending]
  const servers = fate.kind === 'served' ? fate.servers : []
  const reached = (each.reaches ?? []).flatMap((pattern) => {
    const matched = servers.filter((served) => isMatched(pattern, served, names))
    return matched.length === 0 ? [`reaches ${pattern}`] : matched.map((served) => reachLine(served, names))
  })
  const lines = ['answered', ...[...new Set(reached)].sort()]
  return each.sees === undefined ? lines : [...lines, `sees ${each.sees}`]
}

function foundLines(each: RuleCase, fate: Fate, names: Names): string[] {
  switch (fate.kind) {
    case 'refused':
    case 'dropped':
      return [fate.kind]
    case 'node':
    case 'forwarded':
      return ['passes']
    case 'served':
      return [
        ...new Set(
          fate.servers.map(({ unanswered }) =>
            unanswered === null ? 'answered' : `no answer: ${unanswered}`,
          ),
        ),
        ...(each.reaches === undefined ? [] : fate.servers.map((served) => reachLine(served, names)).sort()),
        ...(each.sees === undefined ? [] : seen(fate.servers)),
      ]
  }
}

const seen = (servers: readonly Served[]): string[] =>
  [...new Set(servers.map(({ masqueraded }) => `sees ${masqueraded ? 'node' : 'client'}`))].sort()

/** Names of Pods by their addresses. */
type Names = ReadonlyMap<string, string>

function serverNames({ pods = [] }: Cluster): Names {
  return new Map(
    pods.flatMap(({ object }) =>
      podAddresses(object).map((address) => [address, object.metadata.name] as const),
    ),
  )
}

const placeOf = ({ server: { address, port } }: Served): string => hostPort(address, port)

function reachLine(served: Served, names: Names): string {
  const name = names.get(served.server.address)
  return `reaches ${name === undefined ? placeOf(served) : `${name} (${placeOf(served)})`}`
}

const isMatched = (pattern: string, served: Served, names: Names): boolean =>
  [names.get(served.server.address), served.server.address, placeOf(served)].some(
    (text) => text !== undefined && matches(pattern, text),
  )

/** Whether a text is of a pattern, in which `*` stands for any text. Linear in both, whatever the pattern. */
export function matches(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  if (rest.length === 0) return pattern === text
  const last = rest.pop() as string
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last))
    return false
  let at = first.length
  for (const part of rest) {
    const found = text.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return at <= text.length - last.length
}
