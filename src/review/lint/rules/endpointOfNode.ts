import { suspects } from '../endpoints.ts'
import { inObject } from '../subject.ts'
import type { StateRule } from '../types.ts'

export const endpointOfNode: StateRule = {
  on: 'state',
  code: 'ENDPOINT_OF_NODE',
  severity: 'warning',
  title: 'An endpoint that somebody wrote is a node.',
  why: "Whoever may write endpoints reaches ports of nodes through the Service, with the node's own address as the source (CVE-2021-25740).",
  source: 'https://github.com/kubernetes/kubernetes/issues/103675',
  mend: 'Take the endpoint out; a program of a node that is meant to be reached deserves an allowance with a reason.',
  check: (subject) =>
    suspects(subject).flatMap(({ address, source, path, service }) => {
      const node = subject.nodesByAddress.get(address)
      if (node === undefined || subject.apiServers.has(address)) return []
      return [inObject(source, path, service, `The endpoint ${address} is node ${node}.`)]
    }),
}
