export type Family = 'ipv4' | 'ipv6'

/** In the order in which everything lists them. */
export const FAMILIES: readonly Family[] = ['ipv4', 'ipv6']
