import { SCHEDULERS } from './schedulers.ts'

/**
 * Settings that a plan may name, and nothing beside them. `null`: the value comes from a configuration; otherwise the one value
 * that IPVS mode gives the setting.
 */
export const PLAN_SETTINGS: Readonly<Record<string, number | null>> = {
  'net.bridge.bridge-nf-call-ip6tables': 1,
  'net.bridge.bridge-nf-call-iptables': 1,
  'net.ipv4.conf.all.arp_announce': 2,
  'net.ipv4.conf.all.arp_ignore': 1,
  'net.ipv4.ip_forward': 1,
  'net.ipv4.vs.conn_reuse_mode': 0,
  'net.ipv4.vs.conntrack': 1,
  'net.ipv4.vs.expire_nodest_conn': 1,
  'net.ipv4.vs.expire_quiescent_template': 1,
  'net.ipv6.conf.all.forwarding': 1,
  'net.netfilter.nf_conntrack_tcp_be_liberal': 1,
  'net.netfilter.nf_conntrack_tcp_timeout_close_wait': null,
  'net.netfilter.nf_conntrack_tcp_timeout_established': null,
  'net.netfilter.nf_conntrack_udp_timeout': null,
  'net.netfilter.nf_conntrack_udp_timeout_stream': null,
}

/** Kernel modules that a plan may load, and nothing beside them. */
export const PLAN_MODULES: readonly string[] = [
  'ip_vs',
  ...SCHEDULERS.map((scheduler) => `ip_vs_${scheduler}`),
  'nf_conntrack',
]
