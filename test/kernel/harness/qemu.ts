import { execFileSync, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { ROOT } from '../../support/shared.ts'
import { absent, type MachineOptions, SHARE } from './machine.ts'

/**
 * A virtual machine under QEMU, of Debian's own packages: its kernel, this machine's root read-only, and one folder to
 * write to. It runs under software emulation, so that it works wherever QEMU does.
 */

const EMULATION: Readonly<Record<string, string>> = {
  'qemu-system-x86': '/usr/bin/qemu-system-x86_64',
  'busybox-static': '/bin/busybox',
  cpio: '/usr/bin/cpio',
}

/** Debian packages that such a machine is made of, and that are not here. */
export const missingParts = (): string[] => [
  ...absent(EMULATION),
  ...(kernelVersions().length === 0 ? ['linux-image-amd64'] : []),
]

export interface Kernel {
  readonly version: string
  readonly image: string
}

const kernelVersions = (): string[] =>
  (existsSync('/boot') ? readdirSync('/boot') : [])
    .filter((name) => name.startsWith('vmlinuz-'))
    .map((name) => name.slice('vmlinuz-'.length))
    .filter((version) => existsSync(`/lib/modules/${version}/modules.dep`))
    .sort()

/** The newest installed kernel that has its modules. */
export function findKernel(): Kernel {
  const version = kernelVersions().at(-1)
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

const MOUNT = 'mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288'

/** What is run or read so often that it must not go over a network protocol each time. */
const NEAR_PROGRAMS = [
  ...[
    'sh',
    'awk',
    'cat',
    'comm',
    'cp',
    'flock',
    'ls',
    'mkdir',
    'mv',
    'nsenter',
    'rm',
    'sed',
    'setsid',
    'sha256sum',
  ],
  ...['sleep', 'sort', 'conntrack', 'ip', 'ipset', 'iptables-nft', 'iptables-legacy', 'ipvsadm', 'sysctl'],
]
/** What programs look up in /etc. The machine has these alone: to find out that something is not there takes a message, too. */
const NEAR_SETTINGS = {
  files: ['group', 'hosts', 'ld.so.cache', 'passwd', 'protocols', 'services'],
  folders: ['alternatives', 'iproute2', 'modprobe.d'],
}
/** ipset asks for the name of a protocol for every entry, and Debian's way looks for a database first, in forty places. */
const NAME_SERVICES = 'passwd: files\ngroup: files\nhosts: files\nprotocols: files\nservices: files\n'
/** A link, never a copy: to put a name to a copy, Node.js reads all time zones that there are, which takes seconds. */
const TIME_ZONE = '/usr/share/zoneinfo/Etc/UTC'
/** iptables looks for its extensions under several names each. */
const NEAR_FOLDERS = ['/usr/lib/x86_64-linux-gnu/xtables']

/** Programs with their libraries, under the paths that are not links. */
function nearFiles(): string[] {
  const folders = ['/usr/sbin', '/usr/bin', '/sbin', '/bin']
  const programs = NEAR_PROGRAMS.flatMap(
    (name) => folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? [],
  )
  const linked = spawnSync('ldd', programs, { encoding: 'utf8' }).stdout
  const libraries = [...linked.matchAll(/(\/\S+) \(0x/g)].flatMap(([, path]) => path ?? [])
  const paths = [...programs, ...libraries].filter((path) => existsSync(path))
  return [...new Set(paths.map((path) => realpathSync(path)))]
}

/**
 * The root is switched, not only entered: the kernel loads modules by itself with the modprobe of its own
 * root. /tmp and /run are empty in the machine, so a checkout that lies below them is mounted by itself.
 */
const initScript = (modules: readonly string[]): string => `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
${modules.map((file) => `insmod /modules/${basename(file)}`).join('\n')}
${MOUNT},ro,cache=loose root /host || poweroff -f
mount -t tmpfs tmp /host/tmp; mount -t tmpfs run /host/run
for path in ${[...nearFiles(), ...NEAR_FOLDERS].join(' ')}; do
  near=/host/run/near$path
  mkdir -p "\${near%/*}" && cp -a "/host$path" "$near" && mount --bind "$near" "/host$path"
done
cp -a /etc /host/run/near/etc; mount --bind /host/run/near/etc /host/etc
mount -t proc proc /host/proc; mount -t sysfs sys /host/sys; mount -t devtmpfs dev /host/dev
mkdir -p /host/dev/pts; mount -t devpts pts /host/dev/pts
mkdir -p /host${SHARE}; ${MOUNT} share /host${SHARE} || poweroff -f
[ -e '/host${ROOT}package.json' ] || {
  mkdir -p '/host${ROOT}'; ${MOUNT},ro,cache=loose repository '/host${ROOT}'
}
umount /proc /sys
exec switch_root /host /bin/sh -c 'sh ${SHARE}/command.sh; sync; /bin/busybox poweroff -f'
`

function copySettings(target: string): void {
  mkdirSync(target)
  const { files, folders } = NEAR_SETTINGS
  const exists = (name: string): boolean => existsSync(`/etc/${name}`)
  for (const name of files.filter(exists)) cpSync(`/etc/${name}`, join(target, name), { dereference: true })
  for (const name of folders.filter(exists))
    cpSync(`/etc/${name}`, join(target, name), { recursive: true, verbatimSymlinks: true })
  writeFileSync(join(target, 'nsswitch.conf'), NAME_SERVICES)
  symlinkSync(TIME_ZONE, join(target, 'localtime'))
}

function buildInitramfs(target: string, kernel: Kernel): void {
  const folder = mkdtempSync(join(tmpdir(), 'ipvsc-initramfs-'))
  try {
    for (const name of ['bin', 'proc', 'sys', 'dev', 'host', 'modules']) mkdirSync(join(folder, name))
    cpSync(existsSync('/bin/busybox') ? '/bin/busybox' : '/usr/bin/busybox', join(folder, 'bin/busybox'), {
      dereference: true,
    })
    copySettings(join(folder, 'etc'))
    const modules = moduleFiles(kernel)
    for (const file of modules) cpSync(file, join(folder, 'modules', basename(file)))
    writeFileSync(join(folder, 'init'), initScript(modules), { mode: 0o755 })
    const { status, stderr } = spawnSync(
      'sh',
      ['-c', `find . | cpio -o -H newc --quiet | gzip -1 > '${target}'`],
      { cwd: folder, encoding: 'utf8' },
    )
    if (status !== 0) throw new Error(`cannot make ${target}: ${stderr}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Kernel parameters that make processes start faster. */
const UNGUARDED = [
  ...['norandmaps', 'randomize_kstack_offset=off', 'mitigations=off', 'init_on_alloc=0'],
  ...['apparmor=0', 'audit=0', 'cgroup_disable=memory'],
]

/** Lays what a machine boots from into its share, and gives the command line that boots it. */
export function prepareQemu(options: MachineOptions): string[] {
  const { share, command, guarded = false, processors = 1 } = options
  const kernel = findKernel()
  const initramfs = join(share, 'initramfs.gz')
  writeFileSync(join(share, 'command.sh'), command)
  buildInitramfs(initramfs, kernel)
  const folder = (path: string, tag: string, options = '') =>
    `local,path=${path},mount_tag=${tag},security_model=none,multidevs=remap${options}`
  return [
    'qemu-system-x86_64',
    ...['-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', String(processors), '-m', '2048'],
    ...['-nographic', '-no-reboot'],
    ...['-kernel', kernel.image, '-initrd', initramfs],
    ...['-append', ['console=ttyS0 quiet panic=-1', ...(guarded ? [] : UNGUARDED)].join(' ')],
    ...['-virtfs', folder('/', 'root', ',readonly=on')],
    ...['-virtfs', folder(ROOT.slice(0, -1), 'repository', ',readonly=on')],
    ...['-virtfs', folder(share, 'share')],
  ]
}
