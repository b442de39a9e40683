import { dump } from 'js-yaml'

/** Clusters for the benchmarks: Services of one port with their slices, as kubectl writes them. */

/** What a cluster holds; nodes and zones take endpoints in turn. */
export interface ClusterSize {
  readonly services: number
  /** Of each Service. */
  readonly endpoints: number
  /** Default 100. */
  readonly nodes?: number
  /** Whether a tenth of the Services are of type NodePort or LoadBalancer, or have a Local policy. Default `true`. */
  readonly isMixed?: boolean
  /** Whether every endpoint has its Pod. Default `false`. */
  readonly withPods?: boolean
}

const uid = (number: number): string =>
  `${number.toString(16).padStart(8, '0')}-5f0e-4a31-9d6b-0c2f${number.toString(16).padStart(8, '0')}`

const metadata = (name: string, number: number, labels: Record<string, string>) => ({
  creationTimestamp: '2026-03-01T08:00:00Z',
  labels,
  name,
  namespace: `team-${number % 100}`,
  resourceVersion: String(100000 + number),
  uid: uid(number),
})

const port = { name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 }

const service = (number: number) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: metadata(`service-${number}`, number, { app: `app-${number}` }),
  spec: {
    clusterIP: `10.96.${number >> 8}.${number & 255}`,
    clusterIPs: [`10.96.${number >> 8}.${number & 255}`],
    internalTrafficPolicy: 'Cluster',
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
    ports: [port],
    selector: { app: `app-${number}` },
    sessionAffinity: 'None',
    type: 'ClusterIP',
  },
  status: { loadBalancer: {} },
})

/** The kinds that are not plain, in turn; they have node ports and addresses of their own. */
const KINDS = [
  { type: 'NodePort' },
  { type: 'LoadBalancer' },
  { type: 'LoadBalancer', externalTrafficPolicy: 'Local' },
  { type: 'NodePort', externalTrafficPolicy: 'Local' },
  { type: 'ClusterIP', internalTrafficPolicy: 'Local' },
] as const

/** Every tenth Service is of one of the kinds. */
function mixedService(number: number): object {
  const plain = service(number)
  if (number % 10 !== 0) return plain
  const place = number / 10
  const kind = KINDS[place % KINDS.length] as (typeof KINDS)[number]
  const isOutside = kind.type !== 'ClusterIP'
  const isBalanced = kind.type === 'LoadBalancer'
  return {
    ...plain,
    spec: {
      ...plain.spec,
      ...(isOutside ? { externalTrafficPolicy: 'Cluster' } : {}),
      ...kind,
      ...(isBalanced && 'externalTrafficPolicy' in kind
        ? { healthCheckNodePort: 32000 + Math.floor(place / 5) }
        : {}),
      ports: [isOutside ? { ...port, nodePort: 30000 + place } : port],
    },
    status: {
      loadBalancer: isBalanced ? { ingress: [{ ip: `172.20.${number >> 8}.${number & 255}` }] } : {},
    },
  }
}

const endpoint = (number: number, nodes: number) => ({
  addresses: [`10.${128 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`],
  conditions: { ready: true, serving: true, terminating: false },
  nodeName: `node-${number % nodes}`,
  targetRef: { kind: 'Pod', name: `pod-${number}`, namespace: `team-${number % 100}`, uid: uid(number) },
  zone: `zone-${number % 3}`,
})

const slice = (number: number, endpoints: number, nodes: number) => ({
  addressType: 'IPv4',
  apiVersion: 'discovery.k8s.io/v1',
  endpoints: Array.from({ length: endpoints }, (_, index) => endpoint(number * endpoints + index, nodes)),
  kind: 'EndpointSlice',
  metadata: {
    ...metadata(`service-${number}-abcde`, number, {
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      'kubernetes.io/service-name': `service-${number}`,
    }),
    ownerReferences: [
      { apiVersion: 'v1', controller: true, kind: 'Service', name: `service-${number}`, uid: uid(number) },
    ],
  },
  ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
})

const node = (number: number) => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: `node-${number}`, labels: { 'topology.kubernetes.io/zone': `zone-${number % 3}` } },
  spec: { podCIDR: `10.${200 + (number >> 8)}.${number & 255}.0/24` },
  status: {
    addresses: [{ type: 'InternalIP', address: `192.168.${number >> 8}.${number & 255}` }],
    capacity: { cpu: '8' },
    nodeInfo: { kernelVersion: '6.1.0' },
  },
})

const pod = (number: number, endpoints: number, nodes: number) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    labels: { app: `app-${Math.floor(number / endpoints)}` },
    name: `pod-${number}`,
    namespace: `team-${Math.floor(number / endpoints) % 100}`,
  },
  spec: {
    containers: [{ name: 'main', ports: [{ containerPort: 8080, name: 'http', protocol: 'TCP' }] }],
    nodeName: `node-${number % nodes}`,
  },
  status: {
    conditions: [{ status: 'True', type: 'Ready' }],
    phase: 'Running',
    podIPs: [{ ip: `10.${128 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}` }],
  },
})

/** Manifests as a repository holds them, each a file: known Services with another target port, and new ones. */
export const generateManifests = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => {
    const number = index * 7
    const isNew = index % 4 === 0
    const spec = {
      selector: { app: `app-${number}` },
      ports: [{ name: 'http', port: 80, targetPort: index % 2 === 0 ? 8080 : 'http' }],
    }
    const name = `service-${number}${isNew ? '-new' : ''}`
    const metadata = { name, namespace: `team-${number % 100}` }
    return JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata, spec }, null, 2)
  })

/** A cluster as a List. */
function clusterList({
  services,
  endpoints,
  nodes = 100,
  isMixed = true,
  withPods = false,
}: ClusterSize): object {
  const numbers = Array.from({ length: services }, (_, number) => number)
  const items = [
    ...numbers.map(isMixed ? mixedService : service),
    ...numbers.map((number) => slice(number, endpoints, nodes)),
    ...Array.from({ length: nodes }, (_, number) => node(number)),
    ...Array.from({ length: withPods ? services * endpoints : 0 }, (_, number) =>
      pod(number, endpoints, nodes),
    ),
  ]
  return { apiVersion: 'v1', items, kind: 'List', metadata: { resourceVersion: '' } }
}

/** JSON text of a cluster, as `kubectl get -o json` indents it, or in one line. */
export const generateCluster = (size: ClusterSize, form: 'indented' | 'compact' = 'indented'): string =>
  JSON.stringify(clusterList(size), null, form === 'indented' ? 4 : 0)

/** The same as `kubectl get -o yaml` writes it. */
export const generateYaml = (size: ClusterSize): string =>
  dump(clusterList(size), { noRefs: true, lineWidth: -1 })
