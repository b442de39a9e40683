import { externalAddresses } from '../addresses.ts'
import { inService } from '../subject.ts'
import type { StateRule } from '../types.ts'

export const addressOfNode: StateRule = {
  on: 'state',
  code: 'ADDRESS_OF_NODE',
  severity: 'error',
  title: 'An external IP or load balancer address is that of a node.',
  why: 'Every node answers for the address, so that what is meant for that node (its kubelet, ssh) on the same port ends at the Service (CVE-2020-8554).',
  source: 'https://github.com/kubernetes/kubernetes/issues/97076',
  mend: 'Use an address that belongs to no node, or a node port.',
  check: ({ ports, nodesByAddress, apiServers }) =>
    externalAddresses(ports).flatMap(({ service, address, path, by }) => {
      const node = nodesByAddress.get(address)
      if (node === undefined || apiServers.has(address)) return []
      return [inService(service, path, `The ${by} ${address} is an address of node ${node}.`)]
    }),
}
