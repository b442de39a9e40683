import { familyOf, networkContains, parseNetwork } from '../net/address.ts'
import { type VirtualServerKey, virtualServerKey } from './keys.ts'
import type { Plan } from './types.ts'

/** Which part of what a node holds belongs to a plan. */

/** Whether an address is inside the `excludeCIDRs` of a plan. */
export function isExcluded({ excludeCIDRs }: Plan): (server: { readonly address: string }) => boolean {
  const networks = excludeCIDRs.flatMap((text) => parseNetwork(text) ?? [])
  return ({ address }) => networks.some((network) => networkContains(network, address))
}

/** Whether a virtual server is a plan's to keep or to remove: of its families, and wanted or outside of its `excludeCIDRs`. */
export function isInScope(plan: Plan): (server: VirtualServerKey) => boolean {
  const excluded = isExcluded(plan)
  const wanted = new Set(plan.virtualServers.filter(excluded).map(virtualServerKey))
  return (server) =>
    plan.families.includes(familyOf(server.address)) &&
    (!excluded(server) || wanted.has(virtualServerKey(server)))
}

/**
 * What of a state a plan speaks of: its families, without virtual servers inside its `excludeCIDRs` that it does not want itself.
 */
export function inScope(state: Plan, plan: Plan): Plan {
  const { families, excludeCIDRs } = plan
  const isOurs = (address: string): boolean => families.includes(familyOf(address))
  return {
    ...state,
    families,
    excludeCIDRs,
    virtualServers: state.virtualServers.filter(isInScope(plan)),
    sets: state.sets.filter(({ family }) => families.includes(family)),
    tables: state.tables.filter(({ family }) => families.includes(family)),
    dummyInterface: { ...state.dummyInterface, addresses: state.dummyInterface.addresses.filter(isOurs) },
  }
}
