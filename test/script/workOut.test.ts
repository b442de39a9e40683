import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bundleOf } from '../../src/bundle/bundle.ts'
import { type DeltaPayloadName, type Plan, stateLines } from '../../src/index.ts'
import { goldenPlans, loadCase, runCase } from '../golden/cases.ts'
import { crowdedWays } from '../support/crowdedSets.ts'
import { migrate } from '../support/migration.ts'

/** What the script of a bundle lays out to bring a node from one state to another, on a kernel in memory. */

const test = suite('work out')

/** The script's payloads, and what they are called in a delta. */
const PAYLOADS: readonly (readonly [file: string, name: DeltaPayloadName])[] = [
  ['sets.1', '03-ipset.restore'],
  ['rules.1.ipv4', '04-iptables.restore'],
  ['rules.1.ipv6', '05-ip6tables.restore'],
  ['ipvs.1', '06-ipvs.restore'],
  ['ip.1', '07-ip.batch'],
  ['ip.2', '08-ip.batch'],
  ['ipvs.2', '09-ipvs.restore'],
  ['rules.2.ipv4', '10-iptables.restore'],
  ['rules.2.ipv6', '11-ip6tables.restore'],
  ['sets.2', '12-ipset.restore'],
]

/** Runs functions of the script of a bundle: all of it but the command line. */
const withFunctions = (folder: string, commands: string): string =>
  `sed '/^# --- the command line/,$d' '${folder}/apply.sh' > '${folder}/functions'
. '${folder}/functions'
skipped='' json=no verbose=no drain_timeout=900 bundle='${folder}' state='${folder}'
${commands}
`

function runShell(script: string): void {
  const { status, stderr } = spawnSync('sh', ['-c', script], { encoding: 'utf8' })
  assert.is(stderr, '')
  assert.is(status, 0, script.slice(0, 2000))
}

/** Writes the bundle of a plan, and in `state/` of its folder what the script reads from it. */
function writeState(folder: string, plan: Plan): void {
  mkdirSync(folder)
  for (const [file, bytes] of bundleOf('node-1', plan).files) writeFileSync(join(folder, file), bytes)
  runShell(withFunctions(folder, `work='${folder}'; state_of_bundle '${folder}/state'`))
}

/** A folder to lay out the way in from what one folder of states holds to what another one does. */
function writeWay(folder: string, from: string, to: string): void {
  mkdirSync(folder)
  symlinkSync(join(from, 'state'), join(folder, 'have'))
  symlinkSync(join(to, 'state'), join(folder, 'want'))
}

/** What was laid out in a folder, as the payloads of a delta. */
const laidOut = (folder: string): (readonly [DeltaPayloadName, string])[] =>
  PAYLOADS.filter(([name]) => existsSync(join(folder, name))).map(
    ([name, payload]) => [payload, readFileSync(join(folder, name), 'utf8')] as const,
  )

test('every pair of golden plans, in both directions', async () => {
  const plans = await goldenPlans()
  const root = mkdtempSync(join(tmpdir(), 'ipvsc-work-out-'))
  try {
    for (const [name, plan] of plans) writeState(join(root, name), plan)
    for (const [target, to] of plans) {
      const folder = (start: string): string => join(root, target, `from-${start}`)
      const ways = [...plans].filter(([start]) => start !== target)
      for (const [start] of ways) writeWay(folder(start), join(root, start), join(root, target))
      runShell(
        withFunctions(
          join(root, target),
          `for work in '${root}/${target}'/from-*; do work_out exact || exit 1; done`,
        ),
      )
      for (const [start, from] of ways)
        assert.equal(
          migrate(from, to, laidOut(folder(start))).lines(),
          stateLines(to),
          `${start} to ${target}`,
        )
    }
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
})

test('a set that has no room for what comes beside what leaves is larger until the end', async () => {
  const { plan } = await runCase(await loadCase('cluster-ip'))
  const root = mkdtempSync(join(tmpdir(), 'ipvsc-crowded-'))
  try {
    for (const [index, { from, to, most }] of crowdedWays(plan as Plan).entries()) {
      const [start, target, way] = ['from', 'to', 'way'].map((name) => join(root, `${index}-${name}`)) as [
        string,
        string,
        string,
      ]
      writeState(start, from)
      writeState(target, to)
      writeWay(way, start, target)
      runShell(withFunctions(target, `work='${way}'; work_out exact`))
      const payloads = laidOut(way)
      const texts = payloads.map(([, text]) => text).join('')
      if (most === null) assert.not.match(texts, /ipvsc-tmp/)
      else assert.match(texts, new RegExp(`^create ipvsc-tmp .* maxelem ${most} `, 'm'))
      assert.equal(migrate(from, to, payloads).lines(), stateLines(to))
    }
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
})

test.run()
