import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Plan, RealServer } from '../../src/index.ts'
import { sampled, THOROUGH } from '../support/sample.ts'
import { assertResult, type BundleFolder, type Run, runScript, writeBundle } from './harness/applier.ts'
import { type NodeState, readBack } from './harness/bundle.ts'
import { goldenPlan, withMoreServers, withPodMoved } from './harness/golden.ts'
import { kernelTest, type Lab, type Namespace } from './harness/lab.ts'
import { assertHolds } from './harness/state.ts'

/**
 * Every external command of a run goes wrong once, in every way; a sample of them where not all are asked for. The node is whole each time, in the state before or the one
 * after, and the same command, given again, succeeds, which it does not without reading the node.
 */

const test = suite('apply with faults')

/** The tools of a run that touch or list the node, and those that keep its journal. */
const TOOLS = [
  'ipvsadm',
  'ipset',
  'iptables-nft-save',
  'iptables-nft-restore',
  'ip6tables-nft-save',
  'ip6tables-nft-restore',
  'ip',
  'sysctl',
  'conntrack',
  'cp',
  'mv',
] as const
/** A disk that hangs is beyond a script. To be killed after one is to be killed before the next command. */
const FILE_TOOLS = ['mkdir', 'rm', 'cat', 'flock'] as const
/** These compute. A run that is killed beside one has left what it left when the command before it ended. */
const FILTERS = ['awk', 'sort', 'comm', 'sha256sum'] as const

type Fault = 'fail' | 'hang' | 'kill before' | 'kill after'
const FAULTS: readonly Fault[] = ['fail', 'hang', 'kill before', 'kill after']

const isKill = (fault: Fault): boolean => fault.startsWith('kill')

const PROGRAMS: Readonly<Record<Fault, readonly string[]>> = {
  fail: [...TOOLS, ...FILE_TOOLS, ...FILTERS],
  hang: TOOLS,
  'kill before': [...TOOLS, ...FILE_TOOLS],
  'kill after': TOOLS,
}

/** A delta that is no step is a full run which has proved where it starts. */
const DELTA_PROGRAMS: typeof PROGRAMS = {
  fail: [...TOOLS, 'sha256sum'],
  hang: TOOLS,
  'kill before': [...TOOLS, 'sha256sum'],
  'kill after': TOOLS,
}

type Kind = 'full' | 'delta' | 'rollback' | 'step'

interface FaultyRuns {
  readonly kind: Kind
  readonly what: 'command' | 'filter'
  readonly programs: readonly string[]
}

/** Filters hang in full runs only, which call them all. */
const faultyRuns = (fault: Fault): readonly FaultyRuns[] => [
  { kind: 'full', what: 'command', programs: PROGRAMS[fault] },
  { kind: 'delta', what: 'command', programs: DELTA_PROGRAMS[fault] },
  { kind: 'rollback', what: 'command', programs: PROGRAMS[fault] },
  { kind: 'step', what: 'command', programs: PROGRAMS[fault] },
  ...(fault === 'hang' ? [{ kind: 'full', what: 'filter', programs: FILTERS } as const] : []),
]

/** One command of a way: what is called, and the how manieth call of it in that run. */
interface Target {
  readonly program: string
  readonly at: number
}

/** What a node holds before or after a way. */
interface End {
  /** Throws where a node holds something else. */
  readonly assertHeld: (state: NodeState) => void
}

/** A run that leads from one state to another. */
interface Way {
  readonly from: End
  readonly to: End
  readonly bundle: BundleFolder
  readonly words: readonly string[]
  /** What is run after the fault, if not the same. */
  readonly again?: { readonly bundle: BundleFolder; readonly words: readonly string[] }
}

const endOf = (plan: Plan): End => ({ assertHeld: (state) => assertHolds(state, plan) })

/** A shell script that runs a way with a folder of programs before those of the node. */
const scriptOf = (lab: Lab, { bundle, words }: Way, programs: string): string =>
  `sh -c 'export FAULT_TARGET=$$; PATH=${programs}:$PATH; exec sh "${bundle.path}/apply.sh" ${words.join(' ')} \\
  --json --iptables nft --state-dir "${lab.folder}/state-node"'`

const writeProgram = (folder: string, program: string, text: string): void =>
  writeFileSync(join(folder, program), `#!/bin/sh\n${text}`, { mode: 0o755 })

/** What a run does where nothing goes wrong. */
interface CleanRun {
  /** How often it calls each program. */
  readonly calls: ReadonlyMap<string, number>
  readonly seconds: number
}

