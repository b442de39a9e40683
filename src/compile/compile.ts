import { DEFAULT_CONFIG, type ProxyConfig } from '../config/types.ts'
import { type Diagnostic, diagnostic, hasErrors } from '../diagnostics/diagnostics.ts'
import type { Cluster, Sourced } from '../kube/cluster.ts'
import { refOf } from '../kube/names.ts'
import type { Node } from '../kube/types.ts'
import { canonicalAddress } from '../net/address.ts'
import { FAMILIES, type Family } from '../net/family.ts'
import { type NodeBinding, nodeBinding } from '../node/binding.ts'
import { type InterfaceAddress, type NodeFacts, nodeFacts } from '../node/facts.ts'
import { factsDiagnostics, type ReportedFacts } from '../node/reportedFacts.ts'
import type { Owners } from '../plan/owners.ts'
import type { Plan } from '../plan/types.ts'
import type { ConflictPolicy } from '../resolve/options.ts'
import { resolveCluster } from '../resolve/resolve.ts'
import type { ResolvedCluster } from '../resolve/types.ts'
import { ClusterPlans } from './modes/ipvs/plan.ts'
import { isBefore, needsNoConnReuse } from './modes/ipvs/settings.ts'
import { buildProvenance, type Provenance } from './provenance.ts'

export interface CompileOptions {
  /** `metadata.name` of the Node to compile for. */
  readonly node: string
  /** Default: what kube-proxy does without a configuration. */
  readonly config?: ProxyConfig
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
): CompileResult[] {
  const config = options.config ?? DEFAULT_CONFIG
  const { resolved, diagnostics: found } = resolveCluster(cluster, {
    scheduler: config.scheduler,
    onConflict: options.onConflict ?? 'error',
  })
  const diagnostics = cluster.services.length === 0 ? [...found, NO_SERVICES] : found
  const common: CommonPart = {
    plans: new ClusterPlans(resolved, {
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

/** What the results of all nodes have in common. */
interface CommonPart {
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
  { plans, config, counts, diagnostics: common }: CommonPart,
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
    ...nodeDiagnostics(node, facts),
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
      return ok ? buildProvenance(built.owners) : null
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

function nodeDiagnostics(node: Sourced<Node>, facts: NodeFacts): Diagnostic[] {
  const about = { subject: refOf(node.object), origin: node.origin }
  const path = ['status', 'nodeInfo', 'kernelVersion']
  if (facts.kernel === null)
    return [
      diagnostic({
        ...about,
        code: 'KERNEL_UNKNOWN',
        severity: 'info',
        message: 'The kernel version is unknown, so net.ipv4.vs.conn_reuse_mode is left alone.',
        path,
      }),
    ]
  const found = facts.kernel.join('.')
  if (isBefore(facts.kernel, 4, 1))
    return [
      diagnostic({
        ...about,
        code: 'KERNEL_TOO_OLD',
        severity: 'warning',
        message: 'IPVS mode needs a kernel from 4.1 on; the node will refuse the rules.',
        path,
        found,
        expected: '4.1 or newer',
      }),
    ]
  if (!needsNoConnReuse(facts)) return []
  return [
    diagnostic({
      ...about,
      code: 'CONN_REUSE_OFF',
      severity: 'info',
      message:
        'net.ipv4.vs.conn_reuse_mode is switched off, since it costs new connections a second on this kernel; a client that uses a source port again keeps its real server for it, and one that drains may drain until its deadline.',
      path,
      found,
      expected: '5.9 or newer',
    }),
  ]
}
