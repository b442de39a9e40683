import { externalAddresses, isInside, networkList } from '../addresses.ts'
import { inService } from '../subject.ts'
import type { StateRule } from '../types.ts'

export const loadBalancerNotAllowed: StateRule = {
  on: 'state',
  code: 'LOAD_BALANCER_NOT_ALLOWED',
  severity: 'warning',
  title: 'A load balancer address is outside of the networks that are allowed.',
  why: 'Whoever may write the status of a Service may take any address (CVE-2020-8554).',
  source: 'https://github.com/kubernetes/kubernetes/issues/97076',
  mend: 'Find out who wrote the address, or name its network in lint.networks.loadBalancers of ipvsc.yaml.',
  check: ({ ports }, { networks: { loadBalancers } }) =>
    loadBalancers === null
      ? []
      : externalAddresses(ports)
          .filter(({ by, address }) => by === 'load balancer address' && !isInside(loadBalancers, address))
          .map(({ service, address, path }) =>
            inService(
              service,
              path,
              `The load balancer address ${address} is not allowed: ${networkList(loadBalancers)} is.`,
            ),
          ),
}
