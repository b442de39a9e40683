import type { IpPortEntry, Plan } from '../../src/index.ts'
import { buildSet } from '../../src/plan/sets.ts'

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
