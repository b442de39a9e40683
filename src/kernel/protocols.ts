/** What a Service port may speak; the kernel's names. */
export type Protocol = 'tcp' | 'udp' | 'sctp'
export const PROTOCOLS: readonly Protocol[] = ['tcp', 'udp', 'sctp']
