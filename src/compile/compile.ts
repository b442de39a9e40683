import { chooseConfig } from '../config/choose.ts'
import { DEFAULT_CONFIG, type ProxyConfig } from '../config/types.ts'
import { type Diagnostic, diagnostic, hasErrors, type Origin } from '../diagnostics/diagnostics.ts'
import type { Cluster, Sourced } from '../kube/cluster.ts'
import type { KubeProxyConfiguration, Node } from '../kube/types.ts'
import { canonicalAddress } from '../net/address.ts'
import { FAMILIES, type Family } from '../net/family.ts'
import { type NodeBinding, nodeBinding } from '../node/binding.ts'
import { type InterfaceAddress, type NodeFacts, nodeFacts } from '../node/facts.ts'
import { factsDiagnostics, type ReportedFacts } from '../node/reportedFacts.ts'
import type { Owners } from '../plan/owners.ts'
import type { Plan } from '../plan/types.ts'
import type { ResolveMemo } from '../resolve/memo.ts'
import type { ConflictPolicy } from '../resolve/options.ts'
import { resolveCluster } from '../resolve/resolve.ts'
import type { ResolvedCluster } from '../resolve/types.ts'
import type { ClusterPlans, Mode } from './mode.ts'
import { ipvs } from './modes/ipvs/mode.ts'
import type { Provenance } from './provenance.ts'

export interface CompileOptions {
  /** `metadata.name` of the Node to compile for. */
  readonly node: string
  /** How Services become kernel state. Default: `ipvs`. */
  readonly mode?: Mode
  /** Settings with defaults applied. Default: those of `configuration`. */
  readonly config?: ProxyConfig
  /**
   * A configuration as Kubernetes has it; what is wrong with it is among the diagnostics. Default: that of the cluster, and without
   * any what kube-proxy does then.
   */
  readonly configuration?: KubeProxyConfiguration
  /** Default: both. */
  readonly families?: readonly Family[]
  /** What is on the node's interfaces (`ip -j addr`). Default: the addresses in the Node's status. */
  readonly interfaceAddresses?: readonly InterfaceAddress[] | null
  /** What the node says of itself (`apply.sh facts`): its addresses, kernel and cores, and what it lacks. */
  readonly facts?: ReportedFacts | null
  /** All addresses of the node, the primary one of each family first. Wins over what the Node says. */
  readonly nodeIPs?: readonly string[] | null
  /** Default `error`. */
  readonly onConflict?: ConflictPolicy
  /** `true`: an object with an error is left out alone, and its errors become warnings. Default `false`. */
  readonly quarantine?: boolean
  /** Whether settings that belong to the node's owner are set too. Default `check`. */
  readonly prerequisites?: 'check' | 'set'
}

export interface CompileResult {
  /** `null` when there are errors. Made when it is first read. */
  readonly plan: Plan | null
  /** What asked for each item of the plan. */
  readonly owners: Owners | null
  /** The owners as `provenance.json` tells them; worked out each time that it is read. */
  readonly provenance: Provenance | null
  readonly counts: CompileCounts
  readonly diagnostics: readonly Diagnostic[]
  /** What tells the machine of the node from others; `null`: nothing does. */
  readonly binding: NodeBinding | null
  /** What the plan was compiled for; `null` where the node is not known. */
  readonly facts: NodeFacts | null
}

/** What the input came to. */
export interface CompileCounts {
  /** Services that have rules. */
  readonly services: number
  /** Their ports, each counted once for each family. */
  readonly servicePorts: number
}

/**
 * Compiles the rules of one node. Pure: it sees nothing but its arguments and changes none of them, and the
 * order of the cluster's lists does not matter.
 */
export function compile(cluster: Cluster, options: CompileOptions): CompileResult {
  return compileNodes(cluster, { ...options, nodes: [options.node] })[0] as CompileResult
}

/** Compiles several nodes of a cluster; what is the same for all of them is done once. */
export function compileNodes(
  cluster: Cluster,
  { nodes, ...options }: Omit<CompileOptions, 'node'> & { readonly nodes: readonly string[] },
  memo?: ResolveMemo,
): CompileResult[] {
  const { mode = ipvs } = options
  const settings: Diagnostic[] = []
  const config = configOf(cluster, options, (problem) => settings.push(problem))
  const { resolved, diagnostics: found } = resolveCluster(
    cluster,
    {
      scheduler: config.scheduler,
      onConflict: options.onConflict ?? 'error',
    },
    memo,
  )
  const diagnostics = [...settings, ...found, ...(cluster.services.length === 0 ? [NO_SERVICES] : [])]
  const common: CommonPart = {
    mode,
    plans: mode.plansOf(resolved, {
      config,
      families: options.families ?? FAMILIES,
      onConflict: options.onConflict ?? 'error',
      prerequisites: options.prerequisites ?? 'check',
      nodes,
    }),
    config,
    counts: countsOf(resolved),
    diagnostics: options.quarantine ? quarantined(diagnostics) : diagnostics,
  }
  const byName = new Map(cluster.nodes.map((node) => [node.object.metadata.name, node]))
  return nodes.map((name) => {
    const node = byName.get(name)
    if (node !== undefined) return compileNode(node, common, [], options)
    const hasAddresses = Boolean(options.interfaceAddresses ?? options.nodeIPs ?? options.facts)
    const missing = nodeNotFound(name, [...byName.keys()], hasAddresses)
    if (!hasAddresses) return failed(common, missing)
    return compileNode(bareNode(name), common, [missing], options)
  })
}

