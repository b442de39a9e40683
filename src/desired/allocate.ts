import { formatPath, type JsonPath } from '../diagnostics/diagnostics.ts'
import { allocatesNodePorts, clusterIPsOf, hasNodePorts, needsHealthCheckPort } from '../kube/defaults.ts'
import { fullName } from '../kube/names.ts'
import type { Report } from '../kube/report.ts'
import type { Service } from '../kube/types.ts'
import { canonicalAddress, formatIPv4, formatIPv6, hostLength, type Network } from '../net/address.ts'
import type { Draft, Ranges } from './types.ts'

/**
 * Fills in cluster IPs and node ports as an API server might: the same for the same name, out of the part of a range that is
 * used for what nobody asked for, and never one that is taken.
 */
export class Allocator {
  readonly #ranges: Ranges
  readonly #addresses = new Set<string>()
  readonly #ports = new Set<number>()

  constructor(ranges: Ranges) {
    this.#ranges = ranges
  }

  /** What a Service has already. `assumed` fields yield to those that are stated, so these come first. */
  take({ spec }: Service, assumed: readonly JsonPath[] = []): void {
    const open = new Set(assumed.map(formatPath))
    clusterIPsOf(spec ?? {}).forEach((address, index) => {
      if (!open.has(`spec.clusterIPs[${index}]`)) this.#addresses.add(canonicalAddress(address) ?? address)
    })
    spec?.ports?.forEach(({ nodePort }, index) => {
      if (nodePort && !open.has(`spec.ports[${index}].nodePort`)) this.#ports.add(nodePort)
    })
    if (spec?.healthCheckNodePort && !open.has('spec.healthCheckNodePort'))
      this.#ports.add(spec.healthCheckNodePort)
  }

  /** Values that were assumed before stay, unless somebody has stated them since: then they are open again. */
  keep(draft: Draft): void {
    const { spec } = draft
    const own = new Set<number>()
    const kept = draft.assumed.filter((path) => {
      const [, field, index] = path
      if (field === 'clusterIPs') return this.#keepAddress(draft, index as number)
      if (field === 'ports') return this.#keepPort(spec.ports?.[index as number], 'nodePort', own)
      if (field === 'healthCheckNodePort') return this.#keepPort(spec, 'healthCheckNodePort', own)
      return spec.type === 'LoadBalancer'
    })
    draft.assumed.splice(0, draft.assumed.length, ...kept)
  }

  #keepAddress({ spec }: Draft, index: number): boolean {
    const address = spec.clusterIPs?.[index]
    if (!address || address === 'None') return false
    if (!this.#addresses.has(address)) return this.#addresses.add(address) !== undefined
    spec.clusterIPs = (spec.clusterIPs ?? []).map((other, at) => (at === index ? '' : other))
    return false
  }

