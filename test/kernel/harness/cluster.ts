import { emit, type KubeProxyConfiguration, type Plan } from '../../../src/index.ts'
import { loadBundle } from './bundle.ts'
import { compileTexts } from './compile.ts'
import type { Lab } from './lab.ts'
import { buildClusterNetwork, type ClusterNetwork } from './network.ts'
import {
  NODE1_ADDRESSES,
  NODES,
  type Pod,
  type Port,
  proxyConfiguration,
  type ServiceOptions,
  serviceObjects,
  TARGET_PORT,
} from './objects.ts'
import type { Host, Transport } from './traffic.ts'

/** A cluster of Services in its network. */

export interface Setup {
  readonly services: readonly ServiceOptions[]
  readonly config?: Partial<KubeProxyConfiguration> | undefined
  /** What no Kubernetes object can say: the weights of real servers. */
  readonly change?: (plan: Plan) => Plan
}

const PODS: readonly Pod[] = ['podA', 'podB', 'podC']
const TRANSPORT = { TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' } as const satisfies Record<string, Transport>

/** A cluster whose first node holds the bundle and nothing else, and whose pods serve what the Services need. */
export async function clusterWith(
  lab: Lab,
  { services, config, change = (plan) => plan }: Setup,
): Promise<ClusterNetwork> {
  const [network, plan] = await Promise.all([
    buildClusterNetwork(lab),
    planFor({ services, config }),
    lab.run('modprobe -a br_netfilter sctp'),
  ])
  await Promise.all([loadBundle(lab, network.node1, emit(change(plan))), servePods(network, services)])
  return network
}

/** The plan of the first node. */
export async function planFor({ services, config }: Pick<Setup, 'services' | 'config'>): Promise<Plan> {
  const items = [...NODES, ...services.flatMap(serviceObjects), proxyConfiguration(config ?? {})]
  const { plan } = await compileTexts([JSON.stringify({ apiVersion: 'v1', kind: 'List', items })], {
    node: 'node-1',
    interfaceAddresses: NODE1_ADDRESSES,
    prerequisites: 'set',
  })
  return plan
}

/** Every pod that is an endpoint serves what its Services need. */
export async function servePods(network: ClusterNetwork, services: readonly ServiceOptions[]): Promise<void> {
  const protocols = new Set(services.flatMap(({ ports }) => ports.map(({ protocol }) => protocol)))
  const used = PODS.filter((pod) => services.some(({ pods }) => pods.includes(pod)))
  const family = services[0]?.family ?? 'ipv4'
  await Promise.all(
    used.flatMap((pod) =>
      [...protocols].map((protocol) =>
        network[pod].serve(TRANSPORT[protocol], anyAddress(family), TARGET_PORT[protocol]),
      ),
    ),
  )
}

export const anyAddress = (family: 'ipv4' | 'ipv6'): string => (family === 'ipv4' ? '0.0.0.0' : '::')

/** Asks for TCP at a port, or for what the port says. */
export const askFor = (host: Host, address: string, port: Port | number, count: number, source?: string) =>
  host.ask(
    typeof port === 'number'
      ? { transport: 'tcp', address, port }
      : { transport: TRANSPORT[port.protocol], address, port: port.port },
    source === undefined ? { count } : { count, source },
  )
