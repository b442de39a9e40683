import { DEFAULT_CONFIG } from '../src/config/types.ts'
import { compile, read } from '../src/index.ts'
import type { NodeFacts } from '../src/node/facts.ts'
import type { Plan, VirtualServer } from '../src/plan/types.ts'
import { differs } from '../src/proof/differs.ts'
import { follow } from '../src/proof/follow.ts'
import { type KernelState, kernelState } from '../src/proof/state.ts'
import { subjectOf } from '../src/proof/subject.ts'
import { verify } from '../src/proof/verify.ts'
import { generateCluster } from './generate.ts'

/** How long it takes to follow packets through a large plan; processor time, since others share the machine. `npm run bench:proof`. */

const [SERVICES, ENDPOINTS, TRACES] = [10_000, 15, 10_000]
const MARGIN = Number(process.env.IPVSC_MARGIN ?? '1')

/** Milliseconds of the processor that a piece of work takes. */
function milliseconds<T>(work: () => T): readonly [time: number, made: T] {
  const started = process.cpuUsage()
  const made = work()
  return [process.cpuUsage(started).user / 1000, made]
}

const { cluster } = await read([
  { name: 'cluster.json', text: generateCluster({ services: SERVICES, endpoints: ENDPOINTS }) },
])
const [compiling, { plan: compiled, facts }] = milliseconds(() => compile(cluster, { node: 'node-1' }))
const subject = subjectOf({
  plan: compiled as Plan,
  cluster,
  facts: facts as NodeFacts,
  config: DEFAULT_CONFIG,
})
const { plan, network, promises } = subject
const servers = plan.virtualServers

const traceAll = (state: KernelState): void => {
  for (let number = 0; number < TRACES; number++) {
    const { protocol, address, port } = servers[(number * 7) % servers.length] as VirtualServer
    follow(state, {
      protocol,
      source: '198.51.100.7',
      destination: address,
      destinationPort: port,
      arrival: { kind: 'interface', name: 'eth0', bridgePort: false },
    })
  }
}

const changed = (index: number): Plan => {
  const server = servers[index] as VirtualServer
  return {
    ...plan,
    virtualServers: servers.with(index, { ...server, realServers: server.realServers.slice(1) }),
  }
}

const [indexing, state] = milliseconds(() => kernelState(plan, network))
const [tracing] = milliseconds(() => traceAll(state))
const [verifying, verified] = milliseconds(() => verify(plan, promises, network))
const [differing] = milliseconds(() => differs(state, kernelState(changed(5), network)))
const memory = process.memoryUsage().rss / 2 ** 20

console.log(
  `${SERVICES} × ${ENDPOINTS}: ${verified.classes} classes of packets for ${verified.promises} promises`,
)
console.log('| what | took | at most |\n| --- | ---: | ---: |')
for (const [what, took, most, unit] of [
  ['indexing a plan', indexing, compiling / 2, 'ms'],
  ['one trace', tracing / TRACES, 0.3, 'ms'],
  ['verify of one node', verifying, 30_000, 'ms'],
  ['what changed, of one Service', differing, 100, 'ms'],
  ['memory', memory, 1024, 'MB'],
] as const) {
  console.log(`| ${what} | ${took.toPrecision(3)} ${unit} | ${most.toPrecision(3)} ${unit} |`)
  if (took > most * MARGIN) process.exitCode = 1
}
