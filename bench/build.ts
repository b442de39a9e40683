import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateCluster, generateManifests, generateYaml } from './generate.ts'

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

/** A command against another one in the same run, and what it may be at most. */
interface Comparison {
  readonly what: string
  readonly run: () => number
  readonly base: () => number
  readonly most: number
}

/** Commands over 100 nodes, and other forms of the same cluster. The files are in the folder of the benchmark. */
function comparisons(): Comparison[] {
  const file = (name: string, text: string): string => {
    const path = join(folder, name)
    writeFileSync(path, text)
    return path
  }
  const large = { services: 10_000, endpoints: ENDPOINTS }
  const indented = file('large.json', generateCluster(large))
  const compact = file('compact.json', generateCluster(large, 'compact'))
  const yaml = file('large.yaml', generateYaml(large))
  const small = file('thousand.json', generateCluster({ services: 1_000, endpoints: ENDPOINTS }))
  const bundle = join(folder, 'compared')
  const ipvsc = (...words: string[]): number => {
    rmSync(bundle, { recursive: true, force: true })
    return measure([`${ROOT}dist/cli.js`, ...words, '--quiet']).seconds
  }
  const build =
    (input: string, ...nodes: string[]) =>
    () =>
      ipvsc('build', input, ...nodes, '-o', bundle)
  const one = ['--node', 'node-1']
  build(compact, ...one)()
  const bytes = String(bytesIn(bundle))
  const floor = (): number =>
    measure([`${ROOT}bench/floor.mjs`, compact, join(folder, 'floor.bin'), bytes]).seconds
  return [
    {
      what: 'check of 10,000 Services for 100 nodes, against build of one node',
      run: () => ipvsc('check', indented),
      base: build(indented, ...one),
      most: 2,
    },
    {
      what: 'build of 1,000 Services for 100 nodes, against one node',
      run: build(small, '--all-nodes'),
      base: build(small, ...one),
      most: 6,
    },
    {
      what: 'build of 10,000 Services from YAML, against JSON',
      run: build(yaml, ...one),
      base: build(indented, ...one),
      most: 2.5,
    },
    {
      what: 'build of 10,000 Services from compact JSON, against its floor',
      run: build(compact, ...one),
      base: floor,
      most: 3.5,
    },
  ]
}

/** Says the medians of the ratios, pair by pair; `false`: one of them is above its limit. */
function reportComparisons(): boolean {
  console.log('\n| what | s | against s | ratio | at most |\n| --- | ---: | ---: | ---: | ---: |')
  const fits = comparisons().map(({ what, run, base, most }) => {
    const pairs = Array.from({ length: RUNS }, () => ({ time: run(), floor: base() }))
    const ratio = median(pairs.map(({ time, floor }) => time / floor))
    const [time, floor] = [median(pairs.map((pair) => pair.time)), median(pairs.map((pair) => pair.floor))]
    console.log(`| ${what} | ${time.toFixed(2)} | ${floor.toFixed(2)} | ${ratio.toFixed(2)} | ${most} |`)
    return ratio <= most
  })
  return !fits.includes(false)
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
  const fits = reportComparisons()
  if (onto > MOST_ONTO || !fits) process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
