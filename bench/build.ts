import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateCluster, generateManifests } from './generate.ts'

/**
 * Times `ipvsc build` as a process, in turn with a floor in the same run, and prints ratios: machines differ and
 * are shared, so seconds alone say little.
 */

const ROOT = new URL('../', import.meta.url).pathname
const SIZES = [100, 1_000, 10_000] as const
const ENDPOINTS = 15
const RUNS = Number(process.env.BENCH_RUNS ?? 5)

interface Sample {
  readonly seconds: number
  readonly megabytes: number
}

/** Wall time and peak memory of a process, as the operating system accounts for them. */
function measure(args: readonly string[]): Sample {
  const started = process.hrtime.bigint()
  const { status, stderr, output } = spawnSync(process.execPath, ['-r', PROBE, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  })
  const seconds = Number(process.hrtime.bigint() - started) / 1e9
  if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`)
  return { seconds, megabytes: Number(output[3]) / 1024 }
}

const folder = mkdtempSync(join(tmpdir(), 'ipvsc-bench-'))
const PROBE = join(folder, 'probe.cjs')
writeFileSync(
  PROBE,
  `process.on('exit', () => require('node:fs').writeSync(3, String(process.resourceUsage().maxRSS)))\n`,
)

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number
const bytesIn = (path: string): number =>
  readdirSync(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0)

interface Row {
  readonly services: number
  readonly build: Sample
  readonly floor: Sample
  /** Medians of the ratios pair by pair. */
  readonly timeRatio: number
  readonly memoryRatio: number
}

function compare(services: number): Row {
  const input = join(folder, `${services}.json`)
  writeFileSync(input, generateCluster({ services, endpoints: ENDPOINTS }))
  const bundle = join(folder, 'bundle')
  const build = (): Sample => {
    rmSync(bundle, { recursive: true, force: true })
    return measure([`${ROOT}dist/cli.js`, 'build', input, '--node', 'node-1', '-o', bundle, '--quiet'])
  }
  build()
  const bytes = String(bytesIn(bundle))
  const floor = (): Sample => measure([`${ROOT}bench/floor.mjs`, input, join(folder, 'floor.bin'), bytes])
  floor()
  const pairs = Array.from({ length: RUNS }, () => ({ build: build(), floor: floor() }))
  const middle = (of: (pair: (typeof pairs)[number]) => number): number => median(pairs.map(of))
  rmSync(input)
  return {
    services,
    build: {
      seconds: middle((pair) => pair.build.seconds),
      megabytes: middle((pair) => pair.build.megabytes),
    },
    floor: {
      seconds: middle((pair) => pair.floor.seconds),
      megabytes: middle((pair) => pair.floor.megabytes),
    },
    timeRatio: middle((pair) => pair.build.seconds / pair.floor.seconds),
    memoryRatio: middle((pair) => pair.build.megabytes / pair.floor.megabytes),
  }
}

const MANIFESTS = 200
/** What laying manifests may cost, against building the snapshot alone: both read the same file. */
const MOST_ONTO = 1.5

/** Manifests over a snapshot with all its Pods, in turn with the snapshot alone. Gives the median of the ratios. */
function laying(services: number): number {
  const snapshot = join(folder, 'snapshot.json')
  const manifests = join(folder, 'manifests')
  writeFileSync(snapshot, generateCluster({ services, endpoints: ENDPOINTS, withPods: true }))
  mkdirSync(manifests)
  for (const [index, text] of generateManifests(MANIFESTS).entries())
    writeFileSync(join(manifests, `${index}.json`), text)
  const build = (...words: string[]): number =>
    measure([`${ROOT}dist/cli.js`, 'build', ...words, '--node', 'node-1', '--emit', 'ipvs', '--quiet'])
      .seconds
  build(snapshot)
  const ratios = Array.from({ length: RUNS }, () => {
    const alone = build(snapshot)
    return build(manifests, '--onto', snapshot) / alone
  })
  rmSync(snapshot)
  return median(ratios)
}

try {
  const small = measure([
    `${ROOT}dist/cli.js`,
    'build',
    `${ROOT}examples/shop`,
    '--node',
    'worker-1',
    '-o',
    join(folder, 'small'),
    '-q',
  ])
  console.log(`node ${process.version}, ${cpus().length} cores, ${RUNS} pairs each, medians\n`)
  console.log(
    '| Services × endpoints | build s | floor s | time ratio | build MB | floor MB | memory ratio |',
  )
  console.log('| ---: | ---: | ---: | ---: | ---: | ---: | ---: |')
  const rows = SIZES.map((services) => {
    const row = compare(services)
    const { build, floor, timeRatio, memoryRatio } = row
    const cells = [build.seconds, floor.seconds, timeRatio, build.megabytes, floor.megabytes, memoryRatio]
    console.log(`| ${services} × ${ENDPOINTS} | ${cells.map((cell) => cell.toFixed(2)).join(' | ')} |`)
    return row
  })
  const [, thousand, tenThousand] = rows
  if (thousand !== undefined && tenThousand !== undefined)
    console.log(
      `\ngrowth from 1,000 to 10,000 Services: ${(tenThousand.build.seconds / thousand.build.seconds).toFixed(1)} times`,
    )
  console.log(`the shop example as a process: ${small.seconds.toFixed(2)} s`)
  const onto = laying(10_000)
  console.log(
    `${MANIFESTS} manifests over 10,000 × ${ENDPOINTS} with ${10_000 * ENDPOINTS} Pods: ${onto.toFixed(2)} times the snapshot alone (at most ${MOST_ONTO})`,
  )
  if (onto > MOST_ONTO) process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
