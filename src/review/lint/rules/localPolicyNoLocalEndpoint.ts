import { hasUsable, nodesWithout } from '../local.ts'
import { oncePerService } from '../placement.ts'
import { inService } from '../subject.ts'
import type { StateRule } from '../types.ts'
import { counted } from '../words.ts'

export const localPolicyNoLocalEndpoint: StateRule = {
  on: 'state',
  code: 'LOCAL_POLICY_NO_LOCAL_ENDPOINT',
  severity: 'info',
  title: 'externalTrafficPolicy is Local, and some nodes hold no endpoint.',
  why: 'A client from outside that comes to such a node is not answered as from others: where a load balancer does not ask the health-check node port, it sends clients there.',
  source: 'https://kubernetes.io/docs/reference/networking/virtual-ips/#external-traffic-policy',
  mend: 'Run a Pod on each node that clients come to, or use externalTrafficPolicy: Cluster.',
  check: ({ ports, nodes }) =>
    oncePerService(ports, (port) => {
      if (port.externalPolicy !== 'Local' || !hasUsable(port)) return null
      const without = nodesWithout(port, nodes)
      return without.length === 0 ? null : without
    }).map(({ port, found }) => ({
      ...inService(
        port.service,
        ['spec', 'externalTrafficPolicy'],
        `${found.length} of ${counted(nodes.length, 'node')} hold no endpoint of it.`,
      ),
      nodes: found,
    })),
}
