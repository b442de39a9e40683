import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bundle } from '../bundle/bundle.ts'
import { bundleOf } from '../bundle/bundle.ts'
import { CHECKSUMS } from '../bundle/checksums.ts'
import type { Dumps } from '../capture/capture.ts'
import { compile } from '../compile/compile.ts'
import { NODE_FILES } from '../generated/nodeFiles.js'
import { FailedError, UsageError } from './exit.ts'
import { readTextFile } from './files.ts'
import { writeFolder } from './folder.ts'
import { copyVerified } from './verified.ts'

/** The node that this runs on: its tools, and the script of a bundle. */

/** Signals that ask a program to end. */
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export interface ToolOutput {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs a program; each line that it prints to standard output is handed over as it comes. A signal that asks us to end is
 * handed on, and we end when the program has: a script that is interrupted has a way back to go.
 */
export function runTool(
  [program = '', ...words]: readonly string[],
  onLine: (line: string) => void = () => {},
): Promise<ToolOutput> {
  return new Promise((resolve, reject) => {
    const path = `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin`
    const child = spawn(program, words, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PATH: path },
    })
    const handOn = (signal: NodeJS.Signals): boolean => child.kill(signal)
    for (const signal of ENDING) process.on(signal, handOn)
    const release = (): void => {
      for (const signal of ENDING) process.off(signal, handOn)
    }
    let [stdout, stderr, rest] = ['', '', '']
    child.stdout.on('data', (data) => {
      stdout += data
      const lines = `${rest}${data}`.split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) onLine(line)
    })
    child.stderr.on('data', (data) => {
      stderr += data
    })
    child.on('error', (error: NodeJS.ErrnoException) => {
      release()
      const problem = error.code === 'ENOENT' ? 'it is not installed' : error.message
      reject(new FailedError(`cannot run ${program}: ${problem}`))
    })
    child.on('close', (status) => {
      release()
      resolve({ status: status ?? 137, stdout, stderr })
    })
  })
}

/** Tools that list the state of a node, by what they list. */
const LISTERS: Readonly<Record<keyof Dumps, readonly string[]>> = {
  ipvs: ['ipvsadm', '-S', '-n'],
  ipset: ['ipset', 'save'],
  iptables: ['iptables-save'],
  ip6tables: ['ip6tables-save'],
  addresses: ['ip', '-j', '-d', 'addr'],
  thresholds: ['ipvsadm', '-L', '-n', '--thresholds'],
}

/** How often ipvsadm is asked at most. */
const ATTEMPTS = 20

/**
 * Lists virtual servers until the longest list that there was comes again. The kernel hands it over in parts and finds its place
 * by counting, across all network namespaces: a change between two parts repeats a virtual server or leaves one out.
 */
async function settled(list: () => Promise<string>): Promise<string> {
  let longest = ''
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const listing = eachServerOnce(await list())
    if (attempt > 0 && listing === longest) return listing
    if (listing.length >= longest.length) longest = listing
  }
  throw new FailedError(
    'the list of virtual servers keeps changing: find out what else changes them, and stop it',
  )
}

/** A virtual server with its real servers is one paragraph of a listing that begins with `-A`. */
const eachServerOnce = (listing: string): string => [...new Set(listing.split(/^(?=-A )/m))].join('')

/** What this node holds; needs root. */
export async function liveDumps(flavour: string | undefined): Promise<Dumps> {
  const list = async (name: keyof Dumps): Promise<string> => {
    const [program = '', ...words] = LISTERS[name]
    const tool = flavour === undefined ? program : program.replace('tables-', `tables-${flavour}-`)
    const { status, stdout, stderr } = await runTool([tool, ...words])
    if (status !== 0)
      throw new FailedError(`${tool} failed with ${status}: ${stderr.trim() || 'it needs root'}`)
    return stdout
  }
  const [ipvs, ipset, iptables, ip6tables, addresses, thresholds] = await Promise.all([
    settled(() => list('ipvs')),
    list('ipset'),
    list('iptables'),
    list('ip6tables'),
    list('addresses'),
    list('thresholds'),
  ])
  return { ipvs, ipset, iptables, ip6tables, addresses, thresholds }
}

