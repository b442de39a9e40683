import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SHARE } from './machine.ts'
import { prepareUml } from './uml.ts'

/** A machine of user-mode Linux that is started again and again: what lies on its disk outlives a start, the kernel does not. */

export interface Restartable {
  /** The folder that it sees as SHARE, for files that are carried to it. */
  readonly share: string
  /** Starts it, runs a script as root, and stops it. */
  start(script: string): Promise<Start>
  remove(): void
}

export interface Start {
  readonly status: number
  /** Of the script, both streams. */
  readonly output: string
}

/** Folders of the machine that are on its disk; all else of its root is that of this machine, and read-only. */
const DISK = ['/etc', '/usr/local/sbin', '/usr/local/lib', '/var/lib/ipvsc', '/media', '/root'] as const

const place = (folder: string): string => `${SHARE}/disk${folder}`

/** /etc begins as that of this machine. */
const MOUNT_DISK = [
  `[ -e ${place('/etc/passwd')} ] || { mkdir -p ${DISK.map(place).join(' ')}; cp -a /etc/. ${place('/etc')}; rm -rf ${place('/etc/ipvsc')}; }`,
  'mkdir -p /var/lib/ipvsc',
  ...DISK.map((folder) => `mount --bind ${place(folder)} ${folder}`),
].join('\n')

/**
 * What systemd does at a start, up to the point where the unit runs: firewalls that the unit comes after have cleared the ruleset.
 * Then the unit, by its own words.
 */
export const RUN_UNIT = `nft flush ruleset
unit=/etc/systemd/system/ipvsc.service
if [ -e /etc/systemd/system/multi-user.target.wants/ipvsc.service ]; then
  env "$(sed -n 's/^Environment=//p' "$unit")" $(sed -n 's/^ExecStart=//p' "$unit")
  echo "unit: $?"
else
  echo 'unit: none'
fi`

/** Everything that a node holds, as its tools list it, without what counts. */
export const LIST = `{ ipvsadm-save -n; ipset save | sort; iptables-save; ip6tables-save; ip -o addr show dev kube-ipvs0; } 2> /dev/null |
  sed -E 's/^#.*//; s/\\[[0-9]+:[0-9]+\\]//; s/^[0-9]+: //; s/ initval 0x[0-9a-f]+//' | grep -v '^$' | sort`

const TIME_LIMIT_MS = 240_000

export function restartable(): Restartable {
  const share = mkdtempSync(join(tmpdir(), 'ipvsc-restart-'))
  return {
    share,
    remove: () => rmSync(share, { recursive: true, force: true }),
    start: async (script) => {
      rmSync(join(share, 'uml'), { recursive: true, force: true })
      mkdirSync(join(share, 'disk'), { recursive: true })
      writeFileSync(join(share, 'script.sh'), `cd ${SHARE}\n${script}\n`)
      writeFileSync(join(share, 'output.txt'), '')
      writeFileSync(join(share, 'status'), '')
      const command = `modprobe br_netfilter; ip link set lo up
${MOUNT_DISK}
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
sh ${SHARE}/script.sh > ${SHARE}/output.txt 2>&1
echo $? > ${SHARE}/status`
      const [program = '', ...words] = prepareUml({ share, command })
      const child = spawn(program, words, { cwd: share, stdio: 'ignore', detached: true })
      const timer = setTimeout(() => process.kill(-(child.pid as number), 'SIGKILL'), TIME_LIMIT_MS)
      await once(child, 'close')
      clearTimeout(timer)
      const [output, status] = ['output.txt', 'status'].map((name) => readFileSync(join(share, name), 'utf8'))
      return { output: output as string, status: status === '' ? -1 : Number(status) }
    },
  }
}
