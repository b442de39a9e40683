import { DUMMY_INTERFACE } from '../../../kernel/interfaces.ts'
import { kernelSetName } from '../../../kernel/sets.ts'
import { compareAddresses, familyOf, formatNetwork } from '../../../net/address.ts'
import type { Family } from '../../../net/family.ts'
import { localDetector, type NodeFacts } from '../../../node/facts.ts'
import { compareText } from '../../../order.ts'
import { buildSet } from '../../../plan/sets.ts'
import type { IpSet, Plan, Table } from '../../../plan/types.ts'
import type { ResolvedCluster, ServicePort } from '../../../resolve/types.ts'
import type { BuiltPlan, ClusterContext, ClusterPlans } from '../../mode.ts'
import { Memo, once } from '../../once.ts'
import { ClusterClaims } from './claims.ts'
import { type ClusterFindings, clusterFindings } from './findings.ts'
import { NodeClaims } from './nodeClaims.ts'
import { PlanOwners, SharedByOwners } from './owners.ts'
import { buildProvenance } from './provenance.ts'
import { allowsNode, FILLED_SETS, type FilledSet } from './sets.ts'
import { buildConntrack, buildIpvsTimeouts, buildModules, buildSysctls } from './settings.ts'
import { buildTables, type ClosedVIP, type TableContext } from './tables.ts'

/** Makes the plans of the nodes of a cluster. What is the same for several of them is one object. */
export class IpvsPlans implements ClusterPlans {
  readonly #context: ClusterContext
  readonly #claims: ClusterClaims
  readonly #findings: ClusterFindings
  readonly #sets = new Memo<string, IpSet>()
  readonly #tables = new Memo<string, readonly Table[]>()
  readonly #sharedByOwners = new SharedByOwners()
  readonly #excludeCIDRs: readonly string[]

  constructor(resolved: ResolvedCluster, context: ClusterContext) {
    this.#context = context
    this.#claims = new ClusterClaims(resolved, context)
    this.#findings = clusterFindings(this.#claims)
    this.#excludeCIDRs = context.config.excludeCIDRs.map(formatNetwork).sort(compareText)
  }

  onNode(node: NodeFacts): BuiltPlan {
    const claims = new NodeClaims(this.#claims, node)
    const plan = once(() => this.#planOf(claims))
    const owners = new PlanOwners(claims, plan, this.#sharedByOwners)
    return {
      get plan() {
        return plan()
      },
      owners,
      get provenance() {
        return buildProvenance(owners)
      },
      diagnostics: [...claims.diagnostics, ...this.#findings(claims)],
    }
  }

  #planOf(claims: NodeClaims): Plan {
    const { node, virtualServers, boundAddresses } = claims
    const { config, families } = this.#context
    const sets = families.map((family) => this.#setsOf(family, claims))
    const schedulers = new Set([
      config.scheduler,
      ...virtualServers.map(({ virtualServer }) => virtualServer.scheduler),
    ])
    return {
      version: 1,
      families,
      virtualServers: virtualServers.map(({ virtualServer }) => virtualServer),
      sets: sets.flat(),
      tables: families.flatMap((family, index) => this.#tablesOf(family, sets[index] ?? [], node)),
      dummyInterface: { name: DUMMY_INTERFACE, addresses: boundAddresses },
      modules: buildModules(schedulers),
      sysctls: buildSysctls({ ...this.#context, node }).map(({ sysctl }) => sysctl),
      conntrack: buildConntrack(config, node),
      ipvsTimeouts: buildIpvsTimeouts(config),
      excludeCIDRs: this.#excludeCIDRs,
    }
  }

  #setsOf(family: Family, claims: NodeClaims): IpSet[] {
    return FILLED_SETS.map((set) => {
      const key = claims.sharedKey(family, set)
      const make = (): IpSet => makeSet(family, set, claims)
      return key === null ? make() : this.#sets.of(key, make)
    })
  }

  #tablesOf(family: Family, sets: readonly IpSet[], node: NodeFacts): readonly Table[] {
    const { config } = this.#context
    const filled = sets.filter(({ entries }) => entries.length > 0).map(({ name }) => name)
    const context: TableContext = {
      family,
      filled,
      masqueradeAll: config.masqueradeAll,
      masqueradeBit: config.masqueradeBit,
      detector: localDetector(family, config, node),
      closedToNode: closedToNode(this.#claims.portsOf(family, hasSourceRanges), node),
    }
    return this.#tables.of(tablesKey(context), () => buildTables(context))
  }
}

const tablesKey = ({ detector, ...context }: TableContext): string =>
  JSON.stringify({
    ...context,
    detector: detector?.kind === 'network' ? formatNetwork(detector.network) : detector,
  })

function makeSet(family: Family, set: FilledSet, claims: NodeClaims): IpSet {
  const entries =
    set.name === 'KUBE-IPVS-IPS'
      ? claims.boundAddresses
          .filter((address) => familyOf(address) === family)
          .map((address) => ({ address }))
      : claims.setContexts(family, set).flatMap(set.entriesOf)
  return buildSet(kernelSetName(set.name, family), family, set.type, entries)
}

const hasSourceRanges = ({ sourceRanges }: ServicePort): boolean => sourceRanges.length > 0

/** VIPs with source ranges of which none holds the node's own address, each once, in order. */
function closedToNode(ports: readonly ServicePort[], node: NodeFacts): ClosedVIP[] {
  return ports
    .filter((servicePort) => !allowsNode(servicePort, node))
    .flatMap(({ loadBalancerVIPs, protocol, port }) =>
      loadBalancerVIPs.map(({ address }) => ({ address, protocol, port })),
    )
    .sort(
      (a, b) =>
        compareAddresses(a.address, b.address) || compareText(a.protocol, b.protocol) || a.port - b.port,
    )
}
