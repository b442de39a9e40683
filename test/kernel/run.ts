import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { ROOT, SHARED_DATA } from '../support/shared.ts'
import { missingPackages, missingTools, prepareMachine, SHARE } from './harness/machine.ts'

/**
 * Runs the kernel suites: right here where this kernel has IPVS and we are root, otherwise in a virtual machine
 * under software emulation, with the same files. Arguments pick suites by a part of their file names, and
 * `--only TEXT` picks tests by a part of theirs; `--thorough` tries all faults and all pairs, `--bench` runs
 * benchmarks instead, and `--durations` says at the end how long each test took.
 */

const { values, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', default: '' },
    thorough: { type: 'boolean', default: false },
    bench: { type: 'boolean', default: false },
    durations: { type: 'boolean', default: false },
  },
})
/** Minutes after which everything is stopped. */
const TIME_LIMIT = values.thorough ? 120 : 54
/** What the suites are told. */
const settings = {
  IPVSC_ONLY: values.only,
  IPVSC_THOROUGH: values.thorough ? '1' : '',
  IPVSC_CLI: `${ROOT}dist/cli.js`,
}
const SUITES = values.bench ? `${ROOT}bench` : `${ROOT}test/kernel`
const suites = readdirSync(SUITES)
  .filter((name) => name.endsWith(values.bench ? '.bench.ts' : '.kernel.ts'))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .sort()

function hasIpvs(): boolean {
  if (process.getuid?.() !== 0) return false
  spawnSync('modprobe', ['-q', 'ip_vs'])
  return existsSync('/proc/net/ip_vs')
}

/** Everything that the suites read, in one folder: inside the machine the repository may be out of sight. */
async function prepare(folder: string): Promise<void> {
  const entry = suites.map((name) => `import ${JSON.stringify(`./${name}`)}`).join('\n')
  const options = {
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    ignoreAnnotations: true,
    logLevel: 'error',
  } as const
  await build({
    ...options,
    stdin: { contents: entry, resolveDir: SUITES, loader: 'ts' },
    outfile: join(folder, 'suites.cjs'),
  })
  await build({
    ...options,
    entryPoints: [`${ROOT}test/kernel/harness/agent.ts`],
    outfile: join(folder, 'agent.cjs'),
  })
  const data: readonly (readonly [name: string, from: string])[] = [
    ['golden', `${ROOT}golden`],
    ['examples', `${ROOT}examples`],
    ['conformance', `${ROOT}test/conformance/cases`],
    ['conformance', `${SHARED_DATA}/kube-proxy`],
  ]
  for (const [name, from] of data) {
    mkdirSync(join(folder, name), { recursive: true })
    if (existsSync(from)) cpSync(from, join(folder, name), { recursive: true })
  }
}

/** Prints what a file gains while a process runs. Gives the process's exit status, `null` when it was killed. */
async function follow(child: ChildProcess, file: string): Promise<number | null> {
  const output = openSync(file, 'a+')
  const buffer = Buffer.alloc(2 ** 16)
  let position = 0
  const print = (): void => {
    for (;;) {
      const length = readSync(output, buffer, 0, buffer.length, position)
      if (length === 0) return
      position += length
      process.stdout.write(Uint8Array.prototype.slice.call(buffer, 0, length))
    }
  }
  const timer = setInterval(print, 200)
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve))
  clearInterval(timer)
  print()
  closeSync(output)
  return status
}

const text = (folder: string, name: string): string =>
  existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : ''

/** Gives the exit status of the suites, `null` when they did not come to their end. */
async function run(folder: string): Promise<number | null> {
  const here = hasIpvs()
  const missing = here ? missingTools() : missingPackages()
  if (missing.length > 0) {
    console.error(`packages are missing: apt-get install -y ${missing.join(' ')}`)
    return 2
  }
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
  const output = join(folder, 'output.txt')
  // Looking for a tool where it is not takes a message to the host each time.
  const inside = `cd ${SHARE}; export PATH=/usr/sbin:/usr/bin:/sbin:/bin IPVSC_DATA=${SHARE} IPVSC_MACHINE=1
export ${Object.entries(settings)
    .map(([name, value]) => `${name}='${value}'`)
    .join(' ')}
'${process.execPath}' suites.cjs > output.txt 2>&1; echo $? > status\n`
  const [program = '', ...options] = here
    ? ['sh', '-c', `'${process.execPath}' suites.cjs > output.txt 2>&1; echo $? > status`]
    : prepareMachine({ share: folder, command: inside, randomAddresses: values.bench })
  const child = spawn(program, options, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: `${process.env.PATH}:${path}`, ...settings, IPVSC_DATA: folder },
    detached: true,
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      log += chunk
    })
  const stop = (): boolean => process.kill(-(child.pid as number), 'SIGKILL')
  const timer = setTimeout(stop, TIME_LIMIT * 60_000)
  process.on('SIGINT', stop).on('SIGTERM', stop)
  await follow(child, output)
  clearTimeout(timer)
  const status = text(folder, 'status').trim()
  if (status !== '') return Number(status)
  console.error(
    `\nthe suites did not come to their end; running: ${text(folder, 'running')}${log.slice(-4000)}`,
  )
  return null
}

/** uvu's counts as one line. */
function counts(output: string): string {
  const count = (word: string): number =>
    [...output.matchAll(new RegExp(`^ *${word}: +(\\d+)$`, 'gm'))].reduce((sum, [, n]) => sum + Number(n), 0)
  const [total, passed, skipped] = [count('Total'), count('Passed'), count('Skipped')]
  return `${passed} passed, ${total - passed} failed, ${skipped} skipped`
}

/** How long each test took, the longest first. */
const durations = (folder: string): string =>
  [...text(folder, 'durations').matchAll(/^(\d+) (.*)$/gm)]
    .map(([, milliseconds, name]) => ({ seconds: Number(milliseconds) / 1000, name }))
    .sort((a, b) => b.seconds - a.seconds)
    .map(({ seconds, name }) => `${seconds.toFixed(1).padStart(7)} s  ${name}`)
    .join('\n')

const folder = mkdtempSync(join(tmpdir(), 'ipvsc-kernel-'))
try {
  if (suites.length === 0) throw new Error(`no suite of test/kernel has ${wanted.join(' or ')} in its name`)
  await prepare(folder)
  const status = await run(folder)
  if (values.durations) console.log(durations(folder))
  if (status !== 2) console.log(status === null ? '0 passed, 1 failed' : counts(text(folder, 'output.txt')))
  process.exitCode = status ?? 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
