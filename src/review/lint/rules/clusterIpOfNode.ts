import { clusterAddresses } from '../addresses.ts'
import { inService } from '../subject.ts'
import type { StateRule } from '../types.ts'

export const clusterIpOfNode: StateRule = {
  on: 'state',
  code: 'CLUSTER_IP_OF_NODE',
  severity: 'error',
  title: 'A cluster IP is the address of a node.',
  why: 'Every node binds the address to its own interface, so that the node of that address is cut off from the others.',
  source: 'docs/how-it-works.md',
  mend: 'Create the Service again without clusterIP; service and node networks must not overlap.',
  check: ({ ports, nodesByAddress }) =>
    clusterAddresses(ports).flatMap(({ service, address, path }) => {
      const node = nodesByAddress.get(address)
      return node === undefined
        ? []
        : [inService(service, path, `The cluster IP ${address} is an address of node ${node}.`)]
    }),
}
