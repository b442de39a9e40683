import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Plan, RealServer } from '../../src/index.ts'
import { assertResult, type BundleFolder, type Run, runScript, writeBundle } from './harness/applier.ts'
import { type NodeState, readBack } from './harness/bundle.ts'
import { goldenPlan, withMoreServers, withPodMoved } from './harness/golden.ts'
import { kernelTest, type Lab, type Namespace } from './harness/lab.ts'
import { assertHolds } from './harness/state.ts'

/**
 * Every external command of a run goes wrong once, in every way. The node is whole each time, in the state before or the one
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
/** Called without a time limit: a disk that hangs is beyond a script. To be killed after one is to be killed before the next command. */
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
  /** Seconds that one tool may take. Default: 2. */
  readonly limit?: number
  /** What is run after the fault, if not the same. */
  readonly again?: { readonly bundle: BundleFolder; readonly words: readonly string[] }
}

const endOf = (plan: Plan): End => ({ assertHeld: (state) => assertHolds(state, plan) })

/** A shell script that runs a way with a folder of programs before those of the node. */
const scriptOf = (lab: Lab, { bundle, words, limit = 2 }: Way, programs: string): string =>
  `sh -c 'export FAULT_TARGET=$$; PATH=${programs}:$PATH; exec sh "${bundle.path}/apply.sh" ${words.join(' ')} \\
  --json --iptables nft --limit ${limit} --state-dir "${lab.folder}/state-node"'`

const writeProgram = (folder: string, program: string, text: string): void =>
  writeFileSync(join(folder, program), `#!/bin/sh\n${text}`, { mode: 0o755 })

/** Runs a way and gives how often it calls each of the programs. */
async function countCalls(
  lab: Lab,
  node: Namespace,
  way: Way,
  programs: readonly string[],
): Promise<Map<string, number>> {
  const [folder, calls] = [join(lab.folder, 'counting'), join(lab.folder, 'calls.counted')]
  mkdirSync(folder, { recursive: true })
  for (const program of programs)
    writeProgram(folder, program, `echo ${program} >> '${calls}'\nPATH=\${PATH#*:}\nexec ${program} "$@"\n`)
  writeFileSync(calls, '')
  const { status, stdout } = await lab.run(scriptOf(lab, way, folder), { in: node, check: false })
  assert.is(status, 0, stdout)
  const counts = new Map<string, number>()
  for (const program of readFileSync(calls, 'utf8').trim().split('\n'))
    counts.set(program, (counts.get(program) ?? 0) + 1)
  return counts
}

/** The calls of two runs, those of the one that calls a program more often. */
const targetsOf = (runs: readonly ReadonlyMap<string, number>[]): Target[] =>
  [...new Set(runs.flatMap((counts) => [...counts.keys()]))].flatMap((program) => {
    const most = Math.max(...runs.map((counts) => counts.get(program) ?? 0))
    return Array.from({ length: most }, (_, index) => ({ program, at: index + 1 }))
  })

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

/** Runs a way with a fault. Gives the command that was hit; `null` where the run called the program less often. */
async function runWithFault(
  lab: Lab,
  node: Namespace,
  way: Way,
  fault: Fault,
  { program, at }: Target,
): Promise<{ readonly hit: string | null; readonly status: number; readonly output: string }> {
  const counter = join(lab.folder, 'calls')
  const script = `rm -rf '${counter}'; mkdir '${counter}'; export FAULT_AT=${at} FAULT_COUNTER='${counter}'
${scriptOf(lab, way, faultyProgram(lab, program, fault))}
status=$?; echo '${HIT}'; cat '${counter}/hit' 2> /dev/null; exit $status`
  const { status, stdout } = await lab.run(script, { in: node, check: false })
  const [output = '', hit = ''] = stdout.split(`${HIT}\n`)
  return { hit: hit === '' ? null : hit.trim(), status, output }
}

interface Outcome {
  /** How many commands went wrong. */
  readonly hits: number
  /** How many runs after a fault had to lead back first. */
  readonly recovered: number
}

