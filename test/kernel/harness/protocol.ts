/** What a suite and an agent say to each other: one JSON object a line. */

export type Transport = 'tcp' | 'udp' | 'sctp' | 'http'

/** Answer every request at an address and port with this name and the address that the client seems to have. */
export interface Serve {
  readonly order: 'serve'
  readonly transport: Transport
  /** `0.0.0.0` or `::` for every address of the family. */
  readonly address: string
  readonly port: number
  readonly name: string
}

/** Send requests one after the other, each over a connection (or from a port) of its own. */
export interface Ask {
  readonly order: 'ask'
  readonly transport: Transport
  readonly address: string
  readonly port: number
  readonly count: number
  /** The address to ask from; `null`: what the kernel chooses. */
  readonly source: string | null
  /** The port to ask from, for TCP; 0: what the kernel chooses. */
  readonly localPort: number
  /** Milliseconds until a request without an answer is given up. */
  readonly patience: number
}

/** Open a TCP connection that stays open, or a UDP socket that keeps its port, for `talk`. */
export interface Open {
  readonly order: 'open'
  readonly transport: 'tcp' | 'udp'
  readonly address: string
  readonly port: number
  readonly patience: number
}

/** One request over an open connection. */
export interface Talk {
  readonly order: 'talk'
  readonly connection: number
  readonly patience: number
}

/** End an open TCP connection with a reset, which every connection table forgets soon. */
export interface Reset {
  readonly order: 'reset'
  readonly connection: number
}

export type Order = Serve | Ask | Open | Talk | Reset

export type Answer =
  | {
      readonly kind: 'answered'
      /** The name of the server that answered. */
      readonly server: string
      /** The client's address as that server sees it. */
      readonly client: string
    }
  /** Somebody said no: a reset, or an ICMP message that nothing listens. */
  | { readonly kind: 'refused' }
  /** Nobody said anything. */
  | { readonly kind: 'silence' }
  /** Anything else, in the words of the kernel. */
  | { readonly kind: 'failed'; readonly code: string }

/** `serve` and `reset` give nothing, `open` the number of the connection. */
export type Result = readonly Answer[] | number | null

export interface Request {
  readonly id: number
  readonly order: Order
}
export interface Response {
  readonly id: number
  readonly result: Result
  /** The order could not be carried out at all. */
  readonly error: string | null
}
