import { externalAddresses } from '../addresses.ts'
import { inService, isApiService } from '../subject.ts'
import type { StateRule } from '../types.ts'

export const addressOfApiServer: StateRule = {
  on: 'state',
  code: 'ADDRESS_OF_API_SERVER',
  severity: 'error',
  title: 'An external IP or load balancer address is that of the API server.',
  why: 'Whoever owns the Service receives what nodes and Pods send to the API server, tokens among it (CVE-2020-8554).',
  source: 'https://github.com/kubernetes/kubernetes/issues/97076',
  mend: 'Take the address off the Service; find out who put it there.',
  check: ({ ports, apiServers }, { networks }) => {
    const known = new Set([...apiServers, ...networks.apiServers])
    return externalAddresses(ports)
      .filter(({ address, service }) => known.has(address) && !isApiService(service.object))
      .map(({ service, address, path, by }) =>
        inService(service, path, `The ${by} ${address} is an address of the API server.`),
      )
  },
}
