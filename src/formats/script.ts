import { exemptions, strictSets } from '../delta/transitions.ts'
import { SCHEDULERS } from '../kernel/schedulers.ts'
import { kernelSetName, SET_DEFINITIONS } from '../kernel/sets.ts'
import type { Family } from '../net/family.ts'
import { isExcluded } from '../plan/scope.ts'
import type { Plan } from '../plan/types.ts'
import { VERSION } from '../version.ts'
import { formatService } from './ipvs.ts'
import { SCRIPT_NAMES, type ScriptName } from './names.ts'
import type { Renderer } from './render.ts'

/** What the script of a bundle has to know besides the payloads. */
export interface ScriptRows {
  readonly version: string
  /** SHA-256 of plan.json, in hexadecimal. */
  readonly fingerprint: string
  readonly interface: string
  readonly maxPerCore: number
  readonly min: number
  /** Checked before anything is touched. */
  readonly files: readonly Checksum[]
  /** Those of them that a step needs. */
  readonly stepFiles: readonly Checksum[]
  /** Words for the shell, quoted; lists are separated by blanks. */
  readonly quoted: Readonly<Record<QuotedName, string>>
}

type QuotedName =
  | 'version'
  | 'node'
  | 'boundSets'
  | 'strictSets'
  | 'exemptions'
  | 'schedulers'
  | 'modules'
  | 'from'
  | 'fromPlan'
  | 'step'
  | 'stepServers'
  | 'families'
  | 'sets'
  | 'chains'
  | 'sysctls'
  | 'timeouts'
  | 'exclude'
  | 'include'
  | 'prerequisites'
  | 'drainTimeouts'

export interface Checksum {
  readonly name: string
  readonly sha256: string
}

export interface ScriptInput {
  readonly node: string
  readonly plan: Plan
  readonly fingerprint: string
  readonly files: readonly Checksum[]
  /** For a delta. */
  readonly start: DeltaStart | null
}

/** What a delta bundle starts from. */
export interface DeltaStart {
  /** The fingerprint of the state that a node has to be in (stateFingerprint). */
  readonly state: string
  /** The fingerprint of the plan before. */
  readonly plan: string
  /** Where files tell the whole step (`delta/step.ts`): their names, and the virtual servers that it touches. */
  readonly step: { readonly files: readonly string[]; readonly servers: readonly string[] } | null
}

const CONNTRACK_MAX = 'net.netfilter.nf_conntrack_max'

/** The script that loads a bundle, and the units of systemd that go with it. */
export function emitScripts(input: ScriptInput, renderer: Renderer): Map<ScriptName, string> {
  const rows = scriptRows(input)
  return new Map(SCRIPT_NAMES.map((name) => [name, renderer[name](rows)]))
}

function scriptRows({ node, plan, fingerprint, files, start }: ScriptInput): ScriptRows {
  const { families, sysctls, conntrack, ipvsTimeouts } = plan
  const settings = sysctls.filter(({ action }) => action === 'set').map(({ name }) => name)
  const timeouts = [
    ['tcp', ipvsTimeouts?.tcp],
    ['tcpfin', ipvsTimeouts?.tcpFin],
    ['udp', ipvsTimeouts?.udp],
  ].flatMap(([name, seconds]) => (seconds ? [name] : []))
  const stepNames = new Set(start?.step?.files)
  const words: Readonly<Record<QuotedName, readonly unknown[]>> = {
    version: [VERSION],
    node: [node],
    boundSets: families.map((family) => kernelSetName('KUBE-IPVS-IPS', family)),
    strictSets: strictSets(families),
    exemptions: exemptions(families).map((pair) => pair.join(':')),
    schedulers: SCHEDULERS,
    modules: plan.modules,
    from: start === null ? [] : [start.state],
    fromPlan: start === null ? [] : [start.plan],
    step: start?.step ? ['step'] : [],
    stepServers: start?.step?.servers ?? [],
    families,
    sets: families.flatMap(ownedSetNames),
    chains: plan.tables.flatMap(({ family, name, chains }) =>
      chains.map((chain) => `${family}/${name}/${chain.name}`),
    ),
    sysctls: leavesConntrackMax(plan) ? settings : [...settings, CONNTRACK_MAX],
    timeouts,
    prerequisites: sysctls
      .filter(({ action }) => action === 'check')
      .map(({ name, value }) => `${name}=${value}`),
    exclude: plan.excludeCIDRs,
    include: plan.virtualServers.filter(isExcluded(plan)).map(formatService),
    drainTimeouts: plan.virtualServers.flatMap((server) =>
      server.drainTimeout === undefined ? [] : [`${formatService(server)} ${server.drainTimeout}`],
    ),
  }
  const quoted = Object.fromEntries(
    Object.entries(words).map(([name, list]) => [name, quoteWord(list.join(' '))]),
  ) as Record<QuotedName, string>
  const { maxPerCore, min } = conntrack
  return {
    version: VERSION,
    fingerprint,
    interface: plan.dummyInterface.name,
    maxPerCore,
    min,
    files,
    stepFiles: files.filter(({ name }) => stepNames.has(name)),
    quoted,
  }
}

const leavesConntrackMax = ({ conntrack: { max, maxPerCore } }: Plan): boolean =>
  max === 0 || (max === null && maxPerCore === 0)

/** One word of the shell, whatever it holds. */
export const quoteWord = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** The names of all sets that ipvsc owns in a family. */
export const ownedSetNames = (family: Family): string[] =>
  SET_DEFINITIONS.map(({ name }) => kernelSetName(name, family))
