import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { suite } from 'uvu'
import { chance } from '../../support/sample.ts'

/**
 * A test of the kernel suites has a lab of its own: a folder, network namespaces, and processes in them. All of it is
 * gone when the test ends, however it ends.
 */

export interface Lab {
  /** Empty at first, deleted at the end. */
  readonly folder: string
  /** Makes network namespaces; their names on this kernel are unique to the lab. */
  namespaces<Role extends string>(...roles: readonly Role[]): Promise<Record<Role, Namespace>>
  /** Runs a shell script; anything but exit status 0 is an error that holds what it said. */
  run(script: string, options?: RunOptions): Promise<Output>
  /** Starts a process that lives until the test ends. */
  start(command: readonly string[], namespace: Namespace): ChildProcess
  /** What to print when the test fails. */
  onFailure(diagnose: () => Promise<string>): void
}

export interface Namespace {
  /** As `ip netns` knows it. */
  readonly name: string
  /** As the test calls it. */
  readonly role: string
}

export interface RunOptions {
  readonly in?: Namespace
  /** Whether an exit status other than 0 is an error. Default `true`. */
  readonly check?: boolean
}

export interface Output {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export interface KernelTestOptions {
  /** Seconds after which the test is stopped and reported. */
  readonly limit?: number
  /** Whether it goes through hundreds of cases: it runs after others, and is left out when there is no time left. */
  readonly long?: boolean
  /** Whether it mostly waits: more of such tests run at once. */
  readonly waits?: boolean
}

/** The folder that holds what the suites read; inside the machine a checkout may be out of sight. */
export const DATA = process.env.IPVSC_DATA ?? '.'

/** The command line, as it is built. */
export const CLI = process.env.IPVSC_CLI ?? ''

/** Whether the whole kernel is ours, with all that no namespace holds apart. */
export const IN_MACHINE = process.env.IPVSC_MACHINE === '1'

/** Milliseconds after which none of the long tests begins. */
const UNTIL = Number(process.env.IPVSC_MINUTES ?? 'Infinity') * 60_000

/** A part of the names of the tests to run. */
const ONLY = process.env.IPVSC_ONLY ?? ''

/** The part of the tests that is run at all. */
const SHARE_OF_TESTS = Number(process.env.IPVSC_SHARE ?? '1')

type UvuSuite = ReturnType<typeof suite>

/**
 * How many tests run at once, those that mostly wait counting half: of more, each would only take longer. The long ones that
 * compute run alone: where another network namespace has virtual servers, each list of them is asked for again.
 */
const AT_ONCE = 2

/** How many of the long ones that wait run beside short ones. */
const BESIDE_SHORT = 2

/** Where several machines share the tests: which of them this is, and how many there are. */
const [PART = 0, PARTS = 1] = (process.env.IPVSC_PART ?? '0/1').split('/').map(Number)
let [registered, registeredLong] = [0, 0]

/** Tests are dealt out there and back, so that no machine always gets the first of those that belong together. */
function isOurs(place: number): boolean {
  const turn = place % (2 * PARTS)
  return PART === (turn < PARTS ? turn : 2 * PARTS - 1 - turn)
}

interface Job {
  /** As a part of AT_ONCE. */
  readonly load: number
  readonly run: () => Promise<void>
  readonly settled: Promise<void>
}

/** Tests that have not begun, each kind in the order in which uvu asks for them. */
const queues = { longWaiting: [] as Job[], short: [] as Job[], long: [] as Job[] }
let [busy, longWaiting] = [0, 0]

function nextQueue(): Job[] | undefined {
  const early = longWaiting < BESIDE_SHORT ? [queues.longWaiting] : []
  return [...early, queues.short, queues.longWaiting, queues.long].find(({ length }) => length > 0)
}

/** Keeps as many tests running as there is room for, also while uvu waits for a long one. */
function startNext(): void {
  for (;;) {
    const queue = nextQueue()
    const [job] = queue ?? []
    if (job === undefined || busy + job.load > AT_ONCE) return
    queue?.shift()
    const waits = queue === queues.longWaiting ? 1 : 0
    busy += job.load
    longWaiting += waits
    job.run().finally(() => {
      busy -= job.load
      longWaiting -= waits
      startNext()
    })
  }
}

/** A job that says how it ended when it has run. */
function createJob(load: number, work: () => Promise<void>): Job {
  let settle: (result: Promise<void>) => void = () => {}
  const settled = new Promise<void>((resolve) => {
    settle = resolve
  })
  // Whoever waits for it hears of a failure; until then nobody does.
  settled.catch(() => {})
  return {
    load,
    settled,
    run: async () => {
      const result = work()
      settle(result)
      await result.catch(() => {})
    },
  }
}

/** Registers a test with a lab of its own and a time limit of its own, if this machine is to run it. */
export function kernelTest(
  test: UvuSuite,
  name: string,
  body: (lab: Lab) => Promise<void>,
  { limit = 240, long = false, waits = false }: KernelTestOptions = {},
): void {
  if (!name.includes(ONLY) || chance(name) >= SHARE_OF_TESTS) return
  const place = long ? registeredLong++ : registered++
  if (!isOurs(place)) return
  const job = createJob(waits ? 0.5 : long ? AT_ONCE : 1, async () => {
    if (long && performance.now() > UNTIL) appendFileSync(join(DATA, 'left-out'), `${name}\n`)
    else await perform(name, body, limit)
  })
  queues[!long ? 'short' : waits ? 'longWaiting' : 'long'].push(job)
  test(name, () => {
    startNext()
    return job.settled
  })
}

const inProgress = new Set<string>()
/** Told to whoever stops the suites from outside. */
const announce = (): void => writeFileSync(join(DATA, 'running'), `${[...inProgress].join('\n')}\n`)

async function perform(name: string, body: (lab: Lab) => Promise<void>, limit: number): Promise<void> {
  inProgress.add(name)
  announce()
  const start = performance.now()
  const open = openLab()
  const clock = stopAfter(limit)
  try {
    await Promise.race([body(open.lab), clock.stopped])
  } catch (error) {
    throw await explained(error as Error, open)
  } finally {
    clock.clear()
    await open.close()
    inProgress.delete(name)
    announce()
    const seconds = (performance.now() - start) / 1000
    appendFileSync(join(DATA, 'durations'), `${seconds.toFixed(1).padStart(7)} s  ${name}\n`)
  }
}

function stopAfter(seconds: number): { readonly stopped: Promise<never>; readonly clear: () => void } {
  let timer: NodeJS.Timeout | undefined
  const stopped = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`stopped: it took longer than ${seconds} s`)), seconds * 1000)
  })
  return { stopped, clear: () => clearTimeout(timer) }
}

