import { type Diagnostic, diagnostic } from '../../../diagnostics/diagnostics.ts'
import { DUMMY_INTERFACE } from '../../../kernel/interfaces.ts'
import { kernelSetName } from '../../../kernel/sets.ts'
import { refOf } from '../../../kube/names.ts'
import { compareAddresses, familyOf, formatNetwork } from '../../../net/address.ts'
import type { Family } from '../../../net/family.ts'
import { localDetector, type NodeFacts } from '../../../node/facts.ts'
import { compareText } from '../../../order.ts'
import { buildSet } from '../../../plan/sets.ts'
import type { IpSet, Plan, Table } from '../../../plan/types.ts'
import type { ResolvedCluster } from '../../../resolve/types.ts'
import {
  type BoundAddresses,
  type BuildContext,
  boundAddresses,
  claimsOf,
  type LocatedPort,
  type NodeClaims,
  setContexts,
} from './claims.ts'
import { PlanOwners } from './owners.ts'
import { allowsNode, FILLED_SETS } from './sets.ts'
import { buildConntrack, buildIpvsTimeouts, buildModules, buildSysctls } from './settings.ts'
import { buildTables, type ClosedVIP } from './tables.ts'

export interface BuiltPlan {
  readonly plan: Plan
  readonly owners: PlanOwners
  readonly diagnostics: readonly Diagnostic[]
}

/** Makes the plan of one node from what is known of the cluster. */
export function buildPlan(resolved: ResolvedCluster, context: BuildContext): BuiltPlan {
  const { config, node, families } = context
  const claims = claimsOf(resolved, context)
  const { ports, nodePortAddresses, virtualServers } = claims
  const bound = boundAddresses(virtualServers)
  const built = families.map((family) => buildFamily(family, { ...context, ...claims, bound }))
  const settings = buildSysctls(context)
  const schedulers = new Set([
    config.scheduler,
    ...virtualServers.map(({ virtualServer }) => virtualServer.scheduler),
  ])

  const plan: Plan = {
    version: 1,
    families,
    virtualServers: virtualServers.map(({ virtualServer }) => virtualServer),
    sets: built.flatMap(({ sets }) => sets),
    tables: built.flatMap(({ tables }) => tables),
    dummyInterface: { name: DUMMY_INTERFACE, addresses: [...bound.keys()] },
    modules: buildModules(schedulers),
    sysctls: settings.map(({ sysctl }) => sysctl),
    conntrack: buildConntrack(config, node),
    ipvsTimeouts: buildIpvsTimeouts(config),
    excludeCIDRs: config.excludeCIDRs.map(formatNetwork).sort(compareText),
  }
  return {
    plan,
    owners: new PlanOwners(resolved, context, plan),
    diagnostics: [
      ...claims.diagnostics,
      ...families.flatMap((family) => familyDiagnostics(family, ports, nodePortAddresses, context)),
      ...ports.flatMap(portDiagnostics),
    ],
  }
}

interface FamilyContext extends BuildContext, NodeClaims {
  readonly bound: BoundAddresses
}

interface BuiltFamily {
  readonly sets: readonly IpSet[]
  readonly tables: readonly Table[]
}

function buildFamily(family: Family, context: FamilyContext): BuiltFamily {
  const { config, node, bound } = context
  const contexts = setContexts(family, context, node)
  const sets = FILLED_SETS.map(({ name, type, entriesOf }) => {
    const entries =
      name === 'KUBE-IPVS-IPS'
        ? [...bound.keys()].filter((address) => familyOf(address) === family).map((address) => ({ address }))
        : contexts.flatMap(entriesOf)
    return buildSet(kernelSetName(name, family), family, type, entries)
  })
  const tables = buildTables({
    family,
    sets,
    masqueradeAll: config.masqueradeAll,
    masqueradeBit: config.masqueradeBit,
    detector: localDetector(family, config, node),
    closedToNode: closedToNode(
      context.ports.filter(({ servicePort }) => servicePort.family === family),
      node,
    ),
  })
  return { sets, tables }
}

