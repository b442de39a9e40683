import { nodesOfReady, oncePerService } from '../placement.ts'
import { inService } from '../subject.ts'
import type { StateRule } from '../types.ts'

export const endpointsOnOneNode: StateRule = {
  on: 'state',
  code: 'ENDPOINTS_ON_ONE_NODE',
  severity: 'warning',
  title: 'All ready endpoints, though several, are on one node.',
  why: 'The Service is gone with that node, whatever the number of its Pods.',
  source: 'https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/',
  mend: 'Spread the Pods: topologySpreadConstraints by kubernetes.io/hostname, or a Pod anti-affinity.',
  check: ({ ports, nodes }) =>
    nodes.length < 2
      ? []
      : oncePerService(ports, (port) => {
          const placed = nodesOfReady(port)
          return placed !== null && placed.length > 1 && new Set(placed).size === 1 ? placed : null
        }).map(({ port, found }) =>
          inService(port.service, ['spec'], `All ${found.length} ready endpoints are on node ${found[0]}.`),
        ),
}