/** Runs a way and counts its calls of the programs. */
async function countCalls(
  lab: Lab,
  node: Namespace,
  way: Way,
  programs: readonly string[],
): Promise<CleanRun> {
  const [folder, calls] = [join(lab.folder, 'counting'), join(lab.folder, 'calls.counted')]
  mkdirSync(folder, { recursive: true })
  for (const program of programs)
    writeProgram(folder, program, `echo ${program} >> '${calls}'\nPATH=\${PATH#*:}\nexec ${program} "$@"\n`)
  writeFileSync(calls, '')
  const start = performance.now()
  const { status, stdout } = await lab.run(scriptOf(lab, way, folder), { in: node, check: false })
  const seconds = (performance.now() - start) / 1000
  assert.is(status, 0, stdout)
  const counts = new Map<string, number>()
  for (const program of readFileSync(calls, 'utf8').trim().split('\n'))
    counts.set(program, (counts.get(program) ?? 0) + 1)
  return { calls: counts, seconds }
}

/** The part of the calls of each program that a run takes which is not thorough. */
const SHARE = 1 / 4

/** Calls of runs, those of the one that calls a program more often, and of each program some. */
const targetsOf = (fault: Fault, runs: readonly CleanRun[]): Target[] =>
  [...new Set(runs.flatMap(({ calls }) => [...calls.keys()]))].flatMap((program) => {
    const most = Math.max(...runs.map(({ calls }) => calls.get(program) ?? 0))
    const all = Array.from({ length: most }, (_, index) => ({ program, at: index + 1 }))
    return sampled(`${fault} ${program}`, all, SHARE)
  })

/**
 * How long one tool may take where one hangs: as long as all of a run that is well, on this machine at this hour. Where none
 * hangs there is no need of a limit, and a machine that stands still for a moment would seem to.
 */
const patience = (fault: Fault, runs: readonly CleanRun[]): readonly string[] =>
  fault === 'hang' ? ['--limit', String(Math.ceil(Math.max(2, ...runs.map(({ seconds }) => seconds))))] : []

/**
 * A folder with one program that counts its calls and goes wrong at one of them. Each call takes the next number that nobody
 * has: a file that exists cannot be made again. The other programs are those of the node.
 */
function faultyProgram(lab: Lab, program: string, fault: Fault): string {
  const folder = join(lab.folder, `faulty-${program}`)
  mkdirSync(folder, { recursive: true })
  const effect = {
    fail: `echo 'injected failure' >&2; exit 1`,
    hang: 'exec sleep 600',
    'kill before': 'kill -KILL "$FAULT_TARGET"; exit 1',
    'kill after': `${program} "$@"; kill -KILL "$FAULT_TARGET"; exit 1`,
  }[fault]
  writeProgram(
    folder,
    program,
    `set -C
count=1
until { true > "$FAULT_COUNTER/$count"; } 2> /dev/null; do count=$((count + 1)); done
set +C
PATH=\${PATH#*:}
if [ "$count" = "$FAULT_AT" ]; then
  echo "${program} $*" > "$FAULT_COUNTER/hit"
  ${effect}
fi
exec ${program} "$@"
`,
  )
  return folder
}

/** Stands between what a run said and the command that was hit. */
const HIT = '=== hit ==='

/** Runs a way with a fault and some words more. Gives the command that was hit; `null` where the run called the program less often. */
async function runWithFault(
  lab: Lab,
  node: Namespace,
  way: Way,
  fault: Fault,
  { program, at }: Target,
  words: readonly string[],
): Promise<{ readonly hit: string | null; readonly status: number; readonly output: string }> {
  const counter = join(lab.folder, 'calls')
  const script = `rm -rf '${counter}'; mkdir '${counter}'; export FAULT_AT=${at} FAULT_COUNTER='${counter}'
${scriptOf(lab, { ...way, words: [...way.words, ...words] }, faultyProgram(lab, program, fault))}
status=$?; echo '${HIT}'; cat '${counter}/hit' 2> /dev/null; exit $status`
  const { status, stdout } = await lab.run(script, { in: node, check: false })
  const [output = '', hit = ''] = stdout.split(`${HIT}\n`)
  return { hit: hit === '' ? null : hit.trim(), status, output }
}

/**
 * The least part of the counted commands that has to be hit. Runs that hang are tried beside others, where a change in another
 * network namespace makes a run take its lists again, and so call more.
 */
const leastHits = (fault: Fault): number => (fault === 'hang' ? 0.5 : 0.8)

interface Outcome {
  /** How many commands could go wrong, and how many did: a listing that a change elsewhere disturbs is taken again, or not. */
  readonly targets: number
  readonly hits: number
  /** The programs none of whose calls went wrong. */
  readonly unhit: readonly string[]
  /** How many runs after a fault had to lead back first. */
  readonly recovered: number
}

