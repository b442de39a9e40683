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

/** Every template: one for each payload, and one for the rules of both families. */
export const TEMPLATE_NAMES = [
  'modules.conf',
  'sysctl.conf',
  'ipset.restore',
  'iptables.restore',
  'ipvs.restore',
  'ip.batch',
] as const satisfies readonly PayloadName[]

export type TemplateName = (typeof TEMPLATE_NAMES)[number]

/** The template that lays a payload out. */
export const templateOf = (payload: PayloadName): TemplateName =>
  payload === 'ip6tables.restore' ? 'iptables.restore' : payload
