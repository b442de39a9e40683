import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { SEED, THOROUGH } from './support/sample.ts'
import { ROOT } from './support/shared.ts'

/**
 * Runs the unit tests with uvu, a process for each folder and as many at once as there are processors. Words pick folders by
 * a part of their names; `--fast` leaves out those that run shells, npm or the built command over and over; `--thorough` takes
 * all cases where a run takes a sample, and `--seed N` the same sample again.
 */

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    fast: { type: 'boolean', default: false },
    thorough: { type: 'boolean', default: THOROUGH },
    seed: { type: 'string', default: String(SEED) },
  },
})

/** What takes longest begins first. */
const LONGEST = ['script', 'delta', 'cli', 'package']
const SLOW = ['script', 'cli', 'package', 'snapshot']

const rank = (folder: string): number => (LONGEST.includes(folder) ? LONGEST.indexOf(folder) : LONGEST.length)

/** The folders that have tests, and '.' for the files beside them. */
const folders = ['.', ...readdirSync(`${ROOT}test`, { withFileTypes: true }).flatMap(folderName)]
  .filter((name) => readdirSync(`${ROOT}test/${name}`).some((file) => file.endsWith('.test.ts')))
  .filter((name) => positionals.length === 0 || positionals.some((part) => name.includes(part)))
  .filter((name) => !values.fast || !SLOW.includes(name))
  .sort((a, b) => rank(a) - rank(b))

function folderName(entry: { readonly name: string; isDirectory(): boolean }): string[] {
  return entry.isDirectory() ? [entry.name] : []
}

interface Result {
  readonly folder: string
  readonly status: number
  readonly output: string
  readonly seconds: number
}

/** In colour, uvu would have the commands that are tested speak in colour, too. */
const colourless = (): NodeJS.ProcessEnv => {
  const { FORCE_COLOR: _, ...env } = process.env
  return env
}

/** uvu goes into folders by itself; the pattern keeps it from those below. */
const patternOf = (folder: string): string => (folder === '.' ? '^[^/]+\\.test\\.ts$' : '\\.test\\.ts$')

async function run(folder: string): Promise<Result> {
  const started = performance.now()
  const child = spawn(
    process.execPath,
    [`${ROOT}node_modules/uvu/bin.js`, '--no-color', '-r', 'tsx', `test/${folder}`, patternOf(folder)],
    {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...colourless(), IPVSC_SEED: values.seed, IPVSC_THOROUGH: values.thorough ? '1' : '0' },
    },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  const status = await new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 1)))
  return { folder, status, output, seconds: (performance.now() - started) / 1000 }
}

/** What uvu says of a folder, as it ends. */
function report({ folder, output, seconds }: Result): void {
  console.log(
    `\n== ${folder === '.' ? 'beside the folders' : folder} (${seconds.toFixed(1)} s)\n${output.trim()}`,
  )
}

const count = (output: string, word: string): number =>
  [...output.matchAll(new RegExp(`^ *${word}: +(\\d+)$`, 'gm'))].reduce((sum, [, n]) => sum + Number(n), 0)

const lines = (output: string): string[] => output.split('\n').filter((line) => line.startsWith('SKIPPED: '))

const [waiting, results]: [string[], Result[]] = [[...folders], []]

async function work(): Promise<void> {
  for (let folder = waiting.shift(); folder !== undefined; folder = waiting.shift()) {
    const result = await run(folder)
    results.push(result)
    report(result)
  }
}

if (folders.length === 0) throw new Error(`no folder with tests has ${positionals.join(' or ')} in its name`)
await Promise.all(Array.from({ length: availableParallelism() }, work))

const output = results.map((result) => result.output).join('\n')
/** A process that ended badly without a test that failed, as where a file cannot be read. */
const broken = results.filter(
  ({ status, output }) => status !== 0 && count(output, 'Total') === count(output, 'Passed'),
)
const skipped = [...new Set(lines(output))]
console.log(`\n== all\n${skipped.join('\n')}`)
if (broken.length > 0) console.log(`ended badly: ${broken.map(({ folder }) => folder).join(', ')}`)
if (!values.thorough)
  console.log(`a sample by seed ${values.seed}: --seed ${values.seed} repeats it, --thorough takes all`)
console.log(`
  Total:     ${count(output, 'Total') + broken.length}
  Passed:    ${count(output, 'Passed')}
  Skipped:   ${count(output, 'Skipped')}`)
process.exitCode = results.some(({ status }) => status !== 0) ? 1 : 0
