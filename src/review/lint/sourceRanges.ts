import type { JsonPath } from '../../diagnostics/diagnostics.ts'
import type { Sourced } from '../../kube/cluster.ts'
import type { Service } from '../../kube/types.ts'
import type { ServicePort } from '../../resolve/types.ts'

export interface SourceRange {
  readonly service: Sourced<Service>
  /** Without blanks around it. */
  readonly text: string
  readonly path: JsonPath
}

/** Source ranges of each Service, once however many ports it has. */
export function sourceRanges(ports: readonly ServicePort[]): SourceRange[] {
  const seen = new Set<Sourced<Service>>()
  return ports.flatMap(({ service }) => {
    if (seen.has(service)) return []
    seen.add(service)
    return (service.object.spec?.loadBalancerSourceRanges ?? []).map((text, index) => ({
      service,
      text: text.trim(),
      path: ['spec', 'loadBalancerSourceRanges', index],
    }))
  })
}
