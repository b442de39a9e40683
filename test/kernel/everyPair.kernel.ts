import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { stepOf } from '../../src/delta/step.ts'
import { delta, emit, emitDelta, type Plan, parseIpAddr } from '../../src/index.ts'
import { assertResult, runScript, STEP_TAKEN, writeBundle } from './harness/applier.ts'
import { explainOnFailure, loadBundle, readBack } from './harness/bundle.ts'
import { goldenStates } from './harness/golden.ts'
import { kernelTest, type Lab, type Namespace } from './harness/lab.ts'
import { assertHolds } from './harness/state.ts'

/**
 * Every pair of golden states, in both directions: by deltas that the stock tools load, by what the script of a bundle works
 * out and loads, by that script as a whole, and by delta bundles and their script where those do not compare.
 * What was changed is read again, and has to be what a node prints that was given the other case alone.
 */

const test = suite('every pair')

interface Part {
  /** The payloads of a delta that touch it. */
  readonly payload: RegExp
  readonly load: string
  readonly read: string
  /** A text that two nodes share only if they hold the same. */
  readonly canonical: (listing: string) => string
}

const sorted = (listing: string): string => listing.split('\n').sort().join('\n')

const PARTS = {
  ipset: {
    payload: /ipset\.restore$/,
    load: 'ipset restore',
    read: 'ipset save',
    canonical: (listing) => sorted(listing.replace(/ (hashsize|bucketsize|initval) \S+/g, '')),
  },
  iptables: {
    payload: /-iptables\.restore$/,
    load: 'iptables-nft-restore --noflush',
    read: 'iptables-nft-save',
    canonical: rulesInOrder,
  },
  ip6tables: {
    payload: /-ip6tables\.restore$/,
    load: 'ip6tables-nft-restore --noflush',
    read: 'ip6tables-nft-save',
    canonical: rulesInOrder,
  },
  // One listing is enough: these tests run alone.
  ipvs: { payload: /ipvs\.restore$/, load: 'ipvsadm -R', read: 'ipvsadm -S -n', canonical: sorted },
  addresses: {
    payload: /ip\.batch$/,
    load: 'ip -batch -',
    read: 'ip -j addr',
    canonical: (listing) =>
      parseIpAddr(listing)
        .filter((entry) => entry.interface === 'kube-ipvs0')
        .map(({ address }) => address)
        .sort()
        .join('\n'),
  },
} as const satisfies Readonly<Record<string, Part>>

type PartName = keyof typeof PARTS
const PART_NAMES = Object.keys(PARTS) as readonly PartName[]

/** Chains sorted, the rules of each in their order. */
function rulesInOrder(listing: string): string {
  let table = ''
  return listing
    .split('\n')
    .filter((line) => /^[*:-]/.test(line))
    .map((line): readonly [chain: string, line: string] => {
      if (line.startsWith('*')) table = line
      return [`${table} ${line.split(' ')[line.startsWith('-') ? 1 : 0]}`, line.replace(/ \[.*/, '')]
    })
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([, line]) => line)
    .join('\n')
}

const plans = goldenStates()
const cases = [...plans.keys()]
const planOf = (name: string): Plan => plans.get(name) as Plan

type Listings = Readonly<Record<PartName, string>>

/** What a node prints that holds a case and nothing else; asked for once each, one after the other. */
const references = new Map<string, Promise<Listings>>()

function reference(lab: Lab, name: string): Promise<Listings> {
  const known = references.get(name)
  if (known !== undefined) return known
  const before = [...references.values()].at(-1)
  const asked = (async () => {
    await before?.catch(() => undefined)
    const { [name]: node } = await lab.namespaces(name)
    if (node === undefined) throw new Error(name)
    await loadBundle(lab, node, emit(planOf(name)))
    const state = await readBack(lab, node)
    assertHolds(state, planOf(name))
    await readByScript(lab, node, name)
    const listings = PART_NAMES.map((part) => [part, PARTS[part].canonical(state[part])])
    return Object.fromEntries(listings) as Listings
  })()
  references.set(name, asked)
  return asked
}

/** A shell script that takes one step, and the parts that it touches. Settings are those of the whole kernel. */
function stepScript(
  folder: string,
  from: Plan,
  to: Plan,
): { readonly script: string; readonly touched: Set<PartName> } {
  mkdirSync(folder)
  const touched = new Set<PartName>()
  const loads: string[] = []
  for (const [name, text] of emitDelta(delta(from, to))) {
    const part = PART_NAMES.find((candidate) => PARTS[candidate].payload.test(name))
    if (part === undefined) continue
    touched.add(part)
    writeFileSync(join(folder, name), text)
    loads.push(`${PARTS[part].load} < ${name}`)
  }
  const reads = [...touched].map((part) => `{ ${PARTS[part].read}; } > ${part}`)
  return { script: `cd '${folder}'\n{ :; ${loads.join('\n')}\n} 2> words\n${reads.join('\n')}\n`, touched }
}

