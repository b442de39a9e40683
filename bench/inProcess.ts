import { Compilation, compile, delta, type Plan, read } from '../src/index.ts'
import { generateCluster } from './generate.ts'

/**
 * What a program does with plans in memory: the delta of two large plans that differ in one endpoint, and following one
 * EndpointSlice, each against compiling the cluster in the same run. `npm run bench:memory`.
 */

const [SERVICES, ENDPOINTS, ROUNDS] = [10_000, 15, 9]

const milliseconds = (work: () => unknown): number => {
  const started = performance.now()
  work()
  return performance.now() - started
}

/** What else the machine does only ever adds. */
const fastest = (values: readonly number[]): number => Math.min(...values)

const text = generateCluster({ services: SERVICES, endpoints: ENDPOINTS })
const { cluster } = await read([{ name: 'cluster.json', text }])
const options = { node: 'node-1' }
const result = compile(cluster, options)
/** A plan as it comes out of a file: no object is shared with another. */
const copy = (plan: Plan | null): Plan => JSON.parse(JSON.stringify(plan))

const slice = cluster.endpointSlices[SERVICES >> 1]
if (slice === undefined) throw new Error('the generated cluster has no slice')
const [first, ...others] = slice.object.endpoints ?? []
const changed = (address: string): typeof slice => ({
  ...slice,
  object: { ...slice.object, endpoints: [{ ...first, addresses: [address] }, ...others] },
})

const compilation = new Compilation(cluster, options, result)
const samples = { compile: [], delta: [], update: [] } as Record<'compile' | 'delta' | 'update', number[]>
for (let round = 0; round < ROUNDS; round++) {
  samples.compile.push(milliseconds(() => compile(cluster, options)))
  const before = copy(compilation.plan)
  samples.update.push(
    milliseconds(() => {
      const { length } = compilation.update({ set: [changed(`10.250.0.${round + 1}`)] })
      if (length < 2) throw new Error(`one endpoint is ${length} changes`)
    }),
  )
  const after = copy(compilation.plan)
  samples.delta.push(
    milliseconds(() => {
      const { length } = delta(before, after)
      if (length < 2) throw new Error(`one endpoint is ${length} operations`)
    }),
  )
}

const floor = fastest(samples.compile)
console.log(
  `${SERVICES} × ${ENDPOINTS}, ${ROUNDS} rounds; ms, and as a part of compiling (${floor.toFixed(0)} ms)`,
)
console.log('| what | first | fastest | part | at most |\n| --- | ---: | ---: | ---: | ---: |')
/** What 50 ms and 5 ms are where compiling takes 400 ms. */
for (const [what, name, most] of [
  ['delta of two plans that differ in one endpoint', 'delta', 8],
  ['one EndpointSlice changed in a compiled cluster', 'update', 80],
] as const) {
  const times = samples[name]
  const part = floor / fastest(times)
  console.log(
    `| ${what} | ${times[0]?.toFixed(1)} | ${fastest(times).toFixed(1)} | 1/${part.toFixed(0)} | 1/${most} |`,
  )
  if (part < most) process.exitCode = 1
}
