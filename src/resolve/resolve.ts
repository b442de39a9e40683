import type { Diagnostic } from '../diagnostics/diagnostics.ts'
import type { Scheduler } from '../kernel/schedulers.ts'
import type { Cluster } from '../kube/cluster.ts'
import { fullName } from '../kube/names.ts'
import { sortedBy } from '../order.ts'
import { settleConflicts } from './conflicts.ts'
import { indexEndpoints, joinEndpoints } from './endpoints.ts'
import type { ResolveMemo } from './memo.ts'
import type { ConflictPolicy } from './options.ts'
import { type BareServicePort, type ResolvedService, resolveService } from './services.ts'
import type { EndpointGroup, EndpointSource, ResolvedCluster, ServicePort } from './types.ts'

export interface ResolveOptions {
  /** The configured scheduler, which annotated flags apply to. */
  readonly scheduler: Scheduler
  readonly onConflict: ConflictPolicy
}

/**
 * Everything about a cluster that is the same for each of its nodes. Objects with an error are left out. A memo makes resolving a
 * cluster again cost what was replaced.
 */
export function resolveCluster(
  cluster: Cluster,
  { scheduler, onConflict }: ResolveOptions,
  memo?: ResolveMemo,
): { resolved: ResolvedCluster; diagnostics: readonly Diagnostic[] } {
  const services = sortedBy(cluster.services, ({ object }) => fullName(object)).map((service) => {
    const resolve = (): ResolvedService => resolveService(service, scheduler)
    return memo === undefined ? resolve() : memo.service(service, scheduler, resolve)
  })
  const settled = settleConflicts(
    services.flatMap(({ servicePorts }) => sortedBy(servicePorts, portOrder)),
    onConflict,
  )
  const { index, sources, diagnostics } = indexEndpoints(cluster, memo)
  const servicePorts = settled.servicePorts.map((servicePort) => {
    const name = fullName(servicePort.service.object)
    const stated = { groups: index.get(name) ?? [], sources: sources.get(name) ?? [] }
    const join = (): ServicePort => withEndpoints(servicePort, stated)
    return memo === undefined ? join() : memo.port(servicePort, stated, join)
  })
  return {
    resolved: { servicePorts, serviceCount: new Set(servicePorts.map(({ service }) => service)).size },
    diagnostics: [
      ...services.flatMap((service) => service.diagnostics),
      ...settled.diagnostics,
      ...diagnostics,
    ],
  }
}

/** The name of a port does not depend on its place in the list, but its protocol and number break ties. */
const portOrder = (servicePort: BareServicePort): string =>
  `${portName(servicePort)} ${servicePort.protocol} ${String(servicePort.port).padStart(5, '0')} ${servicePort.family}`

const portName = ({ service, index }: BareServicePort): string =>
  service.object.spec?.ports?.[index]?.name ?? ''

/** A copy, field by field: a spread takes many times as long. */
const withEndpoints = (
  bare: BareServicePort,
  {
    groups,
    sources,
  }: { readonly groups: readonly EndpointGroup[]; readonly sources: readonly EndpointSource[] },
): ServicePort => ({
  key: bare.key,
  service: bare.service,
  family: bare.family,
  protocol: bare.protocol,
  port: bare.port,
  index: bare.index,
  clusterIP: bare.clusterIP,
  externalIPs: bare.externalIPs,
  loadBalancerVIPs: bare.loadBalancerVIPs,
  sourceRanges: bare.sourceRanges,
  nodePort: bare.nodePort,
  healthCheckNodePort: bare.healthCheckNodePort,
  internalPolicy: bare.internalPolicy,
  externalPolicy: bare.externalPolicy,
  persistenceTimeout: bare.persistenceTimeout,
  scheduling: bare.scheduling,
  drainTimeout: bare.drainTimeout,
  endpoints: joinEndpoints(groups, bare.family, portName(bare), bare.protocol.toUpperCase()),
  sources,
})
