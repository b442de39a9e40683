import { exemptions, strictSets } from '../delta/transitions.ts'
import { formatService } from '../formats/ipvs.ts'
import { CONNTRACK_MAX } from '../formats/wanted.ts'
import { kernelSetName, SET_DEFINITIONS } from '../kernel/sets.ts'
import type { AssumedObject } from '../kube/assumed.ts'
import { FAMILIES, type Family } from '../net/family.ts'
import type { NodeBinding } from '../node/binding.ts'
import { isExcluded } from '../plan/scope.ts'
import type { Plan } from '../plan/types.ts'
import { VERSION } from '../version.ts'

/**
 * `bundle.conf`: what the script of a bundle has to know besides the payloads. A line is a key, a blank and a value;
 * `templates/node/bundle.sh` parses it, and never executes a byte of it.
 */

/** Goes up by one when an older script could not do with it; a script takes its own and the one before. */
export const CONFIGURATION_FORMAT = 1

export interface ConfigurationInput {
  readonly node: string
  /** The machine that it is for; `null`: any. */
  readonly binding: NodeBinding | null
  readonly plan: Plan
  /** SHA-256 of plan.json, in hexadecimal. */
  readonly fingerprint: string
  /** For a delta. */
  readonly start: DeltaStart | null
  readonly assumed?: readonly AssumedObject[]
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

/** The text of `bundle.conf`. Throws a TypeError where a value would not stay on its line. */
export function formatConfiguration(input: ConfigurationInput): string {
  const { plan } = input
  const lines = [
    ...Object.entries(values(input)).map(([key, value]) => [key, value] as const),
    ...plan.virtualServers
      .filter(isExcluded(plan))
      .map((server) => ['include', formatService(server)] as const),
    ...plan.virtualServers.flatMap((server) =>
      server.drainTimeout === undefined
        ? []
        : [['drain-timeout', `${formatService(server)} ${server.drainTimeout}`] as const],
    ),
  ].filter(([, value]) => value !== '')
  const comment = '# What apply.sh has to know of this bundle: parsed, never executed. SHA256SUMS covers it.'
  return [comment, ...lines.map(([key, value]) => `${key} ${oneLine(key, value)}`), ''].join('\n')
}

/** By key, in the order of the file; what is empty is left out. */
function values({
  node,
  binding,
  plan,
  fingerprint,
  start,
  assumed = [],
}: ConfigurationInput): Readonly<Record<string, string>> {
  const { families, sysctls, conntrack } = plan
  const settings = sysctls.filter(({ action }) => action === 'set').map(({ name }) => name)
  // Where the plan does not know the number.
  const byCores = conntrack.max === null && conntrack.maxPerCore > 0
  const words: Readonly<Record<string, readonly (string | number)[]>> = {
    format: [CONFIGURATION_FORMAT],
    version: [VERSION],
    node: [node],
    'bound-to': binding === null ? [] : [binding.kind, ...binding.values],
    fingerprint: [fingerprint],
    from: start === null ? [] : [start.state],
    'from-plan': start === null ? [] : [start.plan],
    step: start?.step ? ['step'] : [],
    'step-servers': start?.step?.servers ?? [],
    families,
    modules: plan.modules,
    sysctls: leavesConntrackMax(plan) ? settings : [...settings, CONNTRACK_MAX],
    prerequisites: sysctls
      .filter(({ action }) => action === 'check')
      .map(({ name, value }) => `${name}=${value}`),
    'conntrack-max-per-core': byCores ? [conntrack.maxPerCore] : [],
    'conntrack-min': byCores ? [conntrack.min] : [],
    timeouts: setTimeouts(plan),
    exclude: plan.excludeCIDRs,
    assumed: assumed.flatMap(({ namespace, name, values: list }) =>
      list.map(({ value }) => `${namespace}/${name}=${value}`),
    ),
    sets: families.flatMap(ownedSetNames),
    'other-sets': FAMILIES.filter((family) => !families.includes(family)).flatMap(ownedSetNames),
    'other-chains': otherChains(plan),
    'bound-sets': families.map((family) => kernelSetName('KUBE-IPVS-IPS', family)),
    'strict-sets': strictSets(families),
    exemptions: exemptions(families).map((pair) => pair.join(':')),
    chains: plan.tables.flatMap(({ family, name, chains }) =>
      chains.map((chain) => `${family}/${name}/${chain.name}`),
    ),
  }
  return Object.fromEntries(Object.entries(words).map(([key, list]) => [key, list.join(' ')]))
}

/** The chains of a family that a plan has, in one that it leaves alone. */
function otherChains({ families, tables }: Plan): string[] {
  const [like] = families
  return FAMILIES.filter((family) => !families.includes(family)).flatMap((family) =>
    tables
      .filter((table) => table.family === like)
      .flatMap(({ name, chains }) => chains.map((chain) => `${family}/${name}/${chain.name}`)),
  )
}

/** Those that a plan sets; 0 leaves one as it is. */
const setTimeouts = ({ ipvsTimeouts }: Plan): string[] =>
  (
    [
      ['tcp', ipvsTimeouts?.tcp],
      ['tcpfin', ipvsTimeouts?.tcpFin],
      ['udp', ipvsTimeouts?.udp],
    ] as const
  ).flatMap(([name, seconds]) => (seconds ? [name] : []))

const leavesConntrackMax = ({ conntrack: { max, maxPerCore } }: Plan): boolean =>
  max === 0 || (max === null && maxPerCore === 0)

function oneLine(key: string, value: string): string {
  if (/[\u0000-\u001f\u007f]/.test(value))
    throw new TypeError(`the ${key} of a bundle has a control character: ${JSON.stringify(value)}`)
  return value
}

/** The names of all sets that ipvsc owns in a family. */
export const ownedSetNames = (family: Family): string[] =>
  SET_DEFINITIONS.map(({ name }) => kernelSetName(name, family))
