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

/** What a node runs: the script that loads the payloads, and units of systemd that finish what it began. */
export const SCRIPT_NAMES = ['apply.sh', 'ipvsc-drain.service', 'ipvsc-drain.timer'] as const

export type ScriptName = (typeof SCRIPT_NAMES)[number]

/** Every template: one for each file, and one for the payloads of a delta. */
export const TEMPLATE_NAMES = [...PAYLOAD_NAMES, ...SCRIPT_NAMES, 'delta'] as const

export type TemplateName = (typeof TEMPLATE_NAMES)[number]
