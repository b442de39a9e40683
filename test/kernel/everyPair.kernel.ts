import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { delta, emit, emitDelta, type Plan, parseIpAddr } from '../../src/index.ts'
import { explainOnFailure, loadBundle, readBack } from './harness/bundle.ts'
import { goldenStates } from './harness/golden.ts'
import { kernelTest, type Lab } from './harness/lab.ts'
import { assertHolds } from './harness/state.ts'

/**
 * Deltas between every pair of golden states, in both directions, loaded by the stock tools. What a delta touches is read
 * again, and has to be what a node prints that was given the other case alone.
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

/** What a node prints that holds a case and nothing else; asked for once each. */
const references = new Map<string, Promise<Listings>>()

function reference(lab: Lab, name: string): Promise<Listings> {
  const known = references.get(name)
  if (known !== undefined) return known
  const asked = (async () => {
    const { [name]: node } = await lab.namespaces(name)
    if (node === undefined) throw new Error(name)
    await loadBundle(lab, node, emit(planOf(name)))
    const state = await readBack(lab, node)
    assertHolds(state, planOf(name))
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
  const reads = [...touched].map((part) => `${PARTS[part].read} > ${part}`)
  return { script: `cd '${folder}'\n{ :; ${loads.join('\n')}\n} 2> words\n${reads.join('\n')}\n`, touched }
}

for (const [index, name] of cases.slice(0, -1).entries())
  kernelTest(
    test,
    `from ${name} to every state after it, and back`,
    async (lab) => {
      const { node } = await lab.namespaces('node')
      explainOnFailure(lab, node, 'nft')
      await loadBundle(lab, node, emit(planOf(name)))
      const steps = cases
        .slice(index + 1)
        .flatMap((other) => [
          { from: name, to: other },
          { from: other, to: name },
        ])
        .map(({ from, to }, number) => {
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
    { limit: 300 },
  )

test.run()