  /** TCP and UDP of one Service may share a node port. */
  #keepPort<K extends string>(
    holder: { [key in K]?: number | null | undefined } | undefined,
    field: K,
    own: Set<number>,
  ): boolean {
    const port = holder?.[field]
    if (holder === undefined || !port) return false
    if (this.#ports.has(port) && !own.has(port)) {
      delete holder[field]
      return false
    }
    this.#ports.add(port)
    own.add(port)
    return true
  }

  /** Fills what is still open. `false`: a range is full. */
  fill(draft: Draft, report: Report): boolean {
    return (
      this.#fillAddresses(draft, report) &&
      this.#fillNodePorts(draft, report) &&
      this.#fillHealthCheck(draft, report)
    )
  }

  #fillAddresses({ service, spec, assumed }: Draft, report: Report): boolean {
    if (spec.clusterIPs === undefined || spec.clusterIPs === null) return true
    const filled = [...spec.clusterIPs]
    for (const [index, address] of filled.entries()) {
      if (address !== '') continue
      const family = spec.ipFamilies?.[index] === 'IPv6' ? 'ipv6' : 'ipv4'
      const found = this.#nextAddress(family, fullName(service.object))
      if (found === null)
        return refuseFull(report, ['spec', 'clusterIPs', index], `no address of ${family} is left`)
      filled[index] = found
      assumed.push(['spec', 'clusterIPs', index])
    }
    spec.clusterIPs = filled
    if (filled[0]) spec.clusterIP = filled[0]
    return true
  }

  /** Ports of one number, for two protocols, share a node port. */
  #fillNodePorts({ service, spec, assumed }: Draft, report: Report): boolean {
    if (!hasNodePorts(spec) || !allocatesNodePorts(spec)) return true
    const ports = spec.ports ?? []
    for (const [index, port] of ports.entries()) {
      if (port.nodePort) continue
      const twin = ports.find(
        (other) =>
          other !== port && other.port === port.port && other.protocol !== port.protocol && other.nodePort,
      )
      const found =
        twin?.nodePort ?? this.#nextPort(`${fullName(service.object)}:${port.name ?? ''}:${port.port}`)
      if (found === null)
        return refuseFull(report, ['spec', 'ports', index, 'nodePort'], 'no node port is left')
      port.nodePort = found
      this.#ports.add(found)
      assumed.push(['spec', 'ports', index, 'nodePort'])
    }
    return true
  }

  #fillHealthCheck({ service, spec, assumed }: Draft, report: Report): boolean {
    if (!needsHealthCheckPort(spec) || spec.healthCheckNodePort) return true
    const found = this.#nextPort(`${fullName(service.object)} health check`)
    if (found === null) return refuseFull(report, ['spec', 'healthCheckNodePort'], 'no node port is left')
    spec.healthCheckNodePort = found
    this.#ports.add(found)
    assumed.push(['spec', 'healthCheckNodePort'])
    return true
  }

  #nextAddress(family: 'ipv4' | 'ipv6', name: string): string | null {
    for (const network of this.#ranges.networks.filter((candidate) => candidate.family === family)) {
      const format = (offset: bigint): string => addressAt(network, offset)
      const found = probe(sizeOf(network), hash(name), (offset) => !this.#addresses.has(format(offset)))
      if (found === null) continue
      this.#addresses.add(format(found))
      return format(found)
    }
    return null
  }

  #nextPort(name: string): number | null {
    const { first, last } = this.#ranges.nodePorts
    const found = probe(
      BigInt(last - first + 1),
      hash(name),
      (offset) => !this.#ports.has(first + Number(offset)),
    )
    return found === null ? null : first + Number(found)
  }
}

function refuseFull(report: Report, path: JsonPath, what: string): false {
  report({
    code: 'SERVICE_REFUSED',
    severity: 'error',
    message: `The API server has nothing to give: ${what}.`,
    path,
  })
  return false
}

/** Addresses that can be allocated: without that of the network itself, and without the last one of IPv4. */
function sizeOf({ family, prefixLength }: Network): bigint {
  const all = 1n << BigInt(hostLength(family) - prefixLength)
  const size = all - (family === 'ipv4' ? 2n : 1n)
  return size > 0n ? size : 0n
}

/** The first address after that of the network has offset 0. */
function addressAt({ family, bits }: Network, offset: bigint): string {
  const value = bits + 1n + offset
  return family === 'ipv4' ? formatIPv4(Number(value)) : formatIPv6(value)
}

/**
 * The first free place from the hashed one on. The lower part of a range is left to those who ask for an address by name, as
 * the API server leaves it, until the upper part is full.
 */
function probe(size: bigint, start: bigint, isFree: (offset: bigint) => boolean): bigint | null {
  const reserved = lowerPart(size)
  const search = (from: bigint, length: bigint): bigint | null => {
    for (let step = 0n; step < length; step++) {
      const offset = from + ((start + step) % length)
      if (isFree(offset)) return offset
    }
    return null
  }
  return search(reserved, size - reserved) ?? search(0n, reserved)
}

/** Between 16 and 256, a sixteenth of the range; nothing of a small one. */
function lowerPart(size: bigint): bigint {
  if (size <= 16n) return 0n
  const part = size / 16n
  return part < 16n ? 16n : part > 256n ? 256n : part
}

/** FNV-1a, 64 bits: equal everywhere, and spread. */
function hash(text: string): bigint {
  let value = 0xcbf29ce484222325n
  for (let index = 0; index < text.length; index++)
    value = BigInt.asUintN(64, (value ^ BigInt(text.charCodeAt(index))) * 0x100000001b3n)
  return value >> 11n
}
