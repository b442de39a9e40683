import { addressBits, familyOf, hostLength, type Network, networkContains } from '../../../net/address.ts'
import { clusterAddresses } from '../addresses.ts'
import { inService, isApiService } from '../subject.ts'
import type { StateRule } from '../types.ts'

export const clusterIpReserved: StateRule = {
  on: 'state',
  code: 'CLUSTER_IP_RESERVED',
  severity: 'error',
  title: 'A cluster IP is an address that the service network reserves.',
  why: 'The first address of a service network is no host, the next one is that of the API server, and the last one of IPv4 is broadcast.',
  source: 'https://kubernetes.io/docs/concepts/services-networking/cluster-ip-allocation/',
  mend: 'Leave clusterIP out, or choose another address.',
  check: ({ ports, ranges: { networks, inferred } }) =>
    inferred
      ? []
      : clusterAddresses(ports).flatMap(({ service, address, path }) => {
          const network = networks.find((candidate) => networkContains(candidate, address))
          const role = network === undefined ? null : reservedFor(network, address)
          if (role === null || (role === API_SERVER && isApiService(service.object))) return []
          return [inService(service, path, `The cluster IP ${address} is ${role}.`)]
        }),
}

const API_SERVER = 'the address of the API server'

function reservedFor(network: Network, address: string): string | null {
  const size = 1n << BigInt(hostLength(network.family) - network.prefixLength)
  const place = addressBits(address) - network.bits
  if (place === 0n) return 'the network itself'
  if (place === 1n) return API_SERVER
  return place === size - 1n && familyOf(address) === 'ipv4' ? 'the broadcast address of its network' : null
}
