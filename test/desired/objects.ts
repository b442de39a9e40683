import {
  type Cluster,
  type Desired,
  type DesiredOptions,
  desired,
  read,
  type Service,
} from '../../src/index.ts'

/** Clusters for tests, written as the objects that they hold. */

export type Objects = readonly Record<string, unknown>[]

export async function cluster(objects: Objects, name = 'objects.json'): Promise<Cluster> {
  const { cluster: found, diagnostics } = await read([{ name, text: JSON.stringify(objects) }])
  const errors = diagnostics.filter(({ severity }) => severity === 'error')
  if (errors.length > 0) throw new Error(JSON.stringify(errors, null, 1))
  return found
}

export const service = (spec: Record<string, unknown>, more: Record<string, unknown> = {}) => {
  const { metadata, ...rest } = more as { metadata?: Record<string, unknown> }
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'shop', ...metadata },
    spec,
    ...rest,
  }
}

/** A Service as an API server gives it back. */
export const live = (spec: Record<string, unknown> = {}, more: Record<string, unknown> = {}) =>
  service(
    {
      type: 'ClusterIP',
      clusterIP: '10.96.7.7',
      clusterIPs: ['10.96.7.7'],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      internalTrafficPolicy: 'Cluster',
      sessionAffinity: 'None',
      selector: { app: 'web' },
      ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 }],
      ...spec,
    },
    { status: { loadBalancer: {} }, ...more },
  )

export const pod = (
  name: string,
  ip: string,
  { labels = { app: 'web' }, spec = {}, status = {}, metadata = {} }: Record<string, object> = {},
) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop', labels, ...metadata },
  spec: { nodeName: 'n1', containers: [{ ports: [{ name: 'http', containerPort: 8080 }] }], ...spec },
  status: {
    phase: 'Running',
    podIP: ip,
    podIPs: [{ ip }],
    conditions: [{ type: 'Ready', status: 'True' }],
    ...status,
  },
})

export const node = (name = 'n1', zone = 'zone-a') => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: { 'topology.kubernetes.io/zone': zone } },
  spec: { podCIDRs: ['10.244.0.0/24'] },
  status: {
    addresses: [{ type: 'InternalIP', address: '192.0.2.11' }],
    nodeInfo: { kernelVersion: '6.1.0' },
  },
})

export const slice = (
  addresses: readonly string[],
  ports: Objects = [{ name: 'http', port: 8080, protocol: 'TCP' }],
  more: Record<string, unknown> = {},
) => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  addressType: 'IPv4',
  metadata: {
    name: 'web-abcde',
    namespace: 'shop',
    labels: {
      'kubernetes.io/service-name': 'web',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    },
  },
  endpoints: addresses.map((address) => ({
    addresses: [address],
    conditions: { ready: true, serving: true, terminating: false },
    nodeName: 'n1',
    zone: 'zone-a',
  })),
  ports,
  ...more,
})

export interface Result extends Desired {
  /** Service shop/web. */
  readonly web: Service | undefined
  /** `10.96.7.7` fields that are assumed, as text. */
  readonly marks: readonly string[]
  /** `severity CODE` of all but notes. */
  readonly worth: readonly string[]
  readonly codes: readonly string[]
}

/** Lays manifests over a snapshot, with some of what tests ask for at hand. */
export async function lay(
  snapshot: Objects,
  manifests: Objects,
  options: DesiredOptions = {},
): Promise<Result> {
  return withHandles(desired(await cluster(snapshot), await cluster(manifests), options))
}

export function withHandles(result: Desired): Result {
  const source = result.cluster.services.find(({ object }) => object.metadata.name === 'web')
  return {
    ...result,
    web: source?.object,
    marks: (source?.assumed ?? []).map((path) => path.join('.')),
    worth: result.diagnostics
      .filter(({ severity }) => severity !== 'info')
      .map(({ severity, code }) => `${severity} ${code}`),
    codes: result.diagnostics.map(({ code }) => code),
  }
}

/** What slices of the Service say: `10.0.0.1 ready serving http=8080`, in order. */
export const endpointLines = ({ cluster: { endpointSlices } }: Desired): string[] =>
  endpointSlices
    .flatMap(({ object }) =>
      (object.endpoints ?? []).map(({ addresses, conditions, hints, zone }) =>
        [
          addresses[0],
          ...(['ready', 'serving', 'terminating'] as const).filter((name) => conditions?.[name]),
          ...(object.ports ?? []).map(({ name, port }) => `${name}=${port}`).sort(),
          ...(zone ? [zone] : []),
          ...(hints?.forZones ?? []).map(({ name }) => `for ${name}`),
          ...(hints?.forNodes ?? []).map(({ name }) => `for ${name}`),
        ].join(' '),
      ),
    )
    .sort()
