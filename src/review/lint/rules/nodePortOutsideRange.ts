import { inService } from '../subject.ts'
import type { StateRule } from '../types.ts'

export const nodePortOutsideRange: StateRule = {
  on: 'state',
  code: 'NODE_PORT_OUTSIDE_RANGE',
  severity: 'warning',
  title: 'A node port is outside of the range of node ports.',
  why: 'The API server refuses it, and a port below or above may be one that a program of the node, or a connection that it opens, uses.',
  source: 'https://kubernetes.io/docs/concepts/services-networking/service/#type-nodeport',
  mend: 'Choose a node port of the range, or name the range of the cluster with --service-node-port-range.',
  check: ({ ports, ranges: { nodePorts } }) => {
    const seen = new Set<string>()
    return ports.flatMap(({ service, nodePort, index, key }) => {
      const isInside = nodePort === null || (nodePort >= nodePorts.first && nodePort <= nodePorts.last)
      if (isInside || seen.has(`${key} ${index}`)) return []
      seen.add(`${key} ${index}`)
      return [
        inService(
          service,
          ['spec', 'ports', index, 'nodePort'],
          `The node port ${nodePort} is outside of ${nodePorts.first}-${nodePorts.last}.`,
        ),
      ]
    })
  },
}