/** uvu prints the stack last, after the difference: the state of the nodes goes there. */
async function explained(error: Error, { diagnoses, running }: OpenLab): Promise<Error> {
  const parts = [...running].map((script) => `still running:\n${script}`)
  for (const diagnose of diagnoses) parts.push(await diagnose().catch((problem) => String(problem)))
  error.stack = [error.stack, ...parts].join('\n\n')
  return error
}

interface OpenLab {
  readonly lab: Lab
  readonly diagnoses: readonly (() => Promise<string>)[]
  /** Scripts that have not ended. */
  readonly running: ReadonlySet<string>
  close(): Promise<void>
}

let labs = 0

function openLab(): OpenLab {
  const prefix = `ipvsc-${process.pid}-${labs++}`
  const folder = mkdtempSync(join(tmpdir(), 'ipvsc-lab-'))
  const children = new Set<ChildProcess>()
  const running = new Set<string>()
  const names: string[] = []
  const diagnoses: (() => Promise<string>)[] = []

  const begin = (command: readonly string[], namespace: Namespace | undefined): ChildProcess => {
    const enter = namespace === undefined ? [] : ['nsenter', `--net=/run/netns/${namespace.name}`, '--']
    const [program = '', ...rest] = [...enter, ...command]
    const child = spawn(program, rest, { cwd: folder, detached: true })
    children.add(child)
    return child.on('close', () => children.delete(child))
  }

  const run: Lab['run'] = async (script, { in: namespace, check = true } = {}) => {
    running.add(script)
    const output = await collect(begin(['sh', '-c', script], namespace))
    running.delete(script)
    if (!check || output.status === 0) return output
    const place = namespace === undefined ? '' : ` in ${namespace.role}`
    throw new Error(
      `a script${place} ended with ${output.status}\n${output.stderr}${output.stdout}\n${script}`,
    )
  }

  const lab: Lab = {
    folder,
    run,
    start: begin,
    onFailure: (diagnose) => diagnoses.push(diagnose),
    async namespaces(...roles) {
      const made = roles.map((role) => ({ role, name: `${prefix}-${role}` }))
      names.push(...made.map(({ name }) => name))
      await run(batch(made.map(({ name }) => `netns add ${name}`)))
      return Object.fromEntries(made.map((namespace) => [namespace.role, namespace])) as never
    },
  }

  const close = async (): Promise<void> => {
    const ended = [...children].map((child) => new Promise((resolve) => child.once('close', resolve)))
    for (const { pid } of children) if (pid !== undefined) killGroup(pid)
    await Promise.all(ended)
    if (names.length > 0)
      await run(
        batch(
          names.map((name) => `netns delete ${name}`),
          '-force',
        ),
      )
    rmSync(folder, { recursive: true, force: true })
  }
  return { lab, diagnoses, running, close }
}

/** One `ip` process for many commands. */
export const batch = (commands: readonly string[], ...options: readonly string[]): string =>
  `ip ${options.join(' ')} -batch - <<'END'\n${commands.join('\n')}\nEND\n`

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

const collect = (child: ChildProcess): Promise<Output> =>
  new Promise((resolve, reject) => {
    let [stdout, stderr] = ['', '']
    child.stdout?.on('data', (data) => {
      stdout += data
    })
    child.stderr?.on('data', (data) => {
      stderr += data
    })
    child.on('error', reject)
    child.on('close', (code, signal) =>
      resolve({ status: code ?? -1, stdout, stderr: stderr + (signal ?? '') }),
    )
  })
