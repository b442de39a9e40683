import { type Diagnostic, diagnostic, type JsonPath } from '../diagnostics/diagnostics.ts'
import { valueAt } from '../kube/assumed.ts'
import type { Sourced } from '../kube/cluster.ts'
import { ObjectReport } from '../kube/report.ts'
import type { Service } from '../kube/types.ts'
import { formatNetwork } from '../net/address.ts'
import type { Ranges } from './types.ts'

/** One note for each Service. */
export function assumedDiagnostics(service: Sourced<Service>): Diagnostic[] {
  const { object, assumed = [] } = service
  const [first] = assumed
  if (first === undefined) return []
  const report = new ObjectReport(service)
  const values = assumed.map((path) => `${fieldWords(object, path)} ${String(valueAt(object, path))}`)
  report.add({
    code: 'ASSUMED_VALUE',
    severity: 'info',
    message: `Assumed, since the cluster has yet to choose: ${values.join(', ')}.`,
    path: first,
  })
  return report.diagnostics
}

function fieldWords({ spec }: Service, [part, field, index]: JsonPath): string {
  if (part === 'status') return 'load balancer address'
  if (field === 'clusterIPs') return 'cluster IP'
  if (field === 'healthCheckNodePort') return 'health-check node port'
  const port = spec?.ports?.[index as number]
  return `node port of ${port?.name || port?.port}:`
}

/** Said once, where something was taken from networks that nobody stated. */
export function inferredNetworks({ networks, inferred }: Ranges, allocated: number): Diagnostic[] {
  if (!inferred || allocated === 0) return []
  return [
    diagnostic({
      code: 'SERVICE_CIDR_INFERRED',
      severity: 'info',
      message: `Cluster IPs are assumed to come from ${networks.map(formatNetwork).join(' and ')}, as the addresses in use look like; --service-cidr says what is right.`,
    }),
  ]
}
