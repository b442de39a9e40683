import { suspects } from '../endpoints.ts'
import { inObject } from '../subject.ts'
import type { StateRule } from '../types.ts'

export const endpointOfApiServer: StateRule = {
  on: 'state',
  code: 'ENDPOINT_OF_API_SERVER',
  severity: 'error',
  title: 'An endpoint that somebody wrote is the API server.',
  why: 'Whoever may write endpoints opens the API server to whoever reaches the Service, past policies that guard it (CVE-2021-25740).',
  source: 'https://github.com/kubernetes/kubernetes/issues/103675',
  mend: 'Take the endpoint out; clients reach the API server as kubernetes.default.',
  check: (subject, { networks }) => {
    const known = new Set([...subject.apiServers, ...networks.apiServers])
    return suspects(subject)
      .filter(({ address }) => known.has(address))
      .map(({ address, source, path, service }) =>
        inObject(source, path, service, `The endpoint ${address} is the API server.`),
      )
  },
}
