import { joined, lazily, type Piece, piece } from '../text.ts'

/**
 * Who asked for each item of a plan. It lies beside the plan, so that the plan's fingerprint speaks of what a node
 * is to do alone. A real server is explained by the service port of its virtual server: `sources` there tells
 * which slice it came from.
 */
export interface Provenance {
  readonly version: 1
  readonly servicePorts: readonly ServicePortProvenance[]
  readonly virtualServers: readonly ItemProvenance[]
  /** Addresses on the dummy interface. */
  readonly addresses: readonly ItemProvenance[]
  /** By set name in the kernel; `addresses` explains KUBE-IPVS-IPS. */
  readonly sets: Readonly<Record<string, readonly ItemProvenance[]>>
  /** `ipv4 nat KUBE-SERVICES 3`: counted from 1 within the chain. */
  readonly rules: readonly ReasonedItem[]
  readonly settings: readonly ReasonedItem[]
}

/** An item that no single Service asks for, and the configuration field or the set that does. */
export interface ReasonedItem {
  readonly item: string
  readonly field: string
}

export interface ServicePortProvenance {
  /** `namespace/name:portName`. */
  readonly servicePort: string
  readonly family: string
  readonly protocol: string
  /** Slices (or Endpoints objects), by name. */
  readonly sources: readonly EndpointSource[]
}

export interface EndpointSource {
  /** `namespace/name`. */
  readonly name: string
  /** `ip:port` of every endpoint that it states, ready or not; `null` where it is the only source. */
  readonly endpoints: readonly string[] | null
}

export interface ItemProvenance {
  readonly item: string
  readonly servicePort: string
  /** The field of the Service, without indices. */
  readonly field: string
  /** Whether the field holds what nobody stated: a cluster would choose it. */
  readonly assumed?: true
}

/** JSON with one line for each item. */
export const formatProvenance = (provenance: Provenance): string =>
  joined(lazily(provenancePieces(provenance), ({ text }) => text()))

/** The same in pieces, for whoever writes it as bytes. */
export function* provenancePieces({ version, sets, ...lists }: Provenance): Generator<Piece> {
  yield piece(`{\n  "version": ${version}`)
  for (const [name, list] of Object.entries(lists)) {
    yield piece(`,\n  ${JSON.stringify(name)}: `)
    if (list === lists.virtualServers) yield* linePieces(lists.virtualServers)
    else yield { item: list, text: () => lines(list, '  ') }
  }
  let separator = ',\n  "sets": {'
  for (const [name, list] of Object.entries(sets)) {
    yield piece(`${separator}\n    ${JSON.stringify(name)}: `)
    yield { item: list, text: () => lines(list, '    ') }
    separator = ','
  }
  yield piece(separator === ',' ? '\n  }\n}\n' : `${separator}}\n}\n`)
}

function* linePieces(list: readonly ItemProvenance[]): Generator<Piece> {
  for (const [index, item] of list.entries())
    yield index === 0
      ? piece(`[\n    ${JSON.stringify(item)}`)
      : { item, text: () => `,\n    ${JSON.stringify(item)}` }
  yield piece(list.length === 0 ? '[]' : '\n  ]')
}

function lines(list: readonly unknown[], indent: string): string {
  if (list.length === 0) return '[]'
  const items = list.map((item) => `\n${indent}  ${JSON.stringify(item)}`)
  return `[${items.join(',')}\n${indent}]`
}
