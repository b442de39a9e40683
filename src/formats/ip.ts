import { canonicalAddress, familyOf, hostLength } from '../net/address.ts'
import type { Family } from '../net/family.ts'
import type { DummyInterface, Plan } from '../plan/types.ts'
import { eachLine, expectAddress, LineError, PayloadSyntaxError } from './syntax.ts'

export interface IpRows {
  readonly interface: string
  /** `10.96.0.1/32` */
  readonly addresses: readonly { readonly address: string; readonly interface: string }[]
}

export const ipRows = ({ dummyInterface: { name, addresses } }: Plan): IpRows => ({
  interface: name,
  addresses: addresses.map((address) => ({
    address: `${address}/${hostLength(familyOf(address))}`,
    interface: name,
  })),
})

/** Reads the batch back: one dummy interface and the addresses on it. */
export function parseIpBatch(text: string): DummyInterface {
  const addresses: string[] = []
  let created = false
  eachLine(text, (line) => {
    if (line === 'link add name kube-ipvs0 type dummy') created = true
    else addresses.push(parseAddressLine(line))
  })
  if (!created) throw new PayloadSyntaxError(1, '', 'the batch does not create kube-ipvs0')
  return { name: 'kube-ipvs0', addresses }
}

function parseAddressLine(line: string): string {
  const match = /^addr (?:add|replace) ([^ /]+)\/(\d+) dev kube-ipvs0$/.exec(line)
  if (match === null) throw new LineError('not an address of kube-ipvs0')
  const address = expectAddress(match[1] as string)
  if (Number(match[2]) !== hostLength(familyOf(address)))
    throw new LineError('the address is not that of one host')
  return address
}

/** An address as `ip -j addr` lists it. */
export interface ListedAddress {
  readonly interface: string
  readonly address: string
  readonly prefixLength: number
  readonly family: Family
  readonly scope: string
}

/**
 * Reads the output of `ip -j addr`. Addresses of other families than IPv4 and IPv6 are passed over; a text
 * that is not such output is a PayloadSyntaxError.
 */
export function parseIpAddr(text: string): ListedAddress[] {
  const refuse = (reason: string): never => {
    throw new PayloadSyntaxError(1, text.slice(0, 60), reason)
  }
  let links: unknown
  try {
    links = JSON.parse(text)
  } catch {
    return refuse('not the output of ip -j addr')
  }
  if (!Array.isArray(links)) return refuse('not the list that ip -j addr prints')
  return links.flatMap((link: { ifname?: unknown; addr_info?: unknown } | null) => {
    const name = link?.ifname
    // iproute2 prints an empty object for each interface that a filter leaves out.
    if (name === undefined) return []
    if (typeof name !== 'string' || !Array.isArray(link?.addr_info))
      return refuse('an interface lacks ifname or addr_info')
    return link.addr_info.flatMap(
      (info: { local?: unknown; prefixlen?: unknown; scope?: unknown } | null) => {
        const address = typeof info?.local === 'string' ? canonicalAddress(info.local) : null
        if (address === null) return []
        return [
          {
            interface: name,
            address,
            prefixLength: Number(info?.prefixlen),
            family: familyOf(address),
            scope: String(info?.scope),
          },
        ]
      },
    )
  })
}
