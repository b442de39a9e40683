import { spawn, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { ROOT } from '../support/shared.ts'
import { bootArguments, buildInitramfs, findKernel, missingPackages } from './machine.ts'

/**
 * Runs the kernel suites: right here where this kernel has IPVS and we are root, otherwise in a virtual machine
 * under software emulation, with the same files.
 */

/** Minutes after which a machine that says nothing more is stopped. */
const TIME_LIMIT = 20

const hasIpvs = (): boolean => {
  spawnSync('modprobe', ['-q', 'ip_vs'])
  return process.getuid?.() === 0 && existsSync('/proc/net/ip_vs')
}

/** Everything that the suites read, in one folder: inside the machine the repository may be out of sight. */
async function prepare(folder: string): Promise<void> {
  const suites = readdirSync(`${ROOT}test/kernel`).filter((name) => name.endsWith('.kernel.ts'))
  const entry = suites
    .sort()
    .map((name) => `import ${JSON.stringify(`./${name}`)}`)
    .join('\n')
  await build({
    stdin: { contents: entry, resolveDir: `${ROOT}test/kernel`, loader: 'ts' },
    outfile: join(folder, 'suites.cjs'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    ignoreAnnotations: true,
    target: 'node20',
    logLevel: 'error',
  })
  for (const data of ['golden', 'test/conformance/cases']) {
    mkdirSync(join(folder, data), { recursive: true })
    cpSync(`${ROOT}${data}`, join(folder, data), { recursive: true })
  }
}

async function runInMachine(folder: string): Promise<number> {
  const missing = missingPackages()
  if (missing.length > 0) {
    console.error(
      `the kernel tests need packages that are not installed: apt-get install -y ${missing.join(' ')}`,
    )
    return 2
  }
  const kernel = findKernel()
  const initramfs = join(folder, 'initramfs.gz')
  const command = `IPVSC_DATA=/tmp/share ${process.execPath} /tmp/share/suites.cjs`
  writeFileSync(
    join(folder, 'command.sh'),
    `${command} > /tmp/share/output.txt 2>&1; echo $? > /tmp/share/status\n`,
  )
  buildInitramfs(initramfs, kernel)
  const machine = spawn('qemu-system-x86_64', bootArguments({ kernel, initramfs, share: folder }), {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const log: string[] = []
  machine.stdout.on('data', (chunk) => log.push(String(chunk)))
  machine.stderr.on('data', (chunk) => log.push(String(chunk)))
  const timer = setTimeout(() => machine.kill('SIGKILL'), TIME_LIMIT * 60_000)
  await new Promise((resolve) => machine.on('close', resolve))
  clearTimeout(timer)
  const read = (name: string): string =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : ''
  process.stdout.write(read('output.txt'))
  const status = read('status').trim()
  if (status === '') {
    console.error(`the machine stopped before the suites ended; its console:\n${log.join('').slice(-4000)}`)
    return 1
  }
  return Number(status)
}

const folder = mkdtempSync(join(tmpdir(), 'ipvsc-kernel-'))
try {
  await prepare(folder)
  process.exitCode = hasIpvs()
    ? (spawnSync(process.execPath, [join(folder, 'suites.cjs')], {
        stdio: 'inherit',
        env: { ...process.env, IPVSC_DATA: folder },
      }).status ?? 1)
    : await runInMachine(folder)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
