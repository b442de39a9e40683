import { nodesOfReady, oncePerService } from '../placement.ts'
import { inService } from '../subject.ts'
import type { StateRule } from '../types.ts'

export const endpointsInOneZone: StateRule = {
  on: 'state',
  code: 'ENDPOINTS_IN_ONE_ZONE',
  severity: 'info',
  title: 'All ready endpoints, on several nodes, are in one zone.',
  why: 'The Service is gone with that zone, and clients of other zones always cross zones.',
  source: 'https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/',
  mend: 'Spread the Pods: topologySpreadConstraints by topology.kubernetes.io/zone.',
  check: ({ ports, zones }) => {
    const known = new Set([...zones.values()].filter((zone) => zone !== null))
    if (known.size < 2) return []
    return oncePerService(ports, (port) => {
      const placed = new Set(nodesOfReady(port) ?? [])
      if (placed.size < 2) return null
      const [zone, ...others] = new Set([...placed].map((node) => zones.get(node) ?? null))
      return others.length === 0 ? (zone ?? null) : null
    }).map(({ port, found }) =>
      inService(port.service, ['spec'], `All ready endpoints are in zone ${found} of ${known.size}.`),
    )
  },
}
