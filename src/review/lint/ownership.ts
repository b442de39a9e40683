import { assumedValues } from '../../kube/assumed.ts'
import { type ClusterAddress, clusterAddresses, externalAddresses } from './addresses.ts'
import type { ClusterSubject } from './subject.ts'
import type { GuardedChange } from './types.ts'

/** An address that one Service had, and who has it after; `null`: nobody. */
export interface Handover {
  readonly address: string
  readonly kind: string
  readonly from: string
  readonly to: string | null
  /** Whether nobody ever stated the address, so that its value says nothing. */
  readonly isAssumed: boolean
}

/** Addresses that their Services no longer have. Without clusters on both sides, nobody can tell. */
export function handovers({ before, after }: GuardedChange): Handover[] {
  if (before.cluster === null || after.cluster === null) return []
  const [old, now] = [addressesOf(before.cluster), addressesOf(after.cluster)]
  return [...old].flatMap(([address, { kind, owners }]) => {
    const later = now.get(address)?.owners ?? new Map<string, boolean>()
    return [...owners]
      .filter(([owner]) => !later.has(owner))
      .map(([from, isAssumed]) => {
        const taker = [...later].find(([owner, assumed]) => !owners.has(owner) && !assumed)
        return { address, kind, from, to: isAssumed ? null : (taker?.[0] ?? null), isAssumed }
      })
  })
}

interface Owned {
  readonly kind: string
  /** By name, whether the address is assumed. */
  readonly owners: Map<string, boolean>
}

function addressesOf({ ports }: ClusterSubject): ReadonlyMap<string, Owned> {
  const found = new Map<string, Owned>()
  const add = ({ service, name, address }: ClusterAddress, kind: string): void => {
    const isAssumed = assumedValues(service).has(address)
    const known = found.get(address)
    if (known === undefined) found.set(address, { kind, owners: new Map([[name, isAssumed]]) })
    else known.owners.set(name, isAssumed)
  }
  for (const one of clusterAddresses(ports)) add(one, 'cluster IP')
  for (const one of externalAddresses(ports)) add(one, one.by)
  return found
}
