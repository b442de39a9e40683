import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { DIAGNOSTIC_CODES } from '../src/diagnosticCodes.ts'
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

/** Rooms that may touch files, processes, the network or the console; everything else is pure. */
const IO_ROOMS = /^(cli\.ts|cli\/|snapshot\/|build\/)/
const IO_MODULES = /^(node:(fs|http|https|child_process|os|net|process|timers)|@kubernetes\/|commander)/

test('only the command line, the live snapshot and the build touch the world', () => {
  for (const path of SOURCES) {
    if (IO_ROOMS.test(room(path))) continue
    for (const name of importsOf(path)) assert.not.match(name, IO_MODULES, `${room(path)} imports ${name}`)
    assert.not.match(
      readFileSync(path, 'utf8'),
      /\bprocess\.|\bconsole\.|Date\.now|new Date|Math\.random/,
      room(path),
    )
  }
})

test('no room imports the command line, and the compiler does not import the emitters', () => {
  for (const path of SOURCES) {
    const imported = importsOf(path)
      .filter((name) => name.startsWith('.'))
      .map((name) => room(normalize(join(dirname(path), name))))
    const here = room(path)
    for (const there of imported) {
      if (!/^cli(\.ts|\/)/.test(here)) assert.not.match(there, /^cli(\.ts|\/)/, `${here} imports ${there}`)
      if (/^(resolve|plan|config|net|kube)\//.test(here))
        assert.not.match(there, /^(emit|bundle|snapshot|read)\//, `${here} imports ${there}`)
    }
  }
})

test('imports make no circle', () => {
  const graph = new Map(
    SOURCES.map((path) => [
      path,
      [...readFileSync(path, 'utf8').matchAll(/^(?:import|export) (?!type)[^;']*?from '(\.[^']+)'/gms)].map(
        ([, name]) => normalize(join(dirname(path), name as string)),
      ),
    ]),
  )
  const visit = (path: string, trail: readonly string[]): void => {
    assert.not.ok(trail.includes(path), [...trail, path].map(room).join(' → '))
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
  }
  for (const path of SOURCES) visit(path, [])
})

test('every diagnostic code is used, and documented in docs/diagnostics.md', () => {
  const code = SOURCES.filter((path) => !path.endsWith('diagnosticCodes.ts'))
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n')
  const docs = readFileSync(`${ROOT}docs/diagnostics.md`, 'utf8').replace(/ +/g, ' ')
  for (const [name, meaning] of Object.entries(DIAGNOSTIC_CODES)) {
    assert.ok(code.includes(`'${name}'`), `${name} is never reported`)
    assert.ok(docs.includes(`| \`${name}\` | ${meaning} |`), `${name} is not in docs/diagnostics.md`)
  }
})

test('the version is that of package.json', () => {
  assert.is(VERSION, JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')).version)
})

test.run()
