import { ADDRESS } from './network.ts'
import type { FamilyName, Pod, Port, ServiceOptions } from './objects.ts'

/** Clusters and requests that are drawn at random, in the network of the small cluster. */

export type Random = () => number

export const oneOf = <T>(random: Random, values: readonly T[]): T =>
  values[Math.floor(random() * values.length)] as T

const PODS: readonly Pod[] = ['podA', 'podB', 'podC']

/** Addresses of the Services with a number, in one family. */
export const serviceAddresses = (family: FamilyName, number: number) =>
  family === 'ipv4'
    ? {
        clusterIP: `172.30.0.${40 + number}`,
        externalIP: `192.168.99.${10 + number}`,
        vip: `5.5.5.${5 + number}`,
      }
    : {
        clusterIP: `fd00:172:30::${40 + number}`,
        externalIP: `fd00:192:168:99::${10 + number}`,
        vip: `fd00:5::${5 + number}`,
      }

/** A Service of any type, policy and protocols, with some of the pods behind it. */
export function randomService(random: Random, family: FamilyName, number: number): ServiceOptions {
  const { clusterIP, externalIP, vip } = serviceAddresses(family, number)
  const type = oneOf(random, ['ClusterIP', 'NodePort', 'LoadBalancer'] as const)
  const ports: Port[] = (['TCP', 'UDP', 'SCTP'] as const)
    .filter((protocol) => protocol === 'TCP' || random() < 0.4)
    .map((protocol, index) => ({
      protocol,
      port: 80 + index,
      ...(type === 'ClusterIP' ? {} : { nodePort: 30000 + 10 * number + index }),
    }))
  const external = random() < 0.4 ? [externalIP] : []
  const isOutside = type !== 'ClusterIP' || external.length > 0
  return {
    name: `web-${number}`,
    family,
    clusterIP,
    ports,
    pods: PODS.filter(() => random() < 0.6),
    ...(type === 'LoadBalancer' ? { loadBalancer: [vip] } : {}),
    spec: {
      type,
      externalIPs: external,
      internalTrafficPolicy: oneOf(random, ['Cluster', 'Cluster', 'Local'] as const),
      ...(isOutside
        ? { externalTrafficPolicy: oneOf(random, ['Cluster', 'Cluster', 'Local'] as const) }
        : {}),
      ...(type === 'LoadBalancer' && random() < 0.5
        ? { loadBalancerSourceRanges: ranges(random, family) }
        : {}),
    },
  }
}

const HOST = { ipv4: 32, ipv6: 128 } as const

const ranges = (random: Random, family: FamilyName): string[] =>
  [
    `${ADDRESS.client2[family]}/${HOST[family]}`,
    family === 'ipv4' ? '10.0.0.0/24' : 'fd00:10:0:1::/64',
    `${ADDRESS.node1[family]}/${HOST[family]}`,
    family === 'ipv4' ? '0.0.0.0/0' : '::/0',
  ].filter((_, index) => index === 0 || random() < 0.3)
