import { clusterAddresses, externalAddresses } from './addresses.ts'
import type { ClusterSubject } from './subject.ts'
import type { GuardedChange } from './types.ts'

/** An address that one Service had, and who has it after; `null`: nobody. */
export interface Handover {
  readonly address: string
  readonly kind: string
  readonly from: string
  readonly to: string | null
}

/** Addresses that their Services no longer have. Without clusters on both sides, nobody can tell. */
export function handovers({ before, after }: GuardedChange): Handover[] {
  if (before.cluster === null || after.cluster === null) return []
  const [old, now] = [addressesOf(before.cluster), addressesOf(after.cluster)]
  return [...old].flatMap(([address, { kind, owners }]) => {
    const later = now.get(address)?.owners ?? new Set<string>()
    return [...owners]
      .filter((owner) => !later.has(owner))
      .map((from) => ({ address, kind, from, to: [...later].find((owner) => !owners.has(owner)) ?? null }))
  })
}

interface Owned {
  readonly kind: string
  readonly owners: Set<string>
}

function addressesOf({ ports }: ClusterSubject): ReadonlyMap<string, Owned> {
  const found = new Map<string, Owned>()
  const add = (address: string, kind: string, owner: string): void => {
    const known = found.get(address)
    if (known === undefined) found.set(address, { kind, owners: new Set([owner]) })
    else known.owners.add(owner)
  }
  for (const { address, name } of clusterAddresses(ports)) add(address, 'cluster IP', name)
  for (const { address, name, by } of externalAddresses(ports)) add(address, by, name)
  return found
}
