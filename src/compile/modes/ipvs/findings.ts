import { type Diagnostic, diagnostic } from '../../../diagnostics/diagnostics.ts'
import { refOf } from '../../../kube/names.ts'
import type { Family } from '../../../net/family.ts'
import { localDetector } from '../../../node/facts.ts'
import type { ServicePort } from '../../../resolve/types.ts'
import { Memo } from '../../once.ts'
import type { ClusterClaims } from './claims.ts'
import type { NodeClaims } from './nodeClaims.ts'

/** What a person should know of the plan of a node. What is said of several nodes alike is one object. */
export type ClusterFindings = (claims: NodeClaims) => Diagnostic[]

export function clusterFindings(cluster: ClusterClaims): ClusterFindings {
  const { families } = cluster.context
  const counts = new Map(families.map((family) => [family, countsOf(cluster.portsOf(family))]))
  const said = new Memo<ServicePort, PortFindings>()
  const worthSaying = cluster.ports.filter((port) => opensHealthCheck(port) || wantsLocal(port))
  return (claims) => [
    ...families.flatMap((family) => familyFindings(family, counts.get(family) as FamilyCounts, claims)),
    ...worthSaying.flatMap((port) => said.of(port, portFindings)(claims)),
  ]
}

interface FamilyCounts {
  readonly ports: number
  readonly nodePorts: number
  /** Distinct addresses of load balancers. */
  readonly announced: number
}

const countsOf = (ports: readonly ServicePort[]): FamilyCounts => ({
  ports: ports.length,
  nodePorts: ports.filter(({ nodePort }) => nodePort !== null).length,
  announced: new Set(ports.flatMap(({ loadBalancerVIPs }) => loadBalancerVIPs.map(({ address }) => address)))
    .size,
})

function familyFindings(
  family: Family,
  { ports, nodePorts, announced }: FamilyCounts,
  { cluster, node, nodePortAddresses }: NodeClaims,
): Diagnostic[] {
  const { config } = cluster.context
  if (ports === 0) return []
  const found: Diagnostic[] = []
  if (nodePorts > 0 && nodePortAddresses[family].length === 0)
    found.push(
      diagnostic({
        code: 'NODE_PORT_NO_ADDRESS',
        severity: 'warning',
        message: `No ${family} address of node ${node.name} serves node ports, so ${nodePorts} of them are skipped.`,
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
  if (family === 'ipv4' && announced > 0 && !config.strictARP)
    found.push(
      diagnostic({
        code: 'STRICT_ARP_OFF',
        severity: 'warning',
        message: `Every node answers ARP requests for addresses of load balancers (${announced} here); where something announces them in the nodes' own network, as MetalLB does, set ipvs.strictARP.`,
        found: 'ipvs.strictARP: false',
        expected: 'ipvs.strictARP: true, or load balancers outside of this network',
      }),
    )
  return found
}

const opensHealthCheck = ({ healthCheckNodePort, index }: ServicePort): boolean =>
  healthCheckNodePort !== null && index === 0

const wantsLocal = ({ internalPolicy, externalPolicy, endpoints }: ServicePort): boolean =>
  (internalPolicy === 'Local' || externalPolicy === 'Local') && endpoints.length > 0

type PortFindings = (claims: NodeClaims) => readonly Diagnostic[]

/** What a person should know of a port that is otherwise in order. */
function portFindings(servicePort: ServicePort): PortFindings {
  const always = opensHealthCheck(servicePort) ? [healthCheckFinding(servicePort)] : []
  if (!wantsLocal(servicePort)) return () => always
  const standIn = [...always, noLocalEndpoint(servicePort, "the cluster's endpoints stand in")]
  const unserved = [...always, noLocalEndpoint(servicePort, 'it has no real server')]
  return (claims) => {
    const { local, cluster } = claims.listsOf(servicePort)
    if (local.length > 0) return always
    return cluster.length > 0 ? standIn : unserved
  }
}

const healthCheckFinding = ({ service, healthCheckNodePort }: ServicePort): Diagnostic =>
  diagnostic({
    subject: refOf(service.object),
    origin: service.origin,
    code: 'HEALTH_CHECK_EXTERNAL',
    severity: 'info',
    message: `Node port ${healthCheckNodePort} is opened for health checks; an agent on the node has to answer them.`,
    path: ['spec', 'healthCheckNodePort'],
  })

const noLocalEndpoint = (
  { service, key, family, internalPolicy }: ServicePort,
  consequence: string,
): Diagnostic =>
  diagnostic({
    subject: refOf(service.object),
    origin: service.origin,
    code: 'LOCAL_POLICY_NO_LOCAL_ENDPOINT',
    severity: 'info',
    message: `${key} (${family}) has a Local traffic policy and no usable endpoint on this node, so ${consequence}.`,
    path: ['spec', internalPolicy === 'Local' ? 'internalTrafficPolicy' : 'externalTrafficPolicy'],
  })
