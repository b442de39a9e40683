import { addressBits, formatIPv4, formatIPv6, hostLength, type Network } from '../../net/address.ts'
import type { Family } from '../../net/family.ts'

/** Addresses from `first` to `last`, both among them. */
export interface Interval {
  readonly first: bigint
  readonly last: bigint
}

/** Cuts all addresses of a family where one of the networks begins or ends: inside an interval no network tells them apart. */
export function intervalsOf(family: Family, networks: readonly Network[]): Interval[] {
  const end = 1n << BigInt(hostLength(family))
  const starts = new Set([0n])
  for (const network of networks) {
    if (network.family !== family) continue
    const size = 1n << BigInt(hostLength(family) - network.prefixLength)
    starts.add(network.bits)
    if (network.bits + size < end) starts.add(network.bits + size)
  }
  const sorted = [...starts].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  return sorted.map((first, index) => ({ first, last: (sorted[index + 1] ?? end) - 1n }))
}

/** An address by its number. */
export const addressAt = (family: Family, bits: bigint): string =>
  family === 'ipv4' ? formatIPv4(Number(bits)) : formatIPv6(bits)

/** Addresses of one family in order, which tell those inside an interval. */
export class AddressList {
  readonly #bits: readonly bigint[]
  readonly #family: Family

  constructor(family: Family, addresses: Iterable<string>) {
    this.#family = family
    const own = [...new Set(addresses)].filter((address) => address.includes(':') === (family === 'ipv6'))
    this.#bits = own.map(addressBits).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  }

  /** The first of those inside an interval, at most so many. */
  within({ first, last }: Interval, most: number): string[] {
    const found: string[] = []
    for (let index = this.#from(first); found.length < most; index++) {
      const bits = this.#bits[index]
      if (bits === undefined || bits > last) break
      found.push(addressAt(this.#family, bits))
    }
    return found
  }

  /** Where the first address stands that is not below. */
  #from(bits: bigint): number {
    let [low, high] = [0, this.#bits.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#bits[middle] as bigint) < bits) low = middle + 1
      else high = middle
    }
    return low
  }
}
