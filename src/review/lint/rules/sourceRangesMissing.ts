import { fullName } from '../../../kube/names.ts'
import { inService } from '../subject.ts'
import type { StateRule } from '../types.ts'

export const sourceRangesMissing: StateRule = {
  on: 'state',
  code: 'SOURCE_RANGES_MISSING',
  severity: 'info',
  title: 'A load balancer address has no source range of its family.',
  why: 'Whoever reaches the address reaches the Service, while all that ipvsc can close of it is closed by source ranges.',
  source: 'https://kubernetes.io/docs/reference/networking/virtual-ips/',
  mend: 'Name who may ask in loadBalancerSourceRanges, or silence this where all may.',
  check: ({ ports }) => {
    const seen = new Set<string>()
    return ports.flatMap(({ service, family, sourceRanges, loadBalancerVIPs }) => {
      const key = `${fullName(service.object)} ${family}`
      const [first] = loadBalancerVIPs
      if (first === undefined || sourceRanges.length > 0 || seen.has(key)) return []
      seen.add(key)
      return [
        inService(
          service,
          first.path,
          `The load balancer address ${first.address} has no source range, so it is open to all that reach it.`,
        ),
      ]
    })
  },
}