/** That enough commands went wrong, and that runs led back where others were killed. A sample has less of both. */
function assertTried(
  { targets, hits, unhit, recovered }: Outcome,
  fault: Fault,
  whole: Readonly<Record<'hits' | 'recovered', number>>,
): void {
  const least = THOROUGH ? whole : { hits: 0, recovered: 0 }
  assert.equal(unhit, [])
  const enoughHits = Math.max(least.hits + 1, Math.floor(targets * leastHits(fault)))
  assert.ok(hits >= enoughHits, `${hits} of ${targets} commands`)
  const enough = isKill(fault) ? recovered > least.recovered : recovered <= whole.recovered
  assert.ok(enough, `${recovered} runs led back first`)
}

interface Journey {
  /** The way that the node is to take now. */
  readonly next: () => Way
  /** Hears that the node has taken it. */
  readonly reached: () => Promise<void> | void
  /** Whether a run that led back is given again at once. Default: `true`; otherwise the run with the next fault follows it. */
  readonly repeats?: boolean
}

/** Lets every command that was counted go wrong. */
async function injectEverywhere(
  lab: Lab,
  node: Namespace,
  fault: Fault,
  runs: readonly CleanRun[],
  { next, reached, repeats = true }: Journey,
): Promise<Outcome> {
  const [targets, words] = [targetsOf(fault, runs), patience(fault, runs)]
  const hits = new Set<Target>()
  let recovered = 0
  // What one direction does not call is hit in the other.
  for (const target of targets.flatMap((target) => runs.map(() => target))) {
    if (hits.has(target)) continue
    const way = next()
    const { hit, status, output } = await runWithFault(lab, node, way, fault, target, words)
    if (hit === null) assert.is(status, 0, output)
    else {
      hits.add(target)
      if (!isKill(fault)) {
        assert.ok([0, 1, 4].includes(status), `${hit}: exit ${status}\n${output}`)
        const end = status === 0 ? way.to : way.from
        try {
          end.assertHeld(await readBack(lab, node))
        } catch (error) {
          const place = status === 0 ? 'after' : 'before'
          const reason = (error as Error).message
          throw new Error(`${hit}: exit ${status}, but not the state ${place}: ${reason}\n${output}`)
        }
      }
      // Refused: nothing was touched, and the next run is that of the next fault.
      const stayed = status === 4 || (status === 1 && !repeats)
      if (stayed && target !== targets.at(-1)) continue
      // The same again, as it was asked for: a delta is refused where the way back was not completed first.
      const { bundle, words } = way.again ?? way
      const again = await runScript(lab, node, bundle, { arguments: words })
      assert.is(again.status, 0, `after ${hit}: ${again.stdout}${again.stderr}`)
      if (again.messages.some((text) => text.includes('did not end'))) recovered++
      if (isKill(fault)) way.to.assertHeld(await readBack(lab, node))
    }
    await reached()
  }
  const hit = new Set([...hits].map(({ program }) => program))
  const unhit = targets.map(({ program }) => program).filter((program) => !hit.has(program))
  return { targets: targets.length, hits: hits.size, unhit, recovered }
}

const ofIPv4 = (plan: Plan): Plan => ({
  ...plan,
  families: ['ipv4'],
  sets: plan.sets.filter(({ family }) => family === 'ipv4'),
  tables: plan.tables.filter(({ family }) => family === 'ipv4'),
})

const APPLY = ['apply', '--no-drain'] as const
const ROLLBACK = ['rollback', '--no-drain'] as const

// There and back between two plans, so that no run has to prepare another.
for (const fault of FAULTS)
  for (const { kind, what, programs } of faultyRuns(fault))
    kernelTest(
      test,
      `${fault} at every ${what} of a ${kind} run`,
      async (lab) => {
        const { node } = await lab.namespaces('node')
        await lab.run('ip link set lo up', { in: node })
        // One family, so that there are fewer commands; they differ in virtual servers, sets, rules and addresses.
        const first = ofIPv4(goldenPlan('load-balancer'))
        const second = kind === 'step' ? withPodMoved(first) : ofIPv4(goldenPlan('session-affinity'))
        const [one, two] = [writeBundle(lab, first), writeBundle(lab, second)]
        const wayTo = (target: BundleFolder, start: BundleFolder): Way => {
          const ends = { from: endOf(start.plan), to: endOf(target.plan) }
          if (kind === 'rollback')
            return { ...ends, bundle: target, words: ROLLBACK, again: { bundle: target, words: APPLY } }
          const bundle = kind === 'full' ? target : writeBundle(lab, target.plan, start.plan)
          return { ...ends, bundle, words: APPLY }
        }
        const ways = [wayTo(two, one), wayTo(one, two)] as const
        for (const bundle of [two, one])
          assertResult(await runScript(lab, node, bundle, { arguments: APPLY }), 0, 'applied')
        const runs = [
          await countCalls(lab, node, ways[0], programs),
          await countCalls(lab, node, ways[1], programs),
        ]
        let taken = 0
        const outcome = await injectEverywhere(lab, node, fault, runs, {
          next: () => ways[taken % 2] as Way,
          reached: () => {
            taken++
          },
        })
        assertTried(outcome, fault, {
          hits: kind === 'step' ? 8 : 15,
          recovered: 3,
        })
      },
      { limit: 1800, long: true, waits: fault === 'hang' },
    )

