import { familyOf, networkContains } from '../../../net/address.ts'
import { clusterAddresses, networkList } from '../addresses.ts'
import { inService } from '../subject.ts'
import type { StateRule } from '../types.ts'

export const clusterIpOutsideRange: StateRule = {
  on: 'state',
  code: 'CLUSTER_IP_OUTSIDE_RANGE',
  severity: 'error',
  title: 'A cluster IP is outside of the service networks.',
  why: 'The API server refuses such a Service, and routes and policies for the service networks do not reach it.',
  source: 'https://kubernetes.io/docs/concepts/services-networking/cluster-ip-allocation/',
  mend: 'Leave clusterIP out, or choose one of a service network.',
  check: ({ ports, ranges: { networks, inferred } }) =>
    inferred
      ? []
      : clusterAddresses(ports).flatMap(({ service, address, path }) => {
          const own = networks.filter(({ family }) => family === familyOf(address))
          if (own.some((network) => networkContains(network, address))) return []
          return [
            inService(
              service,
              path,
              `The cluster IP ${address} is outside of ${networkList(own.length > 0 ? own : networks)}.`,
            ),
          ]
        }),
}