function configOf(
  { configurations }: Cluster,
  { config, configuration }: Pick<CompileOptions, 'config' | 'configuration'>,
  report: (problem: Diagnostic) => void,
): ProxyConfig {
  if (config !== undefined) return config
  const given = configuration === undefined ? configurations : [{ object: configuration, origin: CALLER }]
  return chooseConfig(given, report) ?? DEFAULT_CONFIG
}

/** What the results of all nodes have in common. */
interface CommonPart {
  readonly mode: Mode
  readonly plans: ClusterPlans
  readonly config: ProxyConfig
  readonly counts: CompileCounts
  readonly diagnostics: readonly Diagnostic[]
}

const NO_SERVICES = diagnostic({
  code: 'NO_SERVICES',
  severity: 'warning',
  message: 'The input holds no Service, so the plan holds no virtual server.',
})

function compileNode(
  node: Sourced<Node>,
  { mode, plans, config, counts, diagnostics: common }: CommonPart,
  before: readonly Diagnostic[],
  options: Omit<CompileOptions, 'node'>,
): CompileResult {
  const reported = options.facts ?? null
  const facts = nodeFacts(node, {
    interfaceAddresses: options.interfaceAddresses ?? reportedAddresses(reported),
    reported,
    nodeIPs: options.nodeIPs ?? null,
    bindAddress: config.bindAddress,
  })
  const built = plans.onNode(facts)
  const found = [
    ...before,
    ...built.diagnostics,
    ...mode.nodeDiagnostics(node, facts),
    ...(reported === null ? [] : factsDiagnostics(built.plan, reported)),
  ]
  const diagnostics = [...common, ...(options.quarantine ? quarantined(found) : found)]
  const ok = !hasErrors(diagnostics)
  return {
    get plan() {
      return ok ? built.plan : null
    },
    owners: ok ? built.owners : null,
    get provenance() {
      return ok ? built.provenance : null
    },
    counts,
    diagnostics,
    binding: nodeBinding(node.origin === NO_ORIGIN ? null : node.object, reported),
    facts,
  }
}

const reportedAddresses = (facts: ReportedFacts | null): InterfaceAddress[] | null =>
  facts?.interfaces.flatMap((entry) => {
    const address = canonicalAddress(entry.address.replace(/\/.*/, ''))
    return address === null ? [] : [{ ...entry, address }]
  }) ?? null

const countsOf = ({ serviceCount, servicePorts }: ResolvedCluster): CompileCounts => ({
  services: serviceCount,
  servicePorts: servicePorts.length,
})

const failed = ({ counts, diagnostics }: CommonPart, missing: Diagnostic): CompileResult => ({
  plan: null,
  owners: null,
  provenance: null,
  counts,
  diagnostics: [...diagnostics, missing],
  binding: null,
  facts: null,
})

const QUARANTINED_KINDS: ReadonlySet<string> = new Set(['Service', 'EndpointSlice', 'Endpoints'])

/** Errors of single objects become warnings: the objects were left out already. Other errors stay. */
export const quarantined = (diagnostics: readonly Diagnostic[]): Diagnostic[] =>
  diagnostics.map((item) =>
    item.severity === 'error' && item.subject !== null && QUARANTINED_KINDS.has(item.subject.kind)
      ? { ...item, severity: 'warning', message: `Left out: ${item.message}`, quarantined: true }
      : item,
  )

/** A node of which only the name is known: no labels, no networks of pods. */
const bareNode = (name: string): Sourced<Node> => ({
  object: { kind: 'Node', metadata: { name } },
  origin: NO_ORIGIN,
})

/** Of a configuration that no input holds. */
const CALLER: Origin = { source: 'options', document: 0, path: [] }

/** Of a Node that no input holds. */
const NO_ORIGIN: Sourced<Node>['origin'] = { source: 'command line', document: 0, path: [] }

/** Without a Node, addresses that were given apart are enough for all but what its labels and status decide. */
function nodeNotFound(name: string, known: readonly string[], hasAddresses: boolean): Diagnostic {
  return diagnostic({
    code: 'NODE_NOT_FOUND',
    severity: hasAddresses ? 'warning' : 'error',
    message: `The input has no Node named ${JSON.stringify(name)}${
      hasAddresses ? '; its zone, networks of pods and primary address count as absent.' : '.'
    }`,
    found: known.length === 0 ? 'no Node' : known.slice(0, 10).join(', ') + (known.length > 10 ? ', …' : ''),
    expected: name,
  })
}
