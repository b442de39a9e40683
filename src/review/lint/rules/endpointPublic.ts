import { isPublic, suspects } from '../endpoints.ts'
import { inObject } from '../subject.ts'
import type { StateRule } from '../types.ts'

export const endpointPublic: StateRule = {
  on: 'state',
  code: 'ENDPOINT_PUBLIC',
  severity: 'warning',
  title: 'An endpoint that somebody wrote is a public address.',
  why: 'Clients of the Service talk to a machine outside of the cluster without knowing it (CVE-2021-25740), and what they send leaves by the node.',
  source: 'https://github.com/kubernetes/kubernetes/issues/103675',
  mend: 'Take the endpoint out, or allow it with a reason.',
  check: (subject) =>
    suspects(subject)
      .filter(({ address }) => isPublic(address, subject) && !subject.nodesByAddress.has(address))
      .map(({ address, source, path, service }) =>
        inObject(source, path, service, `The endpoint ${address} is a public address.`),
      ),
}