/** What the node of the next tests holds before: others' settings, timeouts, a UDP server, and a set that is too small. */
const FOREIGN = `ip link set lo up
sysctl -q -w net.ipv4.vs.conntrack=0 net.ipv4.vs.expire_nodest_conn=0
ipvsadm --set 901 121 301
ipvsadm -A -u 172.30.0.99:53 -s rr; ipvsadm -a -u 172.30.0.99:53 -r 10.9.9.9:53 -m
ipset create KUBE-CLUSTER-IP hash:ip,port family inet hashsize 1024 maxelem 1024; ipset add KUBE-CLUSTER-IP 172.30.0.99,udp:53
`

/** A plan that needs every kind of command: both families, settings, timeouts, a set swapped, and the interface. */
const widePlan = (): Plan => ({
  ...goldenPlan('dual-stack'),
  ipvsTimeouts: { tcp: 800, tcpFin: 100, udp: 250 },
})

/** Enough for two processes to add them side by side. */
const MANY = { virtualServers: 110, realServers: 10 }

const withManyServers = (plan: Plan): Plan =>
  withMoreServers(plan, MANY.virtualServers, ({ realServers }, index) =>
    Array.from({ length: MANY.realServers }, (_, server) => ({
      ...(realServers[0] as RealServer),
      address: `10.201.${index}.${server}`,
    })),
  )

/** Runs on a node that others set up, with the tools that do there what they do not do between two plans of one family. */
const WIDE_RUNS: Readonly<Record<string, { readonly plan: () => Plan; readonly tools: readonly string[] }>> =
  {
    'changes everything': {
      plan: widePlan,
      tools: ['ipset', 'ip6tables-nft-save', 'ip6tables-nft-restore', 'ip', 'sysctl', 'conntrack'],
    },
    'adds many servers': { plan: () => withManyServers(widePlan()), tools: ['ipvsadm'] },
  }

const withoutTuning = (listing: string): string[] =>
  listing
    .replace(/ (hashsize|bucketsize|initval) \S+/g, '')
    .split('\n')
    .sort()

for (const fault of FAULTS)
  for (const [what, { plan, tools }] of Object.entries(WIDE_RUNS))
    kernelTest(
      test,
      `${fault} at every command of a run that ${what} on a node that others set up`,
      async (lab) => {
        const { node } = await lab.namespaces('node')
        await lab.run(FOREIGN, { in: node })
        const settings = async (): Promise<string> =>
          (await lab.run('sysctl net.ipv4.vs.conntrack net.ipv4.vs.expire_nodest_conn', { in: node })).stdout
        const [before, set] = [await readBack(lab, node), await settings()]
        const bundle = writeBundle(lab, plan())
        const from: End = {
          assertHeld: (state) => {
            assert.is(state.ipvs, before.ipvs)
            assert.is(state.timeouts, before.timeouts)
            assert.equal(withoutTuning(state.ipset), withoutTuning(before.ipset))
            assert.not.match(state.iptables + state.ip6tables, /KUBE-/)
            assert.not.match(state.addresses, /kube-ipvs0/)
          },
        }
        const to: End = {
          assertHeld: (state) => {
            assertHolds(state, bundle.plan)
            assert.match(state.timeouts, /: 800 100 250$/m)
          },
        }
        const way: Way = { from, to, bundle, words: APPLY }
        const run = (words: readonly string[]): Promise<Run> =>
          runScript(lab, node, bundle, { arguments: words })
        const goBack = async (): Promise<void> => {
          assertResult(await run(ROLLBACK), 0, 'rolled back')
          from.assertHeld(await readBack(lab, node))
          assert.is(await settings(), set)
        }
        const clean = await countCalls(lab, node, way, tools)
        assert.equal([...clean.calls.keys()].sort(), [...tools].sort(), 'each of them is called')
        await goBack()
        // That a run which led back succeeds when it is given again is shown between two plans.
        const journey = { next: () => way, reached: goBack, repeats: false }
        const outcome = await injectEverywhere(lab, node, fault, [clean], journey)
        assertResult(await run(APPLY), 0, 'applied')
        assert.match(await settings(), /conntrack = 1\n.*expire_nodest_conn = 1\n/)
        assertTried(outcome, fault, { hits: 0, recovered: 1 })
      },
      { limit: 1800, long: true, waits: fault === 'hang' },
    )

test.run()
