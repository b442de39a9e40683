/** Clusters for the benchmarks: Services of one port with their slices, as `kubectl get -o json` writes them. */

const NODES = 50

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
    ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 }],
    selector: { app: `app-${number}` },
    sessionAffinity: 'None',
    type: 'ClusterIP',
  },
  status: { loadBalancer: {} },
})

const endpoint = (number: number) => ({
  addresses: [`10.${128 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`],
  conditions: { ready: true, serving: true, terminating: false },
  nodeName: `node-${number % NODES}`,
  targetRef: { kind: 'Pod', name: `pod-${number}`, namespace: `team-${number % 100}`, uid: uid(number) },
  zone: `zone-${number % 3}`,
})

const slice = (number: number, endpoints: number) => ({
  addressType: 'IPv4',
  apiVersion: 'discovery.k8s.io/v1',
  endpoints: Array.from({ length: endpoints }, (_, index) => endpoint(number * endpoints + index)),
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
  spec: { podCIDR: `10.200.${number}.0/24` },
  status: {
    addresses: [{ type: 'InternalIP', address: `192.168.0.${number + 1}` }],
    capacity: { cpu: '8' },
    nodeInfo: { kernelVersion: '6.1.0' },
  },
})

const pod = (number: number, endpoints: number) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    labels: { app: `app-${Math.floor(number / endpoints)}` },
    name: `pod-${number}`,
    namespace: `team-${Math.floor(number / endpoints) % 100}`,
  },
  spec: {
    containers: [{ name: 'main', ports: [{ containerPort: 8080, name: 'http', protocol: 'TCP' }] }],
    nodeName: `node-${number % NODES}`,
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

/** JSON text of a cluster with so many Services of so many endpoints each. */
export function generateCluster(services: number, endpoints: number, withPods = false): string {
  const numbers = Array.from({ length: services }, (_, number) => number)
  const items = [
    ...numbers.map(service),
    ...numbers.map((number) => slice(number, endpoints)),
    ...Array.from({ length: NODES }, (_, number) => node(number)),
    ...Array.from({ length: withPods ? services * endpoints : 0 }, (_, number) => pod(number, endpoints)),
  ]
  return JSON.stringify({ apiVersion: 'v1', items, kind: 'List', metadata: { resourceVersion: '' } }, null, 4)
}
