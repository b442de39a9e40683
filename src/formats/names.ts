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

/** Every template: one for each payload, and one for all those of a delta. */
export const TEMPLATE_NAMES = [...PAYLOAD_NAMES, 'delta'] as const

export type TemplateName = (typeof TEMPLATE_NAMES)[number]
