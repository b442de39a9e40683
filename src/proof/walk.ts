import type { TableName } from '../kernel/chains.ts'
import type { Jump, Rule, Target } from '../plan/types.ts'
import { type FoundEntry, type InFlight, matchesRule } from './match.ts'
import { packetFamily } from './packet.ts'
import type { KernelState } from './state.ts'

/** A rule that matched, and what it did. */
export interface Hop {
  readonly table: TableName
  readonly hook: Jump['from']
  readonly chain: string
  /** Place of the rule in its chain, from 1. */
  readonly number: number
  readonly rule: Rule
  /** Entries that the rule found. */
  readonly entries: readonly FoundEntry[]
}

export interface Walk {
  readonly hops: readonly Hop[]
  /** `continue`: no rule decided, so that the policy of the built-in chain does. */
  readonly verdict: 'accept' | 'drop' | 'reject' | 'continue'
  readonly flight: InFlight
  /** A rule of POSTROUTING asked for the node's address as source. */
  readonly masqueraded: boolean
}

/** Takes a packet through one built-in chain of one table. */
export function walkHook(state: KernelState, table: TableName, hook: Jump['from'], flight: InFlight): Walk {
  const walker = new Walker(state, table, hook, flight)
  for (const { to } of state.table(packetFamily(flight.packet), table).jumps(hook)) {
    const verdict = walker.chain(to, 0)
    if (verdict !== 'continue') return walker.result(verdict)
  }
  return walker.result('continue')
}

/** The kernel refuses rules that jump deeper. */
const DEEPEST = 16

class Walker {
  readonly #hops: Hop[] = []
  readonly #state: KernelState
  readonly #table: TableName
  readonly #hook: Jump['from']
  #flight: InFlight
  #masqueraded = false

  constructor(state: KernelState, table: TableName, hook: Jump['from'], flight: InFlight) {
    this.#state = state
    this.#table = table
    this.#hook = hook
    this.#flight = flight
  }

  result(verdict: Walk['verdict']): Walk {
    return { hops: this.#hops, verdict, flight: this.#flight, masqueraded: this.#masqueraded }
  }

  chain(name: string, depth: number): Walk['verdict'] {
    const chain = this.#state.table(packetFamily(this.#flight.packet), this.#table).chains.get(name)
    if (chain === undefined || depth > DEEPEST) return 'continue'
    for (const [index, rule] of chain.rules.entries()) {
      const { matched, entries } = matchesRule(rule, this.#flight, this.#state)
      if (!matched) continue
      this.#hops.push({ table: this.#table, hook: this.#hook, chain: name, number: index + 1, rule, entries })
      const verdict = this.#apply(rule.target, depth)
      if (verdict === 'return') return 'continue'
      if (verdict !== 'continue') return verdict
    }
    return 'continue'
  }

  #apply(target: Target, depth: number): Walk['verdict'] | 'return' {
    switch (target.kind) {
      case 'accept':
      case 'drop':
      case 'reject':
      case 'return':
        return target.kind
      case 'jump':
        return this.chain(target.chain, depth + 1)
      case 'mark':
        this.#flight = { ...this.#flight, mark: ((this.#flight.mark & ~target.mask) ^ target.value) >>> 0 }
        return 'continue'
      case 'masquerade':
        this.#masqueraded = true
        return 'accept'
    }
  }
}
