import { hasUsable, nodesWithout } from '../local.ts'
import { oncePerService } from '../placement.ts'
import { inService } from '../subject.ts'
import type { StateRule } from '../types.ts'
import { counted } from '../words.ts'

export const internalPolicyNoLocalEndpoint: StateRule = {
  on: 'state',
  code: 'INTERNAL_POLICY_NO_LOCAL_ENDPOINT',
  severity: 'warning',
  title: 'internalTrafficPolicy is Local, and some nodes hold no endpoint.',
  why: 'Pods of such a node are refused at the cluster IP, though the Service has endpoints elsewhere.',
  source: 'https://kubernetes.io/docs/concepts/services-networking/service-traffic-policy/',
  mend: 'Run a Pod on each node (a DaemonSet), or use internalTrafficPolicy: Cluster.',
  check: ({ ports, nodes }) =>
    oncePerService(ports, (port) => {
      if (port.internalPolicy !== 'Local' || !hasUsable(port)) return null
      const without = nodesWithout(port, nodes)
      return without.length === 0 ? null : without
    }).map(({ port, found }) => ({
      ...inService(
        port.service,
        ['spec', 'internalTrafficPolicy'],
        `${found.length} of ${counted(nodes.length, 'node')} hold no endpoint of it.`,
      ),
      nodes: found,
    })),
}
