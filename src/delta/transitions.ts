import { kernelSetName, type SetName } from '../kernel/sets.ts'
import { FAMILIES, type Family } from '../net/family.ts'

/**
 * How entries of sets have to come and go while a node is on its way from one plan to another, so that no packet
 * meets a state that neither plan has.
 */

/** What is in them is refused, or has to be allowed by another set: last to gain, first to lose. */
const STRICT: readonly SetName[] = ['KUBE-LOAD-BALANCER-FW', 'KUBE-IPVS-IPS']

/**
 * What is in them is not masqueraded although another set says so, which is right only while real servers of other nodes
 * get nothing: an entry comes when those have left, and goes before they come. A new entry of both sets comes at once.
 */
const EXEMPTIONS: readonly (readonly [exempting: SetName, exempted: SetName])[] = [
  ['KUBE-LOAD-BALANCER-LOCAL', 'KUBE-LOAD-BALANCER'],
  ['KUBE-NODE-PORT-LOCAL-TCP', 'KUBE-NODE-PORT-TCP'],
  ['KUBE-NODE-PORT-LOCAL-UDP', 'KUBE-NODE-PORT-UDP'],
  ['KUBE-NODE-PORT-LOCAL-SCTP-HASH', 'KUBE-NODE-PORT-SCTP-HASH'],
]

/** Names in the kernel. */
export const strictSets = (families: readonly Family[]): string[] =>
  families.flatMap((family) => STRICT.map((name) => kernelSetName(name, family)))

/** Names in the kernel: the set that exempts, and the one that it exempts from. */
export const exemptions = (families: readonly Family[]): (readonly [exempting: string, exempted: string])[] =>
  families.flatMap((family) =>
    EXEMPTIONS.map(
      ([exempting, exempted]) => [kernelSetName(exempting, family), kernelSetName(exempted, family)] as const,
    ),
  )

const ALL_STRICT: ReadonlySet<string> = new Set(strictSets(FAMILIES))
const ALL_EXEMPTIONS: ReadonlyMap<string, string> = new Map(exemptions(FAMILIES))

export const isStrict = (set: string): boolean => ALL_STRICT.has(set)
export const exemptedBy = (set: string): string | null => ALL_EXEMPTIONS.get(set) ?? null
