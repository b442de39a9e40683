import { clusterIPsOf, isHeadless, typeOf } from '../kube/defaults.ts'
import type { Report } from '../kube/report.ts'
import { familyOf } from '../net/address.ts'
import type { Draft, Ranges } from './types.ts'

export type ApiFamily = 'IPv4' | 'IPv6'

export const apiFamily = (address: string): ApiFamily => (familyOf(address) === 'ipv4' ? 'IPv4' : 'IPv6')
export const otherFamily = (family: string): ApiFamily => (family === 'IPv4' ? 'IPv6' : 'IPv4')

/** The families of a cluster, the primary one first. */
export const familiesOf = ({ networks }: Ranges): ApiFamily[] => [
  ...new Set(networks.map(({ family }): ApiFamily => (family === 'ipv4' ? 'IPv4' : 'IPv6'))),
]

/**
 * Fills in `ipFamilies`, `ipFamilyPolicy` and room for cluster IPs as the API server does: `clusterIPs` has an empty text for
 * each that is to be allocated. `false`: it refuses the Service.
 */
export function fillFamilies({ spec, before }: Draft, ranges: Ranges, report: Report): boolean {
  if (typeOf(spec) === 'ExternalName') return true
  const known = familiesOf(ranges)
  const old = before?.object.spec
  const unchanged =
    old !== undefined &&
    old !== null &&
    spec.ipFamilyPolicy === (old.ipFamilyPolicy ?? undefined) &&
    String(spec.ipFamilies ?? '') === String(old.ipFamilies ?? '') &&
    String(spec.clusterIPs ?? '') === String(old.clusterIPs ?? '')
  // A cluster that became dual-stack leaves its Services as they are.
  if (unchanged && (clusterIPsOf(spec).length > 0 || isHeadless(spec))) return true
  const selectorless = isHeadless(spec) && Object.keys(spec.selector ?? {}).length === 0
  const policy =
    spec.ipFamilyPolicy ?? old?.ipFamilyPolicy ?? (selectorless ? 'RequireDualStack' : 'SingleStack')
  spec.ipFamilyPolicy = policy
  const addresses = isHeadless(spec) ? [] : clusterIPsOf(spec)
  let families = spec.ipFamilies?.length ? [...spec.ipFamilies] : addresses.map(apiFamily)
  if (families.length === 0) families = [known[0] ?? 'IPv4']
  if (policy === 'SingleStack') families = families.slice(0, 1)
  else if (families.length === 1 && (selectorless || known.length === 2))
    families.push(otherFamily(families[0] as string))
  spec.ipFamilies = families
  if (isHeadless(spec)) spec.clusterIPs = ['None']
  else spec.clusterIPs = families.map((_, index) => addresses[index] ?? '')
  if (selectorless || isServed(policy, families, known, ranges, report)) return true
  if (!ranges.inferred) return false
  // What the addresses in use tell may be too little: what they do tell is served.
  const served = families.filter((family) => known.includes(family as ApiFamily))
  spec.ipFamilies = served.length > 0 ? served : known.slice(0, 1)
  if (!isHeadless(spec))
    spec.clusterIPs = spec.ipFamilies.map(
      (family) => addresses.find((address) => apiFamily(address) === family) ?? '',
    )
  return true
}

function isServed(
  policy: string,
  families: readonly string[],
  known: readonly string[],
  { inferred }: Ranges,
  report: Report,
): boolean {
  const missing = families.find((family) => !known.includes(family))
  if (missing === undefined && !(policy === 'RequireDualStack' && families.length < 2)) return true
  const has = known.join(' and ')
  report({
    code: 'SERVICE_REFUSED',
    severity: inferred ? 'warning' : 'error',
    message:
      missing === undefined
        ? `The API server refuses a Service that requires two families: the cluster has only ${has}.`
        : `The API server refuses a Service of ${missing}: the cluster has only ${has}.`,
    path:
      missing === undefined ? ['spec', 'ipFamilyPolicy'] : ['spec', 'ipFamilies', families.indexOf(missing)],
    found: missing ?? policy,
    expected: inferred ? `${has}, as far as the addresses in use tell; --service-cidr says more` : has,
  })
  return false
}
