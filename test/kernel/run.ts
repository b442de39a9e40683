import { spawn } from 'node:child_process'
import { once } from 'node:events'
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
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { SEED, THOROUGH } from '../support/sample.ts'
import { ROOT, SHARED_DATA } from '../support/shared.ts'
import { type Choice, chooseMachine, hasIpvs, machineOf } from './harness/choose.ts'
import { type MachineKind, SHARE } from './harness/machine.ts'

/**
 * Runs the kernel suites: right here where this kernel has IPVS and we are root, otherwise in machines of one processor, one for
 * each of ours, with the same files; the tests are dealt out among them. `--machine here|uml|qemu` says where. Arguments pick
 * suites by a part of their file names, and `--only TEXT` picks tests by a part of theirs; `--share N`, from 0 to 1, takes only that part
 * of them. Tests of hundreds of cases take a sample: `--thorough` takes all, and `--seed N` those of another run; `--minutes N` leaves out what would begin
 * later, of the tests that go through hundreds of cases; `--durations` says at the end how long each test took. `--bench` runs
 * benchmarks instead, and with `--margin N` their limits are N times as high: other work on the same machine moves ratios.
 */

const { values, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    machine: { type: 'string' },
    only: { type: 'string', default: '' },
    share: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(SEED) },
    thorough: { type: 'boolean', default: THOROUGH },
    minutes: { type: 'string', default: '120' },
    bench: { type: 'boolean', default: false },
    margin: { type: 'string', default: '1' },
    durations: { type: 'boolean', default: false },
  },
})
// Benchmarks want several processors, and a kernel that guards itself.
const wish = machineOf(values.machine) ?? (values.bench && !hasIpvs() ? 'qemu' : null)
const minutes = Number(values.minutes)
if (!(Number(values.margin) >= 1)) throw new Error(`--margin takes a number, not "${values.margin}"`)
if (!(Number(values.share) > 0)) throw new Error(`--share takes a part of 1, not "${values.share}"`)
if (!/^\d+$/.test(values.seed)) throw new Error(`--seed takes a whole number, not "${values.seed}"`)
if (!(minutes >= 0)) throw new Error(`--minutes takes a number, not "${values.minutes}"`)
/** Minutes after which everything is stopped; tests that have begun get ten more. */
const TIME_LIMIT = minutes + 10
/** What the suites are told. */
const settings = {
  IPVSC_ONLY: values.only,
  IPVSC_SHARE: values.share,
  IPVSC_SEED: values.seed,
  IPVSC_THOROUGH: values.thorough ? '1' : '0',
  IPVSC_MINUTES: String(minutes),
  IPVSC_CLI: `${ROOT}dist/cli.js`,
  IPVSC_MARGIN: values.margin,
}
const SUITES = values.bench ? `${ROOT}bench` : `${ROOT}test/kernel`
/** Tests of machines that are restarted: they run here, and start machines of their own. */
const RESTARTS = readdirSync(`${ROOT}test/kernel`)
  .filter((name) => name.endsWith('.restart.ts') && !values.bench)
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
const suites = readdirSync(SUITES)
  .filter((name) => name.endsWith(values.bench ? '.bench.ts' : '.kernel.ts'))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .sort()

/** More would need more memory than a machine of many processors has for certain. */
const MOST_MACHINES = 4

