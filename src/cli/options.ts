import type { PayloadName } from '../formats/names.ts'
import type { Order } from '../observe/text.ts'
import type { Kind } from '../review/narrow.ts'
import type { OntoOptions } from './inputs/onto.ts'

/** Options of commands, as commander hands them over: the rows of `table/` say what each means. */

/** What `--emit` can print, by its short name, and the payload that it is; `null`: no payload. */
export const EMITTED = {
  ipvs: 'ipvs.restore',
  ipset: 'ipset.restore',
  iptables: 'iptables.restore',
  ip6tables: 'ip6tables.restore',
  ip: 'ip.batch',
  sysctl: 'sysctl.conf',
  modules: 'modules.conf',
  plan: null,
  provenance: null,
} as const satisfies Readonly<Record<string, PayloadName | null>>
export type EmitName = keyof typeof EMITTED

/** How a command reports. */
export interface OutputOptions {
  readonly output?: 'text' | 'json'
  readonly quiet?: boolean
  readonly limit?: readonly string[]
}

/** Whatever compiles inputs takes these. */
export interface CompilationOptions extends OntoOptions {
  readonly node?: string
  readonly config?: string
  readonly nodeAddresses?: string
  readonly nodeIp?: string
  readonly nodeFacts?: string
  readonly family?: string
  readonly onConflict?: 'error' | 'first'
  readonly quarantine?: boolean
  readonly setPrerequisites?: boolean
  readonly maxSnapshotAge?: string
}

/** Whatever writes a folder takes these. */
export interface FolderOptions {
  readonly outDir?: string
  readonly force?: boolean
}

export interface BuildOptions extends CompilationOptions, FolderOptions, OutputOptions {
  readonly allNodes?: boolean
  readonly templates?: string
  readonly emit?: EmitName
  /** Follow packets through the rules before anything is written. */
  readonly verify?: boolean
  /** Compare the folder instead of writing it. */
  readonly check?: boolean
}

export interface CheckOptions extends CompilationOptions, OutputOptions {}

/** Of commands that read what a node holds. */
export interface LiveOptions {
  readonly iptables?: string
  readonly fromDumps?: string
}

/** Of commands whose input is a state, which may have to be compiled. */
export interface StateOptions extends CompilationOptions, OutputOptions, LiveOptions {}

export interface CaptureOptions extends LiveOptions {
  readonly out?: string
  readonly quiet?: boolean
}

export interface DeltaOptions extends StateOptions, FolderOptions {}

/** How `ipvsc diff` may tell what it found. */
export const DIFF_FORMS = ['text', 'unified', 'markdown', 'json', 'sarif', 'html'] as const
export type DiffForm = (typeof DIFF_FORMS)[number]

/** From which severity on findings end a command with status 3. */
export const FAIL_ON = ['error', 'warning', 'info', 'never'] as const

/** Of commands that ask rules. */
export interface RuleOptions {
  readonly settings?: string
  readonly failOn: (typeof FAIL_ON)[number]
}

/** How `ipvsc lint` may tell what it found. */
export const LINT_FORMS = ['text', 'json', 'sarif', 'junit'] as const

export interface LintOptions extends Omit<StateOptions, 'output'>, RuleOptions {
  readonly output: (typeof LINT_FORMS)[number]
  /** List the rules. */
  readonly rules?: boolean
}

export interface DiffOptions extends Omit<StateOptions, 'node' | 'output'>, RuleOptions {
  readonly node?: readonly string[]
  readonly nodesMatching?: string
  readonly allNodes?: boolean
  readonly output: DiffForm
  /** `html=review.html`: other forms of the same review, into files. */
  readonly report?: readonly string[]
  readonly stat?: boolean
  readonly service?: readonly string[]
  readonly kind?: readonly Kind[]
  readonly exitCode?: boolean
  /** Ask guard rules; `allow` does, too. */
  readonly guard?: boolean
  readonly allow?: string
}

export interface ProofOptions extends StateOptions {
  /** Inputs that say what the Services are, where the state is a bundle, a plan or a node. */
  readonly cluster?: string
}

export interface TraceOptions extends ProofOptions {
  readonly from: string
  readonly to: string
}

/** Options that the script of a bundle knows, too. */
export interface ScriptOptions extends StateOptions {
  readonly dryRun?: boolean
  readonly confirm?: string
  readonly drain?: boolean
  readonly drainTimeout?: string
  readonly wait?: string
  readonly stateDir?: string
  readonly takeOver?: boolean
  readonly removeLeftovers?: boolean
  readonly converge?: boolean
  readonly otherNode?: boolean
  readonly discardJournal?: boolean
  readonly verbose?: boolean
}

export interface FactsOptions {
  readonly out?: string
}

export interface SnapshotOptions {
  readonly kubeconfig?: string
  readonly context?: string
  readonly clusterName?: string
  readonly out: string
  readonly pageSize: string
  readonly timeout: string
  readonly maxBytes: string
  /** Commander's form of --no-pods. */
  readonly pods: boolean
  readonly quiet?: boolean
}

/** How `ipvsc test` may tell what came of cases. */
export const TEST_FORMS = ['text', 'junit', 'json'] as const

export interface TestOptions {
  readonly output: (typeof TEST_FORMS)[number]
  readonly quiet?: boolean
  readonly update?: boolean
  readonly filter?: string
  /** Of `ipvsc test init`. */
  readonly cluster?: string
  readonly node?: string
}

export interface StatsOptions extends StateOptions {
  readonly by: Order
  readonly top?: string
  readonly service?: string
  readonly connections?: boolean
  /** Commander's form of an option whose value may be missing. */
  readonly watch?: string | true
}

export interface MetricsOptions extends StateOptions {
  readonly textfile?: string
  readonly compat?: boolean
  /** Commander's form of --no-servers. */
  readonly servers: boolean
  readonly stateDir: string
}
