/** The text payloads of a bundle, in the order in which a node needs them. */
export const PAYLOAD_NAMES = [
  'modules.conf',
  'sysctl.conf',
  'ipset.restore',
  'iptables.restore',
  'ip6tables.restore',
  'ipvs.restore',
  'ip.batch',
] as const

export type PayloadName = (typeof PAYLOAD_NAMES)[number]
