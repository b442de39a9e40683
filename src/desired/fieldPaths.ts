import type { JsonPath } from '../diagnostics/diagnostics.ts'
import { isRecord, protocolOf } from '../kube/defaults.ts'
import type { Service } from '../kube/types.ts'

/** Where a Service itself states the fields that `serviceChanges` names; what it is silent about is absent. */
export function fieldPaths({ spec }: Service): ReadonlyMap<string, JsonPath> {
  const paths = new Map<string, JsonPath>()
  if (!isRecord(spec)) return paths
  for (const field of Object.keys(spec)) paths.set(field, ['spec', field])
  const named = { clusterIP: 'cluster IP', healthCheckNodePort: 'health-check node port' }
  for (const [field, name] of Object.entries(named)) if (field in spec) paths.set(name, ['spec', field])
  if ('clusterIPs' in spec) {
    if (!paths.has('cluster IP')) paths.set('cluster IP', ['spec', 'clusterIPs', 0])
    paths.set('second cluster IP', ['spec', 'clusterIPs', 1])
  }
  if ('loadBalancerIP' in spec) paths.set('load balancer address', ['spec', 'loadBalancerIP'])
  const ports = Array.isArray(spec.ports) ? spec.ports : []
  ports.forEach((port: unknown, index) => {
    if (!isRecord(port)) return
    const name = `${port.port}/${protocolOf(port as { protocol?: 'TCP' })}`
    paths.set(`port ${name}`, ['spec', 'ports', index])
    if (port.nodePort) paths.set(`node port of ${name}`, ['spec', 'ports', index, 'nodePort'])
  })
  return paths
}
