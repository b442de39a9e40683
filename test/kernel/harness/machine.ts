import { existsSync } from 'node:fs'

/** What the kinds of machines that the suites run in have in common. */

/**
 * `here`: this kernel, where it has IPVS and we are root. `uml`: a user-mode Linux of our own making. `qemu`: Debian's kernel
 * under software emulation, which works everywhere and is what has several processors.
 */
export const MACHINES = ['here', 'uml', 'qemu'] as const
export type MachineKind = (typeof MACHINES)[number]

/** Where the folder that a machine writes to is found inside it. */
export const SHARE = '/tmp/share'

export interface MachineOptions {
  /** The folder that the machine may write to; it sees it as SHARE. */
  readonly share: string
  /** A shell script: when it ends, the machine stops. */
  readonly command: string
  /**
   * Whether the kernel guards itself as that of a node does. Default `false`: nothing that is tested depends on it, and under
   * emulation processes start three times as fast. Most of that are random addresses: QEMU translates code by its address,
   * and where a library lies at the same one in each process, it does so once.
   */
  readonly guarded?: boolean
  /**
   * Default 1: two tests at once take 1.6 times as long in a machine of two as each in a machine of its own, under emulation.
   */
  readonly processors?: number
  /** The place of the machine among those that run side by side. Default 0. */
  readonly number?: number
}

/** Debian packages by a file that each brings. */
const TOOLS: Readonly<Record<string, string>> = {
  kmod: '/sbin/modprobe',
  ipvsadm: '/sbin/ipvsadm',
  ipset: '/sbin/ipset',
  iptables: '/usr/sbin/iptables-nft',
  iproute2: '/sbin/ip',
  'util-linux': '/usr/bin/nsenter',
  procps: '/sbin/sysctl',
  conntrack: '/usr/sbin/conntrack',
  socat: '/usr/bin/socat',
  'busybox-static': '/bin/busybox',
}

/** The packages of which a file is not here. */
export const absent = (packages: Readonly<Record<string, string>>): string[] =>
  Object.entries(packages)
    .filter(([, file]) => !existsSync(file) && !existsSync(`/usr${file}`))
    .map(([name]) => name)

/** Debian packages that the suites need on any machine, and that are not here. */
export const missingTools = (): string[] => absent(TOOLS)
