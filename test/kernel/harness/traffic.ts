import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DATA, type Lab, type Namespace } from './lab.ts'
import type { Answer, Order, Request, Response, Result, Transport } from './protocol.ts'

export type { Answer, Transport } from './protocol.ts'

/** Milliseconds: long enough for an emulated machine, and what a test of silence costs. */
const PATIENCE = 2500

/** A namespace that can be asked to serve and to send requests. */
export interface Host extends Namespace {
  /** Answers at an address and port with a name, by default its own role. */
  serve(transport: Transport, address: string, port: number, name?: string): Promise<void>
  /** Sends requests, each over a connection of its own. */
  ask(target: Target, options?: AskOptions): Promise<readonly Answer[]>
  /** Opens a TCP connection, or a UDP socket. */
  open(target: Target): Promise<Connection>
}

/** What stays open; each call is one more request over it. */
export interface Connection {
  (): Promise<Answer>
  /** Ends it: TCP with a reset. */
  reset(): Promise<void>
}

export interface Target {
  readonly transport: Transport
  readonly address: string
  readonly port: number
}

export interface AskOptions {
  /** Default 1. */
  readonly count?: number
  /** The address to ask from. */
  readonly source?: string
  /** The port to ask from, over TCP. */
  readonly localPort?: number
}

/** The agent of the namespace starts when it is first needed. */
export function hostIn(lab: Lab, namespace: Namespace): Host {
  let agent: Send | null = null
  const send: Send = (order) => {
    agent ??= startAgent(lab, namespace)
    return agent(order)
  }
  return {
    ...namespace,
    serve: async (transport, address, port, name = namespace.role) => {
      await send({ order: 'serve', transport, address, port, name })
    },
    ask: async ({ transport, address, port }, { count = 1, source, localPort = 0 } = {}) =>
      (await send({
        ...{ order: 'ask', transport, address, port, count, source: source ?? null, localPort },
        patience: PATIENCE,
      })) as Answer[],
    open: async ({ transport, address, port }) => {
      const open = { order: 'open', address, port, patience: PATIENCE } as const
      const connection = (await send({ ...open, transport: transport === 'udp' ? 'udp' : 'tcp' })) as number
      const say = async (): Promise<Answer> => {
        const answers = (await send({ order: 'talk', connection, patience: PATIENCE })) as Answer[]
        return answers[0] as Answer
      }
      const reset = async (): Promise<void> => {
        await send({ order: 'reset', connection })
      }
      return Object.assign(say, { reset })
    },
  }
}

type Send = (order: Order) => Promise<Result>

function startAgent(lab: Lab, namespace: Namespace): Send {
  const child = lab.start([process.execPath, join(DATA, 'agent.cjs')], namespace)
  const waiting = new Map<number, (response: Response) => void>()
  let problems = ''
  let ended = false
  child.stderr?.on('data', (data) => {
    problems += data
  })
  const fail = (id: number): Response => ({ id, result: null, error: `the agent has ended: ${problems}` })
  child.on('close', () => {
    ended = true
    for (const [id, settle] of waiting) settle(fail(id))
  })
  if (child.stdout !== null)
    createInterface({ input: child.stdout }).on('line', (line) => {
      const response = JSON.parse(line) as Response
      waiting.get(response.id)?.(response)
      waiting.delete(response.id)
    })
  let next = 0
  return async (order) => {
    const id = next++
    const response = await new Promise<Response>((resolve) => {
      if (ended) return resolve(fail(id))
      waiting.set(id, resolve)
      child.stdin?.write(`${JSON.stringify({ id, order } satisfies Request)}\n`)
    })
    if (response.error !== null) throw new Error(`${namespace.role} cannot ${order.order}: ${response.error}`)
    return response.result
  }
}

/** How often each server answered: `{ 'pod-a': 2, 'pod-b': 2 }`; what was no answer counts under its kind. */
export function tally(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const answer of answers) {
    const key =
      answer.kind === 'answered' ? answer.server : answer.kind === 'failed' ? answer.code : answer.kind
    counts[key] = (counts[key] ?? 0) + 1
  }
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** The servers in the order in which they answered. */
export const servers = (answers: readonly Answer[]): string[] =>
  answers.map((answer) => (answer.kind === 'answered' ? answer.server : answer.kind))

/** The addresses that the servers saw, each once. */
export const clients = (answers: readonly Answer[]): string[] => [
  ...new Set(answers.map((answer) => (answer.kind === 'answered' ? answer.client : answer.kind))),
]
