import type { ProxyConfig } from '../../../config/types.ts'
import { type Diagnostic, diagnostic, formatPath, formatSubject } from '../../../diagnostics/diagnostics.ts'
import { DUMMY_INTERFACE } from '../../../kernel/interfaces.ts'
import { kernelSetName } from '../../../kernel/sets.ts'
import { refOf } from '../../../kube/names.ts'
import { compareAddresses, formatNetwork } from '../../../net/address.ts'
import type { Family } from '../../../net/family.ts'
import { type EndpointLists, endpointLists } from '../../../node/endpointLists.ts'
import { localDetector, type NodeFacts } from '../../../node/facts.ts'
import { nodePortAddressesOf } from '../../../node/nodePorts.ts'
import { compareText } from '../../../order.ts'
import { sortVirtualServers } from '../../../plan/canonical.ts'
import { formatEntry } from '../../../plan/entries.ts'
import { virtualServerKey } from '../../../plan/keys.ts'
import { buildSet } from '../../../plan/sets.ts'
import type { IpSet, Plan, SetEntry, Table } from '../../../plan/types.ts'
import type { ConflictPolicy } from '../../../resolve/options.ts'
import type { ResolvedCluster, ServicePort } from '../../../resolve/types.ts'
import { buildProvenance, entryProvenance, type ItemProvenance, type Provenance } from '../../provenance.ts'
import { allowsNode, FILLED_SETS, type SetContext } from './sets.ts'
import { buildConntrack, buildIpvsTimeouts, buildModules, buildSysctls } from './settings.ts'
import { buildTables, type ClosedVIP } from './tables.ts'
import { type ClaimedVirtualServer, virtualServersOf } from './virtualServers.ts'

export interface BuildContext {
  readonly config: ProxyConfig
  readonly node: NodeFacts
  readonly families: readonly Family[]
  readonly onConflict: ConflictPolicy
  readonly prerequisites: 'check' | 'set'
}

export interface BuiltPlan {
  readonly plan: Plan
  readonly provenance: Provenance
  readonly diagnostics: readonly Diagnostic[]
}

/** A service port with what the node makes of its endpoints. */
interface LocatedPort {
  readonly servicePort: ServicePort
  readonly lists: EndpointLists
}

type NodePortAddresses = Readonly<Record<Family, readonly string[]>>

/** Makes the plan of one node from what is known of the cluster. */
export function buildPlan(resolved: ResolvedCluster, context: BuildContext): BuiltPlan {
  const { config, node, families } = context
  const ports = resolved.servicePorts
    .filter(({ family }) => families.includes(family))
    .map((servicePort) => ({ servicePort, lists: endpointLists(servicePort, node) }))
  const nodePortAddresses: NodePortAddresses = {
    ipv4: nodePortAddressesOf('ipv4', config, node),
    ipv6: nodePortAddressesOf('ipv6', config, node),
  }
  const claims = settleClaims(
    ports.flatMap(({ servicePort, lists }) =>
      virtualServersOf(servicePort, lists, { config, node, nodePortAddresses }),
    ),
    context.onConflict,
  )
  const virtualServers = sortVirtualServers([...claims.winners], ({ virtualServer }) => virtualServer)
  const bound = boundAddresses(virtualServers)
  const built = families.map((family) => buildFamily(family, { ...context, ports, nodePortAddresses, bound }))
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
    dummyInterface: {
      name: DUMMY_INTERFACE,
      addresses: bound.map(({ virtualServer }) => virtualServer.address),
    },
    modules: buildModules(schedulers),
    sysctls: settings.map(({ sysctl }) => sysctl),
    conntrack: buildConntrack(config, node),
    ipvsTimeouts: buildIpvsTimeouts(config),
    excludeCIDRs: config.excludeCIDRs.map(formatNetwork).sort(compareText),
  }
  return {
    plan,
    provenance: buildProvenance({
      servicePorts: ports.map(({ servicePort }) => servicePort),
      virtualServers,
      addresses: bound,
      sets: Object.fromEntries(built.flatMap(({ provenance }) => provenance)),
      tables: plan.tables,
      settings,
    }),
    diagnostics: [
      ...claims.diagnostics,
      ...families.flatMap((family) => familyDiagnostics(family, ports, nodePortAddresses, context)),
      ...ports.flatMap(portDiagnostics),
    ],
  }
}

/** One claim for each address bound to the dummy interface, ordered by address. */
function boundAddresses(virtualServers: readonly ClaimedVirtualServer[]): ClaimedVirtualServer[] {
  const byAddress = new Map<string, ClaimedVirtualServer>()
  for (const claim of virtualServers) {
    const { address } = claim.virtualServer
    if (claim.bind && !byAddress.has(address)) byAddress.set(address, claim)
  }
  return [...byAddress.values()].sort((a, b) =>
    compareAddresses(a.virtualServer.address, b.virtualServer.address),
  )
}

