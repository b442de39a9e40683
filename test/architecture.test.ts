import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DIAGNOSTIC_CODES } from '../src/diagnostics/codes.ts'
import { VERSION } from '../src/version.ts'
import { ROOT } from './support/shared.ts'

const filesBelow = (folder: string): string[] =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    return statSync(path).isDirectory() ? filesBelow(path) : [path]
  })

const SOURCES = filesBelow(`${ROOT}src`).filter(
  (path) => path.endsWith('.ts') && !path.includes('/generated/'),
)
const room = (path: string): string => path.slice(`${ROOT}src/`.length)

const importsOf = (path: string): string[] =>
  [...readFileSync(path, 'utf8').matchAll(/(?:from|import) ?\(?'([^']+)'/g)].map(([, name]) => name as string)

/**
 * Each room, and the rooms that it may import. Ground rooms know words; what is above them uses those words; the
 * command line sees everything. A file that lies in src/ itself is a room of its own.
 */
const GROUND = ['net', 'kernel', 'order.ts', 'text.ts', 'invariant.ts', 'version.ts', 'generated']
const INPUT = [...GROUND, 'diagnostics', 'kube']
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  net: [],
  kernel: ['net'],
  diagnostics: [],
  kube: ['diagnostics'],
  read: INPUT,
  config: INPUT,
  desired: INPUT,
  snapshot: [...INPUT, 'read'],
  resolve: [...INPUT, 'config'],
  plan: [...GROUND, 'diagnostics'],
  node: [...INPUT, 'config', 'resolve', 'plan'],
  compile: [...INPUT, 'config', 'resolve', 'plan', 'node'],
  formats: [...GROUND, 'plan', 'delta'],
  delta: [...GROUND, 'plan', 'formats'],
  capture: [...GROUND, 'plan', 'formats', 'compile'],
  bundle: [...INPUT, 'plan', 'node', 'formats', 'delta', 'compile'],
  host: [...INPUT, 'observe', 'read', 'plan', 'formats', 'delta', 'compile', 'capture', 'bundle'],
  review: [...INPUT, 'config', 'desired', 'resolve', 'plan', 'formats', 'proof'],
  observe: [...GROUND, 'diagnostics', 'plan', 'formats'],
  proof: [...INPUT, 'config', 'plan', 'node', 'formats'],
  golden: [...INPUT, 'config', 'plan', 'formats', 'proof', 'review'],
  build: ['kernel', 'formats', 'version.ts'],
  'cli.ts': ['cli'],
}
/** Rooms that see everything. */
const ABOVE_ALL = new Set(['cli', 'index.ts', 'testing.ts'])

/** Rooms that may touch files, processes, the network or the console; everything else is pure. */
const IO_ROOMS = new Set(['cli.ts', 'cli', 'testing.ts', 'snapshot', 'host', 'build'])
const IO_MODULES = /^(node:(fs|http|https|child_process|os|net|process|timers)|@kubernetes\/|commander)/

const roomOf = (path: string): string => room(path).split('/')[0] as string

test('only the command line, the live snapshot, the host and the build touch the world', () => {
  for (const path of SOURCES) {
    if (IO_ROOMS.has(roomOf(path))) continue
    for (const name of importsOf(path)) assert.not.match(name, IO_MODULES, `${room(path)} imports ${name}`)
    assert.not.match(
      readFileSync(path, 'utf8'),
      /\bprocess\.|\bconsole\.|Date\.now|new Date|Math\.random/,
      room(path),
    )
  }
})

test('a room imports only the rooms that the table allows it', () => {
  for (const path of SOURCES) {
    const here = roomOf(path)
    if (ABOVE_ALL.has(here) || here === 'generated') continue
    const allowed = MAY_IMPORT[here] ?? (GROUND.includes(here) ? [] : undefined)
    assert.ok(allowed, `${here} is not in the table of rooms`)
    for (const name of importsOf(path)) {
      if (!name.startsWith('.')) continue
      const there = roomOf(normalize(join(dirname(path), name)))
      assert.ok(there === here || allowed.includes(there), `${room(path)} imports ${there}`)
    }
  }
})

test('of modes, what compiles for all of them knows the default alone', () => {
  for (const path of SOURCES.filter((source) => roomOf(source) === 'compile')) {
    if (room(path).startsWith('compile/modes/')) continue
    const modes = importsOf(path).filter((name) => name.includes('modes/'))
    assert.equal(modes, room(path) === 'compile/compile.ts' ? ['./modes/ipvs/mode.ts'] : [], room(path))
  }
})

test('only one file writes to the terminal', () => {
  for (const path of SOURCES) {
    if (/^(cli\/terminal\.ts|build\/.*)$/.test(room(path))) continue
    assert.not.match(
      readFileSync(path, 'utf8'),
      /(stdout|stderr)\s*\.write|console\.(log|error|warn|info)\(/,
      `${room(path)} writes past src/cli/terminal.ts, which makes text safe`,
    )
  }
})

test('imports make no circle, of types neither', () => {
  const graph = new Map(
    SOURCES.map((path) => [
      path,
      importsOf(path)
        .filter((name) => name.startsWith('.'))
        .map((name) => normalize(join(dirname(path), name))),
    ]),
  )
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]): void => {
    assert.not.ok(trail.includes(path), [...trail, path].map(room).join(' → '))
    if (done.has(path)) return
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  for (const path of SOURCES) visit(path, [])
})

test('a file of src has at most 300 lines', () => {
  for (const path of SOURCES) {
    const lines = readFileSync(path, 'utf8').split('\n').length - 1
    assert.ok(lines <= 300, `${room(path)} has ${lines} lines: split it by meaning`)
  }
})

test('every diagnostic code is used, and documented in docs/diagnostics.md', () => {
  const code = SOURCES.filter((path) => !path.endsWith('diagnostics/codes.ts'))
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n')
  const docs = readFileSync(`${ROOT}docs/diagnostics.md`, 'utf8').replace(/ +/g, ' ')
  for (const [name, meaning] of Object.entries(DIAGNOSTIC_CODES)) {
    assert.ok(code.includes(`'${name}'`), `${name} is never reported`)
    assert.ok(docs.includes(`| \`${name}\` | ${meaning} |`), `${name} is not in docs/diagnostics.md`)
  }
})

test('no part of the script of a node, and no program of awk in it, is longer than one reads at once', () => {
  const folder = `${ROOT}templates/node`
  const linesOf = (name: string): number =>
    readFileSync(join(folder, name), 'utf8').trimEnd().split('\n').length
  const lengths = readdirSync(folder).map((name) => [name, linesOf(name)] as const)
  const longer = (end: string, most: number) => lengths.filter(([name, n]) => name.endsWith(end) && n > most)
  assert.equal(longer('.awk', 150), [])
  assert.equal(longer('.sh', 300), [])
  // What is read together is one program: words that several share count with each.
  const shared = linesOf('words.awk')
  for (const name of ['addresses', 'rules', 'servers', 'sets', 'subjects'])
    assert.ok(shared + linesOf(`${name}.awk`) <= 150, name)
})

test('the version is that of package.json', () => {
  assert.is(VERSION, JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')).version)
})

test.run()
