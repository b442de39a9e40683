import { fullName, namespaceOf } from '../../../kube/names.ts'
import { suspects } from '../endpoints.ts'
import { isOfNamespace } from '../pods.ts'
import { inObject } from '../subject.ts'
import type { StateRule } from '../types.ts'

export const endpointOfOtherNamespace: StateRule = {
  on: 'state',
  code: 'ENDPOINT_OF_OTHER_NAMESPACE',
  severity: 'error',
  title: 'An endpoint that somebody wrote is a Pod of another namespace.',
  why: "Whoever may write endpoints of one namespace reaches Pods of another past its ingress and its policies, and network policies see the node's address (CVE-2021-25740).",
  source: 'https://github.com/kubernetes/kubernetes/issues/103675',
  mend: 'Point at a Service of the other namespace (an ExternalName, or a Gateway route with a ReferenceGrant).',
  check: (subject) =>
    suspects(subject).flatMap(({ address, source, path, service }) => {
      const pods = subject.podsByAddress
        .get(address)
        ?.filter(({ object }) => object.spec?.hostNetwork !== true)
      const [pod] = pods ?? []
      if (pod === undefined || isOfNamespace(pods, namespaceOf(source.object))) return []
      return [inObject(source, path, service, `The endpoint ${address} is Pod ${fullName(pod.object)}.`)]
    }),
}