/** Lets every command go wrong. `next` gives the way that the node is to take, `reached` hears that it has taken it. */
async function injectEverywhere(
  lab: Lab,
  node: Namespace,
  fault: Fault,
  targets: readonly Target[],
  next: () => Way,
  reached: () => Promise<void> | void,
): Promise<Outcome> {
  let [hits, recovered] = [0, 0]
  for (const target of targets) {
    const way = next()
    const { hit, status, output } = await runWithFault(lab, node, way, fault, target)
    if (hit === null) assert.is(status, 0, output)
    else {
      hits++
      if (!isKill(fault)) {
        assert.ok([0, 1, 3].includes(status), `${hit}: exit ${status}\n${output}`)
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
      if (status === 3 && target !== targets.at(-1)) continue
      // The same again, as it was asked for: a delta is refused where the way back was not completed first.
      const { bundle, words } = way.again ?? way
      const again = await runScript(lab, node, bundle, { arguments: words })
      assert.is(again.status, 0, `after ${hit}: ${again.stdout}${again.stderr}`)
      if (again.messages.some((text) => text.includes('did not end'))) recovered++
      if (isKill(fault)) way.to.assertHeld(await readBack(lab, node))
    }
    await reached()
  }
  return { hits, recovered }
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
  for (const kind of ['full', 'delta', 'rollback', 'step'] as const)
    kernelTest(
      test,
      `${fault} at every command of a ${kind} run`,
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
        const programs = kind === 'delta' ? DELTA_PROGRAMS[fault] : PROGRAMS[fault]
        const runs = [
          await countCalls(lab, node, ways[0], programs),
          await countCalls(lab, node, ways[1], programs),
        ]
        const targets = targetsOf(runs)
        let taken = 0
        const { hits, recovered } = await injectEverywhere(
          lab,
          node,
          fault,
          targets,
          () => ways[taken % 2] as Way,
          () => {
            taken++
          },
        )
        // What runs beside other things may be called more often in one of the two directions.
        assert.ok(hits > (kind === 'step' ? 8 : 15) && hits > 0.8 * targets.length, `${hits} commands`)
        assert.is(recovered > 3, isKill(fault), `${recovered} runs led back first`)
      },
      { limit: 1200, long: true, waits: fault === 'hang' },
    )

/** What the node of the next tests holds before: others' settings, timeouts, a UDP server, and a set that is too small. */
const FOREIGN = `ip link set lo up
sysctl -q -w net.ipv4.vs.conntrack=0 net.ipv4.vs.expire_nodest_conn=0
ipvsadm --set 901 121 301
ipvsadm -A -u 172.30.0.99:53 -s rr; ipvsadm -a -u 172.30.0.99:53 -r 10.9.9.9:53 -m
ipset create KUBE-CLUSTER-IP hash:ip,port family inet hashsize 1024 maxelem 1024; ipset add KUBE-CLUSTER-IP 172.30.0.99,udp:53
`

/** Enough for two processes to add them side by side. */
const MANY = { virtualServers: 110, realServers: 10 }

/** A plan that needs every kind of command: both families, settings, timeouts, a set swapped, the interface, and many servers. */
function widePlan(): Plan {
  const plan = withMoreServers(goldenPlan('dual-stack'), MANY.virtualServers, ({ realServers }, index) =>
    Array.from({ length: MANY.realServers }, (_, server) => ({
      ...(realServers[0] as RealServer),
      address: `10.201.${index}.${server}`,
    })),
  )
  return { ...plan, ipvsTimeouts: { tcp: 800, tcpFin: 100, udp: 250 } }
}

/** The tools that do there what they do not do between two plans of one family. */
const WIDE_TOOLS = [
  'ipvsadm',
  'ipset',
  'ip6tables-nft-save',
  'ip6tables-nft-restore',
  'ip',
  'sysctl',
  'conntrack',
] as const

const withoutTuning = (listing: string): string[] =>
  listing
    .replace(/ (hashsize|bucketsize|initval) \S+/g, '')
    .split('\n')
    .sort()

for (const fault of FAULTS)
  kernelTest(
    test,
    `${fault} at every command of a run that changes everything, on a node that others set up`,
    async (lab) => {
      const { node } = await lab.namespaces('node')
      await lab.run(FOREIGN, { in: node })
      const settings = async (): Promise<string> =>
        (await lab.run('sysctl net.ipv4.vs.conntrack net.ipv4.vs.expire_nodest_conn', { in: node })).stdout
      const [before, set] = [await readBack(lab, node), await settings()]
      const bundle = writeBundle(lab, widePlan())
      const from: End = {
        assertHeld: (state) => {
          assert.is(state.ipvs, before.ipvs)
          assert.is(state.timeouts, before.timeouts)
          assert.equal(withoutTuning(state.ipset), withoutTuning(before.ipset))
          assert.not.match(state.iptables + state.ip6tables, /KUBE-/)
          assert.not.match(state.addresses, /kube-ipvs0/)
        },
      }
      // Removing so many servers takes a while on a way back.
      const to: End = {
        assertHeld: (state) => {
          assertHolds(state, bundle.plan)
          assert.match(state.timeouts, /: 800 100 250$/m)
        },
      }
      const way: Way = { from, to, bundle, words: APPLY, limit: 6 }
      const run = (words: readonly string[]): Promise<Run> =>
        runScript(lab, node, bundle, { arguments: words })
      const goBack = async (): Promise<void> => {
        assertResult(await run(ROLLBACK), 0, 'rolled back')
        from.assertHeld(await readBack(lab, node))
        assert.is(await settings(), set)
      }
      const counts = await countCalls(lab, node, way, WIDE_TOOLS)
      assert.equal([...counts.keys()].sort(), [...WIDE_TOOLS].sort(), 'each of them is called')
      await goBack()
      const targets = targetsOf([counts])
      const { hits, recovered } = await injectEverywhere(lab, node, fault, targets, () => way, goBack)
      assert.ok(hits > 0.8 * targets.length, `${hits} of ${targets.length} commands`)
      assertResult(await run(APPLY), 0, 'applied')
      assert.match(await settings(), /conntrack = 1\n.*expire_nodest_conn = 1\n/)
      assert.is(recovered > 3, isKill(fault), `${recovered} runs led back first`)
    },
    { limit: 900, long: true, waits: fault === 'hang' },
  )

test.run()
