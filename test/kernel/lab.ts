import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ROOT } from '../support/shared.ts'
import { chooseMachine, machineOf } from './harness/choose.ts'
import { SHARE } from './harness/machine.ts'

/** A root shell in a machine of the kernel suites, `--machine uml` or `qemu`; `exit` stops it. */

const { values } = parseArgs({ options: { machine: { type: 'string' } } })
const wish = machineOf(values.machine)
if (wish === 'here') throw new Error('the lab is a machine of its own: --machine uml or qemu')
const machine = chooseMachine(wish, false)
if ('missing' in machine) {
  console.error(
    `the lab needs packages that are not installed: apt-get install -y ${machine.missing.join(' ')}`,
  )
  process.exit(2)
}
const CONSOLE = machine.kind === 'uml' ? '/dev/tty0' : '/dev/ttyS0'

const size = process.stdout.isTTY ? `stty rows ${process.stdout.rows} cols ${process.stdout.columns}` : ':'
const shell = `
modprobe -a ip_vs nf_conntrack dummy br_netfilter
cd '${ROOT}'
export HOME=/root TERM=${process.env.TERM ?? 'vt100'} PATH='${process.env.PATH ?? ''}'
${size}
echo 'A kernel with IPVS. The repository is read-only here; write below /tmp. exit stops the machine.'
echo 'Try: node dist/cli.js build examples/walk-through --node node-1 -o /tmp/bundle'
PS1='lab# ' setsid -c sh -i
`

const share = mkdtempSync(join(tmpdir(), 'ipvsc-lab-'))
try {
  const [program = '', ...options] = machine.prepare({
    share,
    command: `( ${shell} ) < ${CONSOLE} > ${CONSOLE} 2>&1\n`,
  })
  console.error(`booting; ${share} of this machine is ${SHARE} in there`)
  process.exitCode = spawnSync(program, options, { stdio: 'inherit' }).status ?? 1
} finally {
  rmSync(share, { recursive: true, force: true })
}