/** Bundles by case; written once, since that takes longer under emulation than to load one. */
const bundles = new Map<string, string>()
const bundlesFolder = mkdtempSync(join(tmpdir(), 'ipvsc-bundles-'))
process.on('exit', () => rmSync(bundlesFolder, { recursive: true, force: true }))

function bundleFolder(name: string): string {
  const known = bundles.get(name)
  if (known !== undefined) return known
  const folder = writeBundle({ folder: bundlesFolder }, planOf(name)).path
  const [functions = ''] = readFileSync(join(folder, 'apply.sh'), 'utf8').split('# --- the command line')
  writeFileSync(join(folder, 'functions.sh'), functions)
  bundles.set(name, folder)
  return folder
}

/** The functions of a script, ready to be called; what they speak of is the same in the bundles of all cases, but for settings. */
const functionsOf = (name: string): string => `. '${bundleFolder(name)}/functions.sh'
bundle='${bundleFolder(name)}' state=/nowhere last=/nowhere limit=120 drain_timeout=900 flavour=nft variant=-nft skipped=''
json=no verbose=no quiet=no stepping=no running='' problem='' child=''
`

/** What the script reads on a node that holds a case, and what it takes the payloads of that case for; without settings. */
const heldFolder = (name: string): string => join(bundleFolder(name), 'held')
const wantedFolder = (name: string): string => join(bundleFolder(name), 'wanted')

async function readByScript(lab: Lab, node: Namespace, name: string): Promise<void> {
  const folder = bundleFolder(name)
  mkdirSync(join(folder, 'calls'))
  const script = `${functionsOf(name)}work='${folder}' errors='${folder}/errors'
read_node '${heldFolder(name)}' && state_of '${heldFolder(name)}' && state_of_bundle '${wantedFolder(name)}' || {
  echo "$problem"
  exit 1
}`
  await lab.run(script, { in: node })
  const [held, wanted] = [heldFolder(name), wantedFolder(name)].map((place) => {
    const file = join(place, 'state')
    const state = readFileSync(file, 'utf8').replace(/^sysctl .*\n/gm, '')
    writeFileSync(file, state)
    return state
  })
  assert.is(held, wanted, name)
}

/** A shell script that brings a node to a case as an operator does, and reads parts of what it then holds. */
const applyScript = (
  folder: string,
  name: string,
  parts: readonly PartName[],
  state: string,
): string => `mkdir '${folder}'; cd '${folder}'
sh '${bundleFolder(name)}/apply.sh' --no-drain --iptables nft --state-dir '${state}' > said 2>&1
echo $? > status
${parts.map((part) => `{ ${PARTS[part].read}; } > ${part}`).join('\n')}
`

/** The parts in which two cases differ. */
async function differing(lab: Lab, one: string, other: string): Promise<PartName[]> {
  const [first, second] = [await reference(lab, one), await reference(lab, other)]
  return PART_NAMES.filter((part) => first[part] !== second[part])
}

/** The ways between a case and those after it. */
const thereAndBack = (name: string): { readonly from: string; readonly to: string }[] =>
  cases.slice(cases.indexOf(name) + 1).flatMap((other) => [
    { from: name, to: other },
    { from: other, to: name },
  ])

const NOTHING = 'nothing'

/** A way between two cases, with a folder for what is said and read when it has been taken. */
interface Step {
  readonly way: string
  readonly from: string
  readonly to: string
  readonly folder: string
  /** What is read: all where that is asked for, otherwise what the two have not in common. */
  readonly parts: readonly PartName[]
}

const stepsOf = (
  lab: Lab,
  ways: ReturnType<typeof thereAndBack>,
  readsAll: (from: string, to: string, number: number) => boolean,
): Promise<readonly Step[]> =>
  Promise.all(
    ways.map(async ({ from, to }, number) => ({
      way: `${from} to ${to}`,
      from,
      to,
      folder: join(lab.folder, `step-${number}`),
      parts: readsAll(from, to, number) ? PART_NAMES : await differing(lab, from, to),
    })),
  )

const fileOf = ({ folder }: Step, name: string): string => readFileSync(join(folder, name), 'utf8')

/** Every part that was read is as that of a node which was given the state alone. */
async function assertReached(lab: Lab, step: Step): Promise<void> {
  const wanted = await reference(lab, step.to)
  for (const part of step.parts)
    assert.is(PARTS[part].canonical(fileOf(step, part)), wanted[part], `${step.way}: ${part}`)
}

