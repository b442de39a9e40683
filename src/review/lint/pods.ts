import { addressesOf, mayServe } from '../../desired/pods.ts'
import type { Sourced } from '../../kube/cluster.ts'
import { namespaceOf } from '../../kube/names.ts'
import type { Pod } from '../../kube/types.ts'
import { canonicalAddress } from '../../net/address.ts'

/** Pods by address, each with its namespace. One in the network of its node shares an address with others. */
export type PodsByAddress = ReadonlyMap<string, readonly Sourced<Pod>[]>

export function podAddressesByNamespace(pods: readonly Sourced<Pod>[]): PodsByAddress {
  const found = new Map<string, Sourced<Pod>[]>()
  for (const pod of pods) {
    if (!mayServe(pod.object)) continue
    for (const text of addressesOf(pod.object)) {
      const address = canonicalAddress(text) ?? text
      const known = found.get(address)
      if (known === undefined) found.set(address, [pod])
      else known.push(pod)
    }
  }
  return found
}

export const isOfNamespace = (pods: readonly Sourced<Pod>[] | undefined, namespace: string): boolean =>
  (pods ?? []).some(({ object }) => namespaceOf(object) === namespace)

/** Whether a Pod has a label of a program, in any of the ways that its charts write it. */
export const hasLabel = ({ metadata }: Pod, values: ReadonlySet<string>): boolean =>
  Object.entries(metadata.labels ?? {}).some(([key, value]) => NAME_LABELS.has(key) && values.has(value))

const NAME_LABELS: ReadonlySet<string> = new Set([
  'app',
  'k8s-app',
  'name',
  'component',
  'app.kubernetes.io/name',
  'app.kubernetes.io/component',
])