interface FamilyContext extends BuildContext {
  readonly ports: readonly LocatedPort[]
  readonly nodePortAddresses: NodePortAddresses
  readonly bound: readonly ClaimedVirtualServer[]
}

interface BuiltFamily {
  readonly sets: readonly IpSet[]
  readonly tables: readonly Table[]
  readonly provenance: readonly (readonly [string, readonly ItemProvenance[]])[]
}

function buildFamily(family: Family, context: FamilyContext): BuiltFamily {
  const { config, node, bound } = context
  const ports = context.ports.filter(({ servicePort }) => servicePort.family === family)
  const addresses = bound.filter(({ servicePort }) => servicePort.family === family)
  const provenance: (readonly [string, readonly ItemProvenance[]])[] = []

  const contexts = ports.map(
    ({ servicePort, lists }): SetContext => ({
      servicePort,
      node,
      localEndpoints: lists.allLocal,
      nodePortAddresses: context.nodePortAddresses[family],
    }),
  )
  const sets = FILLED_SETS.map(({ name, type, entriesOf, field }) => {
    const kernelName = kernelSetName(name, family)
    if (name === 'KUBE-IPVS-IPS') {
      const boundEntries = addresses.map(({ virtualServer: { address } }) => ({ address }))
      return buildSet(kernelName, family, type, boundEntries)
    }
    const owners = new Map<SetEntry, ServicePort>()
    for (const setContext of contexts)
      for (const entry of entriesOf(setContext)) owners.set(entry, setContext.servicePort)
    const set = buildSet(kernelName, family, type, [...owners.keys()])
    const explain = (entry: SetEntry): ItemProvenance =>
      entryProvenance(entry, formatEntry(type, entry), owners.get(entry) as ServicePort, field)
    if (set.entries.length > 0) provenance.push([set.name, set.entries.map(explain)])
    return set
  })

  const tables = buildTables({
    family,
    sets,
    masqueradeAll: config.masqueradeAll,
    masqueradeBit: config.masqueradeBit,
    detector: localDetector(family, config, node),
    closedToNode: closedToNode(ports, node),
  })
  return { sets, tables, provenance }
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

interface SettledClaims {
  readonly winners: readonly ClaimedVirtualServer[]
  readonly diagnostics: readonly Diagnostic[]
}

/**
 * One claim for each virtual server. Within a service port the last one counts, as for kube-proxy. Between
 * service ports only a node port can still meet another's address here; that is a conflict of this node.
 */
function settleClaims(claims: readonly ClaimedVirtualServer[], policy: ConflictPolicy): SettledClaims {
  const winners = new Map<string, ClaimedVirtualServer>()
  const diagnostics: Diagnostic[] = []
  for (const claim of claims) {
    const key = virtualServerKey(claim.virtualServer)
    const known = winners.get(key)
    if (known === undefined || known.servicePort === claim.servicePort) {
      winners.set(key, claim)
      continue
    }
    const [older, younger] = isOlder(claim.servicePort, known.servicePort) ? [claim, known] : [known, claim]
    winners.set(key, older)
    diagnostics.push(claimConflict(key, older, younger, policy))
  }
  return { winners: [...winners.values()], diagnostics }
}

function isOlder(a: ServicePort, b: ServicePort): boolean {
  const age = ({ service, key }: ServicePort) => `${service.object.metadata.creationTimestamp || '~'} ${key}`
  return compareText(age(a), age(b)) < 0
}

function claimConflict(
  key: string,
  older: ClaimedVirtualServer,
  younger: ClaimedVirtualServer,
  policy: ConflictPolicy,
): Diagnostic {
  const { service } = younger.servicePort
  const first = older.servicePort.service
  return diagnostic({
    code: 'ADDRESS_DUPLICATE',
    severity: policy === 'error' ? 'error' : 'warning',
    message: `On this node it claims ${key}, which ${formatSubject(refOf(first.object))} claims already; the older one has it.`,
    subject: refOf(service.object),
    origin: service.origin,
    path: younger.path,
    found: key,
    expected: 'an address and port of its own',
    related: [
      {
        message: `claimed here by ${older.servicePort.key} (${formatPath(older.path)})`,
        subject: refOf(first.object),
        path: older.path,
        origin: first.origin,
        position: null,
      },
    ],
  })
}

function familyDiagnostics(
  family: Family,
  ports: readonly LocatedPort[],
  nodePortAddresses: NodePortAddresses,
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
