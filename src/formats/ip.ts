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

/** What `ip -j addr` says of a node, or, with the kinds of its interfaces, `ip -j -d addr`. */
export interface ListedLinks {
  readonly addresses: readonly ListedAddress[]
  /**
   * By interface: `dummy`, `bridge`; `device` for one that is no virtual interface; `null` where the listing does not tell.
   */
  readonly kinds: ReadonlyMap<string, string | null>
}

interface ListedLink {
  readonly ifname?: unknown
  readonly link_type?: unknown
  readonly linkinfo?: { readonly info_kind?: unknown }
  readonly promiscuity?: unknown
  readonly addr_info?: unknown
}

interface ListedInfo {
  readonly family?: unknown
  readonly local?: unknown
  readonly prefixlen?: unknown
  readonly scope?: unknown
}

const refuse = (text: string, reason: string): never => {
  throw new PayloadSyntaxError(1, text.slice(0, 60), reason)
}

/** Reads the addresses that `ip -j addr` lists. */
export const parseIpAddr = (text: string): ListedAddress[] => [...parseIpLinks(text).addresses]

/**
 * Reads the output of `ip -j addr`. Addresses of other families than IPv4 and IPv6 are passed over; a text
 * that is not such output is a PayloadSyntaxError.
 */
export function parseIpLinks(text: string): ListedLinks {
  let links: unknown
  try {
    links = JSON.parse(text)
  } catch {
    return refuse(text, 'not the output of ip -j addr')
  }
  if (!Array.isArray(links)) return refuse(text, 'not the list that ip -j addr prints')
  const addresses: ListedAddress[] = []
  const kinds = new Map<string, string | null>()
  for (const link of links as (ListedLink | null)[]) {
    const name = link?.ifname
    // iproute2 prints an empty object for each interface that a filter leaves out.
    if (link === null || name === undefined) continue
    if (typeof name !== 'string' || !Array.isArray(link.addr_info))
      return refuse(text, 'an interface lacks ifname or addr_info')
    kinds.set(name, kindOf(link))
    for (const info of link.addr_info as (ListedInfo | null)[]) {
      const address = typeof info?.local === 'string' ? canonicalAddress(info.local) : null
      if (address !== null)
        addresses.push({
          interface: name,
          address,
          prefixLength: Number(info?.prefixlen),
          family: familyOf(address),
          scope: String(info?.scope),
        })
      else if (info?.family === 'inet' || info?.family === 'inet6')
        return refuse(JSON.stringify(info), `an address of ${JSON.stringify(name)} is none`)
    }
  }
  return { addresses, kinds }
}

function kindOf({ linkinfo, link_type: type, promiscuity }: ListedLink): string | null {
  if (typeof linkinfo?.info_kind === 'string') return linkinfo.info_kind
  // A dummy says that it is an Ethernet.
  if (typeof type === 'string' && type !== 'ether') return type
  return promiscuity === undefined ? null : 'device'
}
