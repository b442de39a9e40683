import { inService } from '../subject.ts'
import type { StateRule } from '../types.ts'

export const nodePortPastSourceRanges: StateRule = {
  on: 'state',
  code: 'NODE_PORT_PAST_SOURCE_RANGES',
  severity: 'info',
  title: 'A load balancer has source ranges, and its node port is open to all.',
  why: 'Source ranges are asked at the load balancer address alone: whoever reaches a node reaches the Service by its node port.',
  source: 'docs/how-it-works.md',
  mend: 'Set allocateLoadBalancerNodePorts: false and take nodePort out, where the load balancer does not need it.',
  check: ({ ports }) =>
    ports.flatMap(({ service, index, nodePort, sourceRanges, family }) =>
      nodePort === null || sourceRanges.length === 0
        ? []
        : [
            inService(
              service,
              ['spec', 'ports', index, 'nodePort'],
              `The node port ${nodePort} (${family}) takes no notice of the source ranges.`,
            ),
          ],
    ),
}
