import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../support/shared.ts'
import { missingPackages, prepareMachine, SHARE } from './harness/machine.ts'

/** A root shell in the virtual machine of the kernel suites; `exit` stops it. */

const missing = missingPackages()
if (missing.length > 0) {
  console.error(`the lab needs packages that are not installed: apt-get install -y ${missing.join(' ')}`)
  process.exit(2)
}

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
  const [program = '', ...options] = prepareMachine({
    share,
    command: `( ${shell} ) < /dev/ttyS0 > /dev/ttyS0 2>&1\n`,
  })
  console.error(`booting; ${share} of this machine is ${SHARE} in there`)
  process.exitCode = spawnSync(program, options, { stdio: 'inherit' }).status ?? 1
} finally {
  rmSync(share, { recursive: true, force: true })
}
