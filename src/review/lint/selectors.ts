import { type Candidate, nearestLabels } from '../../desired/expect.ts'
import { mayServe, PodIndex, type Selector, selectorOf, selects } from '../../desired/pods.ts'
import type { Sourced } from '../../kube/cluster.ts'
import { fullName, type KubeObject, namespaceOf } from '../../kube/names.ts'
import type { Service } from '../../kube/types.ts'
import type { ServicePort } from '../../resolve/types.ts'
import type { ClusterSubject } from './subject.ts'

export interface Selecting {
  readonly service: Sourced<Service>
  readonly selector: Selector
}

/** Services with rules, each once. */
export const servicesOf = (ports: readonly ServicePort[]): Sourced<Service>[] => [
  ...new Set(ports.map(({ service }) => service)),
]

/** Services with a selector to which no Pod and no workload answers. Where Pods were not listed, nobody can tell. */
export function unselected({ cluster, ports, pods }: ClusterSubject): Selecting[] {
  if (pods === null) return []
  const services = servicesOf(ports)
  const index = new PodIndex(
    pods,
    services.map(({ object }) => object),
  )
  return services.flatMap((service): Selecting[] => {
    const selector = selectorOf(service.object)
    if (selector === null || index.podsOf(service.object).some(mayServe)) return []
    return expectsPods(service.object, selector, cluster.workloads) ? [] : [{ service, selector }]
  })
}

/** Whether a workload of the inputs has yet to make Pods of a Service. */
export const expectsPods = (
  service: Service,
  selector: Selector,
  workloads: ClusterSubject['cluster']['workloads'] = [],
): boolean =>
  workloads.some(
    ({ object }) => namespaceOf(object) === namespaceOf(service) && selects(selector, object.labels),
  )

/** What a selector may have meant, of the Pods and workloads of its namespace; `null`: nothing comes close. */
export function meantBy(
  { service, selector }: Selecting,
  { cluster, pods }: ClusterSubject,
): Candidate | null {
  const namespace = namespaceOf(service.object)
  const near = <T extends KubeObject>(sources: readonly Sourced<T>[] | null | undefined): T[] =>
    (sources ?? []).map(({ object }) => object).filter((object) => namespaceOf(object) === namespace)
  return nearestLabels(selector, [
    ...near(pods).map((pod) => ({ name: `Pod ${fullName(pod)}`, labels: pod.metadata.labels ?? {} })),
    ...near(cluster.workloads).map((one) => ({ name: `${one.kind} ${fullName(one)}`, labels: one.labels })),
  ])
}