// Deltas first, since they take less: on a slow machine, what there is no time for is the end of the others.
for (const name of cases.slice(0, -1)) {
  kernelTest(
    test,
    `by deltas from ${name} to every state after it, and back`,
    async (lab) => {
      const { node } = await lab.namespaces('node')
      explainOnFailure(lab, node, 'nft')
      await loadBundle(lab, node, emit(planOf(name)))
      const steps = thereAndBack(name).map(({ from, to }, number) => {
        const folder = join(lab.folder, `step-${number}`)
        return { from, to, folder, ...stepScript(folder, planOf(from), planOf(to)) }
      })
      await lab.run(steps.map(({ script }) => script).join(''), { in: node })
      for (const { from, to, folder, touched } of steps) {
        const [before, after] = [await reference(lab, from), await reference(lab, to)]
        const way = `${from} to ${to}`
        assert.is(readFileSync(join(folder, 'words'), 'utf8'), '', way)
        for (const part of PART_NAMES) {
          if (!touched.has(part)) assert.is(before[part], after[part], `${way} leaves ${part} as it is`)
          else {
            const listing = readFileSync(join(folder, part), 'utf8')
            assert.is(PARTS[part].canonical(listing), after[part], `${way}: ${part}`)
          }
        }
      }
    },
    { limit: 900, long: true },
  )
}

/** A shell script that takes one step as the script of a bundle does between reading a node and reading it again. */
function workedOutScript(folder: string, from: string, to: string, parts: readonly PartName[]): string {
  mkdirSync(join(folder, 'calls'), { recursive: true })
  symlinkSync(heldFolder(from), join(folder, 'have'))
  symlinkSync(wantedFolder(to), join(folder, 'want'))
  return `cd '${folder}'; work='${folder}' errors='${folder}/errors'
{ work_out exact && load || { echo "$problem"; false; }; } > said 2>&1
echo $? > status
${parts.map((part) => `{ ${PARTS[part].read}; } > ${part}`).join('\n')}
`
}

for (const name of cases.slice(0, -1)) {
  kernelTest(
    test,
    `by what the script works out from ${name} to every state after it, and back`,
    async (lab) => {
      const { node } = await lab.namespaces('node')
      explainOnFailure(lab, node, 'nft')
      await loadBundle(lab, node, emit(planOf(name)))
      const ways = thereAndBack(name)
      // What is not read is not repaired, either: these scripts do not look at the node. So what they damage is seen later.
      const steps = await stepsOf(
        lab,
        ways,
        (_, __, number) => number % 8 === 0 || number === ways.length - 1,
      )
      const scripts = steps.map(({ from, to, folder, parts }) => workedOutScript(folder, from, to, parts))
      await lab.run(`${functionsOf(name)}${scripts.join('')}`, { in: node })
      for (const step of steps) {
        assert.is(fileOf(step, 'status'), '0\n', `${step.way}: ${fileOf(step, 'said')}`)
        assert.is(fileOf(step, 'said'), '', step.way)
        await assertReached(lab, step)
      }
    },
    { limit: 900, long: true },
  )
}

for (const name of cases.slice(0, -1)) {
  kernelTest(
    test,
    `by the script from ${name} to every state after it, and back`,
    async (lab) => {
      const { node } = await lab.namespaces('node')
      explainOnFailure(lab, node, 'nft')
      const state = join(lab.folder, 'state')
      const ways = [{ from: NOTHING, to: name }, ...thereAndBack(name)]
      const steps = await stepsOf(lab, ways, (from, to) => from === NOTHING || from < to)
      const scripts = steps.map(({ to, folder, parts }) => applyScript(folder, to, parts, state))
      await lab.run(`ip link set lo up\n${scripts.join('')}`, { in: node })
      for (const step of steps) {
        assert.is(fileOf(step, 'status'), '0\n', `${step.way}: ${fileOf(step, 'said')}`)
        assert.match(fileOf(step, 'said'), /^apply: applied: /m, step.way)
        await assertReached(lab, step)
      }
    },
    { limit: 900, long: true },
  )
}

/** Where only real servers and entries differ, a delta bundle is one step: its script compares nothing. */
const isStep = (from: string, to: string): boolean =>
  stepOf(delta(planOf(from), planOf(to)), planOf(from), planOf(to)) !== null

kernelTest(
  test,
  'by delta bundles of one step, wherever one is enough, there and back',
  async (lab) => {
    const { node } = await lab.namespaces('node')
    await lab.run('ip link set lo up', { in: node })
    const apply = (path: string) =>
      runScript(lab, node, { path }, { arguments: ['apply', '--no-drain', '--verbose'] })
    let steps = 0
    for (const [index, name] of cases.entries()) {
      const others = cases.slice(index + 1).filter((other) => isStep(name, other) && isStep(other, name))
      if (others.length > 0) assert.is((await apply(bundleFolder(name))).status, 0)
      for (const [from, to] of others.flatMap((other) => [[name, other] as const, [other, name] as const])) {
        const run = await apply(writeBundle(lab, planOf(to), planOf(from)).path)
        assertResult(run, 0, 'applied')
        assert.match(run.stdout, STEP_TAKEN, `${from} to ${to}`)
        assertHolds(await readBack(lab, node), planOf(to))
        steps++
      }
    }
    assert.ok(steps > 20, `${steps} steps`)
  },
  { limit: 240 },
)

test.run()
