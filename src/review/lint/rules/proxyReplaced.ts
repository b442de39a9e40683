import { hasLabel } from '../pods.ts'
import type { StateRule } from '../types.ts'
import { counted } from '../words.ts'

export const proxyReplaced: StateRule = {
  on: 'state',
  code: 'PROXY_REPLACED',
  severity: 'warning',
  title: 'Cilium runs without a kube-proxy, as where it takes the place of it.',
  why: "Cilium's own programs handle Services before any rule of IPVS sees a packet, so that what ipvsc compiles and proves is not what happens.",
  source: 'https://docs.cilium.io/en/stable/network/kubernetes/kubeproxy-free/',
  mend: 'Set kubeProxyReplacement: false in Cilium where ipvsc is to serve, or silence this where it already is.',
  check: ({ pods }) => {
    const agents = (pods ?? []).filter(({ object }) => hasLabel(object, CILIUM))
    const [first] = agents
    if (first === undefined || (pods ?? []).some(({ object }) => hasLabel(object, KUBE_PROXY))) return []
    return [
      {
        message: `${counted(agents.length, 'Cilium agent')} ${agents.length === 1 ? 'runs' : 'run'}, and no kube-proxy.`,
        subject: {
          kind: 'Pod',
          namespace: first.object.metadata.namespace || 'default',
          name: first.object.metadata.name,
        },
        origin: first.origin,
        path: [],
        service: null,
      },
    ]
  },
}

const CILIUM: ReadonlySet<string> = new Set(['cilium', 'cilium-agent'])
const KUBE_PROXY: ReadonlySet<string> = new Set(['kube-proxy'])
