import { externalAddresses, isInside, networkList } from '../addresses.ts'
import { inService } from '../subject.ts'
import type { StateRule } from '../types.ts'

export const externalIpNotAllowed: StateRule = {
  on: 'state',
  code: 'EXTERNAL_IP_NOT_ALLOWED',
  severity: 'warning',
  title: 'An external IP is outside of the networks that are allowed.',
  why: 'Whoever may write a Service may take any address with externalIPs (CVE-2020-8554), and they are deprecated since Kubernetes 1.36.',
  source: 'https://github.com/kubernetes/enhancements/issues/5707',
  mend: 'Name the networks in lint.networks.externalIPs of ipvsc.yaml, or use a LoadBalancer or a Gateway.',
  check: ({ ports }, { networks: { externalIPs } }) =>
    externalAddresses(ports)
      .filter(({ by, address }) => by === 'external IP' && !isInside(externalIPs, address))
      .map(({ service, address, path }) =>
        inService(
          service,
          path,
          `The external IP ${address} is not allowed: ${networkList(externalIPs)} is.`,
        ),
      ),
}
