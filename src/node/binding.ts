import type { Node } from '../kube/types.ts'
import { canonicalAddress } from '../net/address.ts'
import type { ReportedFacts } from './reportedFacts.ts'

/** What tells the machine that a bundle was made for from all others; the script of the bundle compares it. */
export type NodeBinding =
  /** The mark of its machine id, as `apply.sh facts` prints it. */
  | { readonly kind: 'machine'; readonly values: readonly [string] }
  /** InternalIPs of its Node: one of them is on an interface. */
  | { readonly kind: 'address'; readonly values: readonly string[] }
  | { readonly kind: 'hostname'; readonly values: readonly [string] }

const HOSTNAME_LABEL = 'kubernetes.io/hostname'
const HOSTNAME = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/

/**
 * What a Node and the facts of its machine tell, the surest first: the machine id, an InternalIP, the name of the host.
 * `null` where there is neither Node nor machine id: such a bundle fits every machine.
 */
export function nodeBinding(
  node: Node | null,
  facts: Pick<ReportedFacts, 'machine'> | null,
): NodeBinding | null {
  if (facts?.machine) return { kind: 'machine', values: [facts.machine] }
  if (node === null) return null
  const addresses = (node.status?.addresses ?? []).flatMap(({ type, address }) =>
    type === 'InternalIP' ? (canonicalAddress(address) ?? []) : [],
  )
  if (addresses.length > 0) return { kind: 'address', values: [...new Set(addresses)] }
  const hostname = node.metadata.labels?.[HOSTNAME_LABEL] || node.metadata.name
  return HOSTNAME.test(hostname) ? { kind: 'hostname', values: [hostname.toLowerCase()] } : null
}
