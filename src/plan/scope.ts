import { familyOf, networkContains, parseNetwork } from '../net/address.ts'
import type { Plan, VirtualServer } from './types.ts'

/** Which part of what a node holds belongs to a plan. */

/** Whether an address is inside the `excludeCIDRs` of a plan. */
export function isExcluded({ excludeCIDRs }: Plan): (server: Pick<VirtualServer, 'address'>) => boolean {
  const networks = excludeCIDRs.flatMap((text) => parseNetwork(text) ?? [])
  return ({ address }) => networks.some((network) => networkContains(network, address))
}

const keyOf = ({ protocol, address, port }: VirtualServer): string => `${protocol} ${address} ${port}`

/**
 * What of a state a plan speaks of: its families, without virtual servers inside its `excludeCIDRs` that it does not want itself.
 */
export function inScope(state: Plan, plan: Plan): Plan {
  const { families, excludeCIDRs } = plan
  const excluded = isExcluded(plan)
  const wanted = new Set(plan.virtualServers.filter(excluded).map(keyOf))
  const isOurs = (address: string): boolean => families.includes(familyOf(address))
  return {
    ...state,
    families,
    excludeCIDRs,
    virtualServers: state.virtualServers.filter(
      (server) => isOurs(server.address) && (!excluded(server) || wanted.has(keyOf(server))),
    ),
    sets: state.sets.filter(({ family }) => families.includes(family)),
    tables: state.tables.filter(({ family }) => families.includes(family)),
    dummyInterface: { ...state.dummyInterface, addresses: state.dummyInterface.addresses.filter(isOurs) },
  }
}
