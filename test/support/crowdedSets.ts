import { exemptedBy } from '../../src/delta/transitions.ts'
import type { IpPortEntry, IpSet, Plan } from '../../src/index.ts'
import { buildSet } from '../../src/plan/sets.ts'

type HashSet = Exclude<IpSet, { readonly type: 'bitmap:port' }>

/** So many entries of a set, in a network of their own. */
const crowd = (network: number, count: number): IpPortEntry[] =>
  Array.from({ length: count }, (_, index) => ({
    address: `10.${network + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`,
    protocol: 'tcp',
    port: 80,
  }))

export interface CrowdedWay {
  readonly from: Plan
  readonly to: Plan
  /** What the set has to take while it holds what comes beside what leaves; `null`: it has room for both. */
  readonly most: number | null
}

/** Plans that differ in many entries of KUBE-CLUSTER-IP. */
export function crowdedWays(plan: Plan): CrowdedWay[] {
  const holding = (entries: readonly IpPortEntry[]): Plan => ({
    ...plan,
    sets: plan.sets.map((set) =>
      set.name === 'KUBE-CLUSTER-IP' ? buildSet(set.name, set.family, set.type, entries) : set,
    ),
  })
  const [full, other, large] = [crowd(100, 60_000), crowd(110, 60_000), crowd(100, 100_000)].map(holding) as [
    Plan,
    Plan,
    Plan,
  ]
  const [few, fewOthers] = [crowd(100, 3000), crowd(110, 3000)].map(holding) as [Plan, Plan]
  return [
    { from: full, to: other, most: 131_072 },
    { from: other, to: large, most: 262_144 },
    { from: large, to: other, most: 262_144 },
    { from: few, to: fewOthers, most: null },
    // It loses more than it keeps.
    { from: few, to: holding(crowd(100, 10)), most: 65_536 },
  ]
}

/**
 * Plans between which what exempts from masquerading changes, in sets that are filled anew: of other sizes, and without room for
 * what comes beside what leaves. What many more entries stand for is served by nobody.
 */
export function exemptingWays(cluster: Plan, local: Plan): Omit<CrowdedWay, 'most'>[] {
  const rebuilt = (plan: Plan, change: (set: HashSet) => IpSet): Plan => ({
    ...plan,
    sets: plan.sets.map((set) =>
      exemptedBy(set.name) === null || set.type === 'bitmap:port' ? set : change(set),
    ),
  })
  const larger = (plan: Plan): Plan => rebuilt(plan, (set) => ({ ...set, maxElements: 2 * set.maxElements }))
  const full = (plan: Plan, network: number): Plan =>
    rebuilt(plan, ({ name, family, type, entries }) => ({
      ...buildSet(name, family, type, [...entries, ...(type === 'hash:ip,port' ? crowd(network, 1400) : [])]),
      ...{ maxElements: 2048 },
    }))
  // Most of what comes to the exempting set comes last, beside what leaves at the end.
  const [leaving, coming] = [crowd(100, 1100), crowd(110, 1600)]
  const served = (base: readonly IpPortEntry[], exempting: readonly IpPortEntry[]): Plan => ({
    ...cluster,
    sets: cluster.sets.map((set) => {
      const { name, family, type } = set
      if (name === 'KUBE-LOAD-BALANCER') return buildSet(name, family, type, base)
      if (name !== 'KUBE-LOAD-BALANCER-LOCAL') return set
      return { ...buildSet(name, family, type, exempting), maxElements: 2048 } as IpSet
    }),
  })
  return [
    { from: served([...leaving, ...coming], leaving), to: served(coming, coming) },
    { from: cluster, to: larger(local) },
    { from: larger(local), to: cluster },
    { from: full(cluster, 100), to: full(local, 110) },
    { from: full(local, 110), to: full(cluster, 100) },
  ]
}
