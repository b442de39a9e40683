import type { AskedOf } from '../proof/ask.ts'
import type { Notes } from '../proof/notes.ts'
import type { Subject } from '../proof/subject.ts'

/** A case as its author writes it; schemas/ruletests.schema.json states the same. */
export interface RuleCase {
  readonly name?: string
  readonly on?: string
  readonly from?: string
  readonly to?: string
  readonly reaches?: readonly string[]
  readonly sees?: 'client' | 'node'
  readonly refused?: true
  readonly dropped?: true
  readonly passes?: true
  readonly verify?: 'all'
  readonly payloads?: string
}

/** Cases over one set of inputs. Paths are from the file that holds them. */
export interface RuleTests {
  readonly inputs: readonly string[]
  /** Node of cases that name none. */
  readonly on?: string
  readonly options?: RuleTestOptions
  readonly cases: readonly RuleCase[]
}

export interface RuleTestOptions {
  readonly onto?: readonly string[]
  readonly config?: string
  readonly nodeAddresses?: string
  readonly nodeFacts?: string
  readonly nodeIp?: string
  readonly family?: string
  readonly namespace?: string
  readonly onConflict?: 'error' | 'first'
  readonly quarantine?: boolean
}

/** The rules of a node that cases are held against. */
export interface CaseSubject extends Subject, AskedOf {
  readonly node: string
  readonly notes: Notes
}

/** What came of a case. */
export interface Outcome {
  /** broken: the case cannot be run, as where its inputs lack the Pod that it names. */
  readonly status: 'passed' | 'failed' | 'broken'
  /** In a line; empty where it passed. */
  readonly message: string
  /** Lines that were expected and lines that were found, where it failed. */
  readonly expected: readonly string[]
  readonly found: readonly string[]
  /** The trace or the verification that led there. */
  readonly because: string
}

export const PASSED: Outcome = { status: 'passed', message: '', expected: [], found: [], because: '' }

export const broken = (message: string): Outcome => ({ ...PASSED, status: 'broken', message })

/** A case that was run. */
export interface CaseResult extends Outcome {
  readonly name: string
  readonly file: string
  /** Where the case stands, counted from 1; `null`: that is not known. */
  readonly line: number | null
  readonly column: number | null
  /** Whether its payloads were written anew. */
  readonly updated: boolean
}
