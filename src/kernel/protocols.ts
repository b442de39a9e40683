/** What a Service port may speak; the kernel's names. */
export type Protocol = 'tcp' | 'udp' | 'sctp'
export const PROTOCOLS: readonly Protocol[] = ['tcp', 'udp', 'sctp']

/** As IP headers have them. */
export const PROTOCOL_NUMBER: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17, sctp: 132 }