/** VIPs with source ranges of which none holds the node's own address, each once, in order. */
function closedToNode(ports: readonly LocatedPort[], node: NodeFacts): ClosedVIP[] {
  return ports
    .filter(({ servicePort }) => servicePort.sourceRanges.length > 0 && !allowsNode(servicePort, node))
    .flatMap(({ servicePort: { loadBalancerVIPs, protocol, port } }) =>
      loadBalancerVIPs.map(({ address }) => ({ address, protocol, port })),
    )
    .sort(
      (a, b) =>
        compareAddresses(a.address, b.address) || compareText(a.protocol, b.protocol) || a.port - b.port,
    )
}

function familyDiagnostics(
  family: Family,
  ports: readonly LocatedPort[],
  nodePortAddresses: NodeClaims['nodePortAddresses'],
  { config, node }: BuildContext,
): Diagnostic[] {
  const ofFamily = ports.filter(({ servicePort }) => servicePort.family === family)
  if (ofFamily.length === 0) return []
  const found: Diagnostic[] = []
  const skipped = ofFamily.filter(({ servicePort }) => servicePort.nodePort !== null)
  if (skipped.length > 0 && nodePortAddresses[family].length === 0)
    found.push(
      diagnostic({
        code: 'NODE_PORT_NO_ADDRESS',
        severity: 'warning',
        message: `No ${family} address of node ${node.name} serves node ports, so ${skipped.length} of them are skipped.`,
        found: node.addresses.length === 0 ? 'no address' : node.addresses.join(', '),
        expected: `an address of ${family} inside nodePortAddresses`,
      }),
    )
  if (localDetector(family, config, node) === null && !config.masqueradeAll)
    found.push(
      diagnostic({
        code: 'DETECT_LOCAL_UNAVAILABLE',
        severity: 'info',
        message: `${config.detectLocal.mode} has nothing to detect local ${family} traffic with; only what a Service sends to a cluster IP is masqueraded.`,
      }),
    )
  const announced = new Set(
    ofFamily.flatMap(({ servicePort }) => servicePort.loadBalancerVIPs.map(({ address }) => address)),
  )
  if (family === 'ipv4' && announced.size > 0 && !config.strictARP)
    found.push(
      diagnostic({
        code: 'STRICT_ARP_OFF',
        severity: 'warning',
        message: `Every node answers ARP requests for addresses of load balancers (${announced.size} here); where something announces them in the nodes' own network, as MetalLB does, set ipvs.strictARP.`,
        found: 'ipvs.strictARP: false',
        expected: 'ipvs.strictARP: true, or load balancers outside of this network',
      }),
    )
  return found
}

/** What a person should know of a port that is otherwise in order. */
function portDiagnostics({ servicePort, lists }: LocatedPort): Diagnostic[] {
  const { service, index, healthCheckNodePort, internalPolicy, externalPolicy, endpoints, key, family } =
    servicePort
  const about = { subject: refOf(service.object), origin: service.origin } as const
  const found: Diagnostic[] = []
  if (healthCheckNodePort !== null && index === 0)
    found.push(
      diagnostic({
        ...about,
        code: 'HEALTH_CHECK_EXTERNAL',
        severity: 'info',
        message: `Node port ${healthCheckNodePort} is opened for health checks; an agent on the node has to answer them.`,
        path: ['spec', 'healthCheckNodePort'],
      }),
    )
  const isLocal = internalPolicy === 'Local' || externalPolicy === 'Local'
  if (isLocal && lists.local.length === 0 && endpoints.length > 0)
    found.push(
      diagnostic({
        ...about,
        code: 'LOCAL_POLICY_NO_LOCAL_ENDPOINT',
        severity: 'info',
        message: `${key} (${family}) has a Local traffic policy and no usable endpoint on this node, so ${
          lists.cluster.length > 0 ? "the cluster's endpoints stand in" : 'it has no real server'
        }.`,
        path: ['spec', internalPolicy === 'Local' ? 'internalTrafficPolicy' : 'externalTrafficPolicy'],
      }),
    )
  return found
}
