import { type Diagnostic, diagnostic } from '../../../diagnostics/diagnostics.ts'
import { refOf } from '../../../kube/names.ts'
import type { Family } from '../../../net/family.ts'
import { localDetector } from '../../../node/facts.ts'
import type { ServicePort } from '../../../resolve/types.ts'
import type { ClusterClaims } from './claims.ts'
import type { NodeClaims } from './nodeClaims.ts'

/** What a person should know of the plan of a node. What is said of several nodes alike is one object. */
export type ClusterFindings = (claims: NodeClaims) => Diagnostic[]

export function clusterFindings(cluster: ClusterClaims): ClusterFindings {
  const { families } = cluster.context
  const counts = new Map(families.map((family) => [family, countsOf(cluster.portsOf(family))]))
  const always = cluster.ports.filter(opensHealthCheck).map(healthCheckFinding)
  return (claims) => [
    ...families.flatMap((family) => familyFindings(family, counts.get(family) as FamilyCounts, claims)),
    ...always,
  ]
}

interface FamilyCounts {
  readonly ports: number
  readonly nodePorts: number
}

const countsOf = (ports: readonly ServicePort[]): FamilyCounts => ({
  ports: ports.length,
  nodePorts: ports.filter(({ nodePort }) => nodePort !== null).length,
})

function familyFindings(
  family: Family,
  { ports, nodePorts }: FamilyCounts,
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
  return found
}

const opensHealthCheck = ({ healthCheckNodePort, index }: ServicePort): boolean =>
  healthCheckNodePort !== null && index === 0

const healthCheckFinding = ({ service, healthCheckNodePort }: ServicePort): Diagnostic =>
  diagnostic({
    subject: refOf(service.object),
    origin: service.origin,
    code: 'HEALTH_CHECK_EXTERNAL',
    severity: 'info',
    message: `Node port ${healthCheckNodePort} is opened for health checks; an agent on the node has to answer them.`,
    path: ['spec', 'healthCheckNodePort'],
  })