/** Everything that the suites read, in one folder: inside the machine the repository may be out of sight. */
async function fill(folder: string): Promise<void> {
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

/** Copies the lines that a file gains, until it is closed. */
function follow(file: string, target: NodeJS.WritableStream): { readonly close: () => void } {
  const output = openSync(file, 'a+')
  const buffer = Buffer.alloc(2 ** 16)
  const decoder = new StringDecoder()
  let [position, line] = [0, '']
  const print = (): void => {
    for (;;) {
      const length = readSync(output, buffer, 0, buffer.length, position)
      if (length === 0) return
      position += length
      line += decoder.write(buffer.subarray(0, length))
      const end = line.lastIndexOf('\n') + 1
      target.write(line.slice(0, end))
      line = line.slice(end)
    }
  }
  const timer = setInterval(print, 200)
  const close = (): void => {
    clearInterval(timer)
    print()
    target.write(line)
    closeSync(output)
  }
  return { close }
}

const text = (folder: string, name: string): string =>
  existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : ''

const shellSettings = (settings: Readonly<Record<string, string>>): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name}='${value}'`)
    .join(' ')

const IN_FOLDER = `'${process.execPath}' suites.cjs > output.txt 2>&1; echo $? > status\n`

type Machine = Extract<Choice, { kind: unknown }>

/** The command that runs a part of the tests in a folder that `fill` filled. */
function command({ kind, prepare }: Machine, folder: string, number: number, parts: number): string[] {
  const own = { ...settings, IPVSC_PART: `${number}/${parts}` }
  if (kind === 'here')
    return ['sh', '-c', `export ${shellSettings({ ...own, IPVSC_DATA: folder })}\n${IN_FOLDER}`]
  // Looking for a tool where it is not takes a message to the host each time.
  const inside = { ...own, IPVSC_DATA: SHARE, IPVSC_MACHINE: '1', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }
  return prepare({
    share: folder,
    number,
    // Its settings are there for every test, whichever ran before.
    command: `modprobe br_netfilter; cd ${SHARE}; export ${shellSettings(inside)}\n${IN_FOLDER}`,
    ...(values.bench ? { guarded: true, processors: 2 } : {}),
  })
}

/** Gives the exit status of a part of the suites, `null` when they did not come to their end. */
async function run(folder: string, [program = '', ...options]: readonly string[]): Promise<number | null> {
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
  const child = spawn(program, options, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: `${process.env.PATH}:${path}` },
    detached: true,
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      log += chunk
    })
  const stop = (): void => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-(child.pid as number), 'SIGKILL')
  }
  const timer = setTimeout(stop, TIME_LIMIT * 60_000)
  process.on('SIGINT', stop).on('SIGTERM', stop)
  const followed = [
    follow(join(folder, 'output.txt'), process.stdout),
    follow(join(folder, 'durations'), process.stderr),
  ]
  await once(child, 'close')
  for (const { close } of followed) close()
  clearTimeout(timer)
  const status = text(folder, 'status').trim()
  if (status !== '') return Number(status)
  console.error(
    `\nthe suites did not come to their end; running: ${text(folder, 'running')}${log.slice(-4000)}`,
  )
  return null
}

/** uvu's counts as one line: without what was left out, and a part that did not come to its end is a failure. */
function counts(output: string, leftOut: number, unfinished: number): string {
  const count = (word: string): number =>
    [...output.matchAll(new RegExp(`^ *${word}: +(\\d+)$`, 'gm'))].reduce((sum, [, n]) => sum + Number(n), 0)
  const [total, passed, skipped] = [count('Total'), count('Passed'), count('Skipped')]
  return `${passed - leftOut} passed, ${total - passed + unfinished} failed, ${skipped + leftOut} skipped`
}

/** The lines of `perform` in harness/lab.ts, the longest test first. */
const durations = (lines: string): string =>
  lines
    .split('\n')
    .filter((line) => line !== '')
    .sort((a, b) => Number.parseFloat(b) - Number.parseFloat(a))
    .join('\n')

/** Gives the exit status of tests that restart machines, and what they said. */
async function runRestarts(kind: MachineKind): Promise<{ readonly status: number; readonly output: string }> {
  if (RESTARTS.length === 0) return { status: 0, output: '' }
  if (kind !== 'uml') {
    console.log(`left out, since only user-mode Linux is restarted: ${RESTARTS.join(', ')}`)
    return { status: 0, output: '' }
  }
  let [status, output] = [0, '']
  for (const name of RESTARTS) {
    const child = spawn(process.execPath, ['--import', 'tsx', `${ROOT}test/kernel/${name}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
      cwd: ROOT,
      env: { ...process.env, ...settings, IPVSC_DATA: ROOT },
    })
    child.stdout.on('data', (chunk) => {
      output += chunk
      process.stdout.write(chunk)
    })
    const [code] = await once(child, 'close')
    status ||= code ?? 1
  }
  return { status, output }
}

async function main(): Promise<number> {
  if (suites.length + RESTARTS.length === 0)
    throw new Error(`no suite of ${SUITES} has ${wanted.join(' or ')} in its name`)
  const machine = chooseMachine(wish)
  if ('missing' in machine) {
    console.error(`packages are missing: apt-get install -y ${machine.missing.join(' ')}`)
    return 2
  }
  const sample = `a sample by seed ${values.seed}: --seed ${values.seed} repeats it, --thorough takes all`
  console.log(`machine: ${machine.kind}; ${values.thorough ? 'all cases' : sample}`)
  const restarts = runRestarts(machine.kind)
  if (suites.length === 0) {
    const { status, output } = await restarts
    console.log(counts(output, 0, 0))
    return status
  }
  const parts = machine.kind === 'here' || values.bench ? 1 : Math.min(availableParallelism(), MOST_MACHINES)
  const folders = Array.from({ length: parts }, (_, part) => join(folder, `part-${part}`))
  for (const [part, target] of folders.entries()) {
    if (part === 0) await fill(target)
    else cpSync(folders[0] as string, target, { recursive: true })
  }
  // Beside the others.
  const statuses = await Promise.all(
    folders.map((target, part) => run(target, command(machine, target, part, parts))),
  )
  const all = (name: string): string => folders.map((target) => text(target, name)).join('\n')
  const restarted = await restarts
  if (values.durations) console.log(durations(all('durations')))
  const leftOut = all('left-out')
    .split('\n')
    .filter((name) => name !== '')
  if (leftOut.length > 0) console.log(`no time was left for:\n${leftOut.join('\n')}\n`)
  const unfinished = statuses.filter((status) => status === null).length
  console.log(counts(`${all('output.txt')}\n${restarted.output}`, leftOut.length, unfinished))
  return [...statuses, restarted.status].find((status) => status !== 0) === undefined ? 0 : 1
}

const folder = mkdtempSync(join(tmpdir(), 'ipvsc-kernel-'))
try {
  process.exitCode = await main()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
