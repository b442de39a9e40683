import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bundleOf } from '../../src/bundle/bundle.ts'
import { type DeltaPayloadName, stateLines } from '../../src/index.ts'
import { goldenPlans } from '../golden/cases.ts'
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

test('every pair of golden plans, in both directions', async () => {
  const plans = await goldenPlans()
  const root = mkdtempSync(join(tmpdir(), 'ipvsc-work-out-'))
  try {
    for (const [name, plan] of plans) {
      mkdirSync(join(root, name))
      for (const [file, bytes] of bundleOf('node-1', plan).files) writeFileSync(join(root, name, file), bytes)
      runShell(
        withFunctions(join(root, name), `work='${root}/${name}'; state_of_bundle '${root}/${name}/state'`),
      )
    }
    for (const [target, to] of plans) {
      const ways = [...plans].filter(([start]) => start !== target)
      for (const [start] of ways) {
        const work = join(root, target, `from-${start}`)
        mkdirSync(work)
        symlinkSync(join(root, start, 'state'), join(work, 'have'))
        symlinkSync(join(root, target, 'state'), join(work, 'want'))
      }
      runShell(
        withFunctions(
          join(root, target),
          `for work in '${root}/${target}'/from-*; do work_out exact || exit 1; done`,
        ),
      )
      for (const [start, from] of ways) {
        const file = (name: string): string => join(root, target, `from-${start}`, name)
        const payloads = PAYLOADS.filter(([name]) => existsSync(file(name))).map(
          ([name, payload]) => [payload, readFileSync(file(name), 'utf8')] as const,
        )
        assert.equal(migrate(from, to, payloads).lines(), stateLines(to), `${start} to ${target}`)
      }
    }
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
})

test.run()
