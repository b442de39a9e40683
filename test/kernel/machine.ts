import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'

/** A virtual machine of Debian's own packages: its kernel, this machine's root read-only, one folder to write to. */

/** Debian packages by a file that each brings. */
const PACKAGES: Readonly<Record<string, string>> = {
  'qemu-system-x86': '/usr/bin/qemu-system-x86_64',
  'busybox-static': '/bin/busybox',
  cpio: '/usr/bin/cpio',
  kmod: '/sbin/modprobe',
  ipvsadm: '/sbin/ipvsadm',
  ipset: '/sbin/ipset',
  iptables: '/usr/sbin/iptables-nft',
  iproute2: '/sbin/ip',
}

export function missingPackages(): string[] {
  const missing = Object.entries(PACKAGES).filter(
    ([, file]) => !existsSync(file) && !existsSync(`/usr${file}`),
  )
  return [...missing.map(([name]) => name), ...(findKernels().length === 0 ? ['linux-image-amd64'] : [])]
}

export interface Kernel {
  readonly version: string
  readonly image: string
}

const findKernels = (): string[] =>
  existsSync('/boot')
    ? readdirSync('/boot')
        .filter((name) => name.startsWith('vmlinuz-'))
        .map((name) => name.slice('vmlinuz-'.length))
        .filter((version) => existsSync(`/lib/modules/${version}/modules.dep`))
        .sort()
    : []

/** The newest installed kernel that has its modules. */
export function findKernel(): Kernel {
  const version = findKernels().at(-1)
  if (version === undefined) throw new Error('no kernel with modules is installed')
  return { version, image: `/boot/vmlinuz-${version}` }
}

/** What the machine needs before it sees the root file system of its host. */
const BOOT_MODULES = ['virtio_pci', '9pnet_virtio', '9p']

/** In the order in which they load. */
function moduleFiles({ version }: Kernel): string[] {
  const lines = BOOT_MODULES.flatMap((name) =>
    execFileSync('/sbin/modprobe', ['-S', version, '--show-depends', name], { encoding: 'utf8' }).split('\n'),
  )
  return [...new Set(lines.flatMap((line) => /^insmod (\S+)/.exec(line)?.[1] ?? []))]
}

/** The root is switched, not only entered: the kernel loads modules by itself with the modprobe of its own root. */
const initScript = (modules: readonly string[]): string => `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
${modules.map((file) => `insmod /modules/${basename(file)}`).join('\n')}
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=524288 root /host || poweroff -f
mount -t tmpfs tmp /host/tmp; mount -t tmpfs run /host/run
mount -t proc proc /host/proc; mount -t sysfs sys /host/sys; mount -t devtmpfs dev /host/dev
mkdir /host/tmp/share
mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288 share /host/tmp/share || poweroff -f
umount /proc /sys
exec switch_root /host /bin/sh -c 'sh /tmp/share/command.sh; sync; /bin/busybox poweroff -f'
`

export function buildInitramfs(target: string, kernel: Kernel): void {
  const folder = mkdtempSync(join(tmpdir(), 'ipvsc-initramfs-'))
  try {
    for (const name of ['bin', 'proc', 'sys', 'dev', 'host', 'modules']) mkdirSync(join(folder, name))
    cpSync(existsSync('/bin/busybox') ? '/bin/busybox' : '/usr/bin/busybox', join(folder, 'bin/busybox'), {
      dereference: true,
    })
    const modules = moduleFiles(kernel)
    for (const file of modules) cpSync(file, join(folder, 'modules', basename(file)))
    writeFileSync(join(folder, 'init'), initScript(modules), { mode: 0o755 })
    const { status, stderr } = spawnSync(
      'sh',
      ['-c', `find . | cpio -o -H newc --quiet | gzip -1 > '${target}'`],
      {
        cwd: folder,
        encoding: 'utf8',
      },
    )
    if (status !== 0) throw new Error(`cannot make ${dirname(target)}: ${stderr}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export interface BootOptions {
  readonly kernel: Kernel
  readonly initramfs: string
  /** The folder that the machine may write to. */
  readonly share: string
}

export const bootArguments = ({ kernel, initramfs, share }: BootOptions): string[] => [
  ...['-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', '2048', '-nographic', '-no-reboot'],
  ...['-kernel', kernel.image, '-initrd', initramfs],
  ...['-append', 'console=ttyS0 quiet panic=-1'],
  ...['-virtfs', 'local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap'],
  ...['-virtfs', `local,path=${share},mount_tag=share,security_model=none,multidevs=remap`],
]
