import { namespaceOf } from '../../../kube/names.ts'
import { clusterAddresses, type ExternalAddress, externalAddresses } from '../addresses.ts'
import type { Draft } from '../draft.ts'
import { inService } from '../subject.ts'
import type { StateRule } from '../types.ts'

export const addressOfService: StateRule = {
  on: 'state',
  code: 'ADDRESS_OF_SERVICE',
  severity: 'error',
  title: "An external IP or load balancer address is another Service's.",
  why: 'Whoever owns the Service receives what clients send to the other one (CVE-2020-8554).',
  source: 'https://github.com/kubernetes/kubernetes/issues/97076',
  mend: 'Give each Service an address of its own. Load balancers that share one on purpose, and Services of one namespace, are no matter of this rule.',
  check: ({ ports }) => {
    const external = externalAddresses(ports)
    const owners = new Map(clusterAddresses(ports).map(({ address, name }) => [address, name]))
    const byAddress = new Map<string, ExternalAddress[]>()
    for (const one of external) byAddress.set(one.address, [...(byAddress.get(one.address) ?? []), one])
    return external.flatMap((one): Draft[] => {
      const owner = owners.get(one.address)
      if (owner !== undefined)
        return [
          inService(
            one.service,
            one.path,
            `The ${one.by} ${one.address} is the cluster IP of Service ${owner}.`,
          ),
        ]
      const other =
        one.by === 'external IP'
          ? byAddress.get(one.address)?.find((known) => isForeign(one, known))
          : undefined
      if (other === undefined) return []
      return [
        inService(
          one.service,
          one.path,
          `The external IP ${one.address} is a ${other.by} of Service ${other.name}.`,
        ),
      ]
    })
  },
}

/** Another namespace's: what one namespace does with its addresses is its own affair. */
const isForeign = (one: ExternalAddress, other: ExternalAddress): boolean =>
  namespaceOf(one.service.object) !== namespaceOf(other.service.object)
