import { parseIpAddr } from '../../../src/index.ts'

/** What a node holds, by the tool that lists it, as texts that can be compared. */

interface Part {
  /** The payloads of a delta that touch it. */
  readonly payload: RegExp
  readonly load: string
  readonly read: string
  /** A text that two nodes share only if they hold the same. */
  readonly canonical: (listing: string) => string
}

const sorted = (listing: string): string => listing.split('\n').sort().join('\n')

export const PARTS = {
  ipset: {
    payload: /ipset\.restore$/,
    load: 'ipset restore',
    read: 'ipset save',
    canonical: (listing) => sorted(listing.replace(/ (hashsize|bucketsize|initval) \S+/g, '')),
  },
  iptables: {
    payload: /-iptables\.restore$/,
    load: 'iptables-nft-restore --noflush',
    read: 'iptables-nft-save',
    canonical: rulesInOrder,
  },
  ip6tables: {
    payload: /-ip6tables\.restore$/,
    load: 'ip6tables-nft-restore --noflush',
    read: 'ip6tables-nft-save',
    canonical: rulesInOrder,
  },
  // One listing is enough for tests that run alone.
  ipvs: { payload: /ipvs\.restore$/, load: 'ipvsadm -R', read: 'ipvsadm -S -n', canonical: sorted },
  addresses: {
    payload: /ip\.batch$/,
    load: 'ip -batch -',
    read: 'ip -j addr',
    canonical: (listing) =>
      parseIpAddr(listing)
        .filter((entry) => entry.interface === 'kube-ipvs0')
        .map(({ address }) => address)
        .sort()
        .join('\n'),
  },
} as const satisfies Readonly<Record<string, Part>>

export type PartName = keyof typeof PARTS
export const PART_NAMES = Object.keys(PARTS) as readonly PartName[]

/** Chains sorted, the rules of each in their order. */
function rulesInOrder(listing: string): string {
  let table = ''
  return listing
    .split('\n')
    .filter((line) => /^[*:-]/.test(line))
    .map((line): readonly [chain: string, line: string] => {
      if (line.startsWith('*')) table = line
      return [`${table} ${line.split(' ')[line.startsWith('-') ? 1 : 0]}`, line.replace(/ \[.*/, '')]
    })
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([, line]) => line)
    .join('\n')
}

/** A shell script that reads parts of a node, each into the file of its name. */
export const readingScript = (parts: Iterable<PartName>): string =>
  [...parts].map((part) => `{ ${PARTS[part].read}; } > ${part}\n`).join('')