/** Names that a saved listing may have, with or without an extension. */
const DUMP_NAMES: Readonly<Record<keyof Dumps, RegExp>> = {
  ipvs: /^ipvs(adm)?(-save)?(\.\w+)?$/,
  ipset: /^ipset(-save)?(\.\w+)?$/,
  iptables: /^iptables(-save)?(\.\w+)?$/,
  ip6tables: /^ip6tables(-save)?(\.\w+)?$/,
  addresses: /^(ip-)?addr(esses)?(\.\w+)?$/,
  thresholds: /^ipvsadm-thresholds(\.\w+)?$/,
}

/** Whether a folder holds listings that were carried off a node: nothing else is called `ipvsadm-save`. */
export const holdsDumps = (folder: string): boolean => areDumps(guarded(folder, () => readdirSync(folder)))

/** Whether names are those of listings that were carried off a node. */
export const areDumps = (names: readonly string[]): boolean =>
  names.some((name) => /^ipvsadm-save(\.\w+)?$/.test(name))

/** The texts of a folder, wherever it lies. */
export interface TextFolder {
  readonly names: readonly string[]
  readonly read: (name: string) => string
}

const onDisk = (folder: string): TextFolder => ({
  names: guarded(folder, () => readdirSync(folder)),
  read: (name) => readTextFile(join(folder, name)),
})

/** Listings that were carried off a node. */
export function savedDumps(folder: string, { names, read }: TextFolder = onDisk(folder)): Dumps {
  const find = (key: keyof Dumps): string | null => {
    const [name, other] = names.filter((candidate) => DUMP_NAMES[key].test(candidate)).sort()
    if (other !== undefined) throw new UsageError(`${folder} holds both ${name} and ${other}`)
    return name === undefined ? null : read(name)
  }
  const need = (key: 'ipvs' | 'ipset' | 'addresses', name: string): string => {
    const text = find(key)
    if (text === null)
      throw new UsageError(`${folder} holds no ${name}: the output of "${LISTERS[key].join(' ')}"`)
    return text
  }
  const [iptables, ip6tables] = [find('iptables'), find('ip6tables')]
  if (iptables === null && ip6tables === null)
    throw new UsageError(`${folder} holds neither iptables-save nor ip6tables-save`)
  return {
    ipvs: need('ipvs', 'ipvsadm-save'),
    ipset: need('ipset', 'ipset-save'),
    addresses: need('addresses', 'ip-addr.json'),
    iptables,
    ip6tables,
    thresholds: find('thresholds'),
  }
}

export function guarded<T>(path: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${(error as Error).message}`)
  }
}

/** The script of a bundle, for whoever has none at hand: what it removes or lists does not depend on a cluster. */
function bareBundle(): Bundle {
  const empty = { services: [], endpointSlices: [], endpoints: [], nodes: [], configurations: [] }
  const { plan } = compile(empty, { node: 'this-node', nodeIPs: ['192.0.2.1', '2001:db8::1'] })
  if (plan === null) throw new Error('internal error: an empty cluster does not compile')
  return bundleOf('this-node', plan)
}

/**
 * Runs our own copy of the script on a bundle, or on a bare one: never a script that lies in a folder, and only when every
 * file of the bundle is what its checksums say. Gives what the script said and its exit status.
 */
export async function runScript(
  folder: string | null,
  words: readonly string[],
  onLine: (line: string) => void,
): Promise<ToolOutput> {
  if (folder === null) return withFolder(bareBundle(), (path) => runScript(path, words, onLine))
  const place = mkdtempSync(join(tmpdir(), 'ipvsc-'))
  try {
    const [script, bundle] = [join(place, 'apply.sh'), join(place, 'bundle')]
    await copyVerified(folder, bundle)
    writeFileSync(script, NODE_FILES['apply.sh'], { flag: 'wx', mode: 0o600 })
    return await runTool(['sh', script, ...words, '--bundle', bundle], onLine)
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

/** Whether a folder is a bundle, or was one: it is not taken for a folder of manifests then. */
export const looksLikeBundle = (folder: string): boolean =>
  [CHECKSUMS, 'bundle.conf', 'apply.sh'].some((name) => existsSync(join(folder, name)))

/** Lays a bundle out in a folder of its own for as long as it is needed. */
export async function withFolder<T>(bundle: Bundle, use: (path: string) => Promise<T>): Promise<T> {
  const parent = mkdtempSync(join(tmpdir(), 'ipvsc-'))
  try {
    const path = join(parent, 'bundle')
    await writeFolder(path, bundle.files, false)
    return await use(path)
  } finally {
    rmSync(parent, { recursive: true, force: true })
  }
}
