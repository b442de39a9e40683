import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs'
import { availableParallelism, homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../../support/shared.ts'
import { absent, type MachineOptions, SHARE } from './machine.ts'

/**
 * A machine of user-mode Linux: a kernel newer than Debian's that is a program of this machine, with this machine's root,
 * read-only, and one folder to write to. It has one processor and boots in a quarter of a second.
 */

const SOURCES = `${ROOT}test/kernel/uml`

/** What it is built with: Debian packages by a file that each brings. */
const BUILD_TOOLS: Readonly<Record<string, string>> = {
  apt: '/usr/bin/apt-get',
  gcc: '/usr/bin/gcc',
  'libc6-dev': '/usr/include/stdio.h',
  make: '/usr/bin/make',
  flex: '/usr/bin/flex',
  bison: '/usr/bin/bison',
  bc: '/usr/bin/bc',
  'xz-utils': '/usr/bin/xz',
}

/** Another configuration is another kernel, so the folder is named after it. */
export function umlFolder(): string {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache')
  const name = createHash('sha256')
    .update(readFileSync(`${SOURCES}/config`))
    .digest('hex')
    .slice(0, 12)
  return join(cache, 'ipvsc', `uml-${name}`)
}

export const isBuilt = (): boolean => existsSync(join(umlFolder(), 'linux'))

/** Debian packages that building it needs, and that are not here. */
export const missingBuildTools = (): string[] => absent(BUILD_TOOLS)

/** Builds it if it is not there; waits for whoever else is at it. Gives what went wrong, or `null`. */
export function buildUml(): string | null {
  const folder = umlFolder()
  console.error(`building a user-mode Linux into ${folder}, once for this machine: some minutes`)
  const { status, stderr } = spawnSync('bash', [`${SOURCES}/build.sh`, folder], { encoding: 'utf8' })
  return status === 0 ? null : stderr
}

/**
 * /tmp, /run and /var/lib are empty in the machine, so a checkout that lies below them is mounted by itself. What is written to
 * the shared folder is seen outside when the kernel writes it back, which is soon.
 */
const initScript = ({ share }: MachineOptions): string => `#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc; mount -t sysfs sys /sys
[ -c /dev/null ] || mount -t devtmpfs dev /dev
mkdir -p /dev/pts; mount -t devpts pts /dev/pts
for folder in /run /tmp; do mount -t tmpfs tmp $folder; done
${mountFolder(join(umlFolder(), 'modules/lib/modules'), '/usr/lib/modules', 'ro')}
mount -t tmpfs tmp /var/lib
${mountFolder(share, SHARE)}
[ -e '${ROOT}package.json' ] || { ${mountFolder(ROOT, ROOT, 'ro')}; }
echo 20 > /proc/sys/vm/dirty_writeback_centisecs; echo 20 > /proc/sys/vm/dirty_expire_centisecs
sh ${SHARE}/command.sh
sync
busybox poweroff -f
`

/** A shell command that shows a folder of the host at a place. */
const mountFolder = (folder: string, place: string, mode = 'rw'): string =>
  `mkdir -p '${place}'; mount -t hostfs -o '${mode},${folder}' none '${place}'`

/** Where the memory of the machine lies: a folder with room for it, the fast one where programs may be run from there. */
function memoryFolder(bytes: number): string {
  const mounts = readFileSync('/proc/mounts', 'utf8')
  const shared = mounts.split('\n').find((line) => line.split(' ')[1] === '/dev/shm') ?? 'noexec'
  if (shared.includes('noexec')) return tmpdir()
  const { bavail, bsize } = statfsSync('/dev/shm')
  return bavail * bsize > bytes ? '/dev/shm' : tmpdir()
}

const MEMORY_MB = 2048

/** Lays what a machine boots from into its share, and gives the command line that boots it. */
export function prepareUml(options: MachineOptions): string[] {
  const { share, command, number = 0 } = options
  writeFileSync(join(share, 'command.sh'), command)
  const init = join(share, 'init.sh')
  writeFileSync(init, initScript(options), { mode: 0o755 })
  mkdirSync(join(share, 'uml'))
  // One processor for it and for the processes that it runs: they take turns, and a move to another costs each of them.
  return [
    ...['taskset', '-c', String(number % availableParallelism())],
    ...['env', `TMPDIR=${memoryFolder(2 * MEMORY_MB * 2 ** 20)}`],
    join(umlFolder(), 'linux'),
    ...[`mem=${MEMORY_MB}M`, 'seccomp=auto', 'ncpus=1', 'dummy.numdummies=0'],
    ...['rootfstype=hostfs', 'rootflags=/', 'ro', 'quiet', `init=${init}`],
    ...['con=null', 'con0=fd:0,fd:1', `umid=ipvsc-${process.pid}-${number}`, `uml_dir=${share}/uml/`],
  ]
}
