import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { bundleOf } from '../../src/bundle/bundle.ts'
import type { Plan } from '../../src/index.ts'
import { loadCase, runCase } from '../golden/cases.ts'
import { runShell, withFunctions } from '../support/scriptFunctions.ts'
import { randomNumbers } from '../support/shuffle.ts'
import { needs } from '../support/tools.ts'

/** What a delta bundle's script does in place of comparing everything, with each awk that there is. */

const test = suite('step')

const AWKS = ['mawk', 'gawk', 'original-awk', 'busybox awk']

/** Does something in a folder that holds a bundle, and an `awk` in `bin/`. */
async function withScript<T>(awk: string, use: (folder: string) => T): Promise<T> {
  const { plan } = await runCase(await loadCase('cluster-ip'))
  const folder = mkdtempSync(join(tmpdir(), 'ipvsc-step-'))
  try {
    for (const name of [
      'bin',
      'work',
      'work/calls',
      'delta',
      'last',
      'last/after',
      'journal',
      'journal/after',
    ])
      mkdirSync(join(folder, name))
    writeFileSync(join(folder, 'bin/awk'), `#!/bin/sh\nexec ${awk} "$@"\n`, { mode: 0o755 })
    for (const [name, bytes] of bundleOf('node-1', plan as Plan).files)
      writeFileSync(join(folder, name), bytes)
    return use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const run = (folder: string, commands: string): void =>
  runShell(withFunctions(folder, `PATH='${folder}/bin':$PATH work='${folder}/work'\n${commands}`))

const realServer = (address: string, connections: number, weight = 1): string =>
  `  -> ${address}      ${'Masq'.padEnd(7)} ${String(weight).padEnd(6)} ${String(connections).padEnd(10)} ${String(7 * connections).padEnd(10)}`

const hexadecimal = (number: number): string => number.toString(16).toUpperCase().padStart(4, '0')

interface Listed {
  readonly connections?: number
  readonly weight?: number
  readonly timeout?: number
  readonly scheduler?: string
}

/** More than any tool reads at once. */
const MANY = 2000

/** Virtual and real servers as the kernel's ip_vs_info_seq_show prints them. */
const listed = ({
  connections = 0,
  weight = 1,
  timeout = 10800,
  scheduler = 'rr',
}: Listed = {}): string[] => [
  'IP Virtual Server version 1.2.1 (size=4096)',
  'Prot LocalAddress:Port Scheduler Flags',
  '  -> RemoteAddress:Port Forward Weight ActiveConn InActConn',
  'TCP  0A600001:01BB rr  ',
  realServer('C0A80001:192B', connections),
  realServer('C0A80002:192B', 0),
  'FWM  0000000A rr  ',
  ...Array.from({ length: MANY }, (_, at) => realServer(`C0A9${hexadecimal(at)}:0050`, at % 7)),
  `UDP  0A60000A:0035 ${scheduler}  `,
  `SCTP  [2001:0db8:0000:0000:0000:0000:0000:0001]:0050 rr  persistent ${timeout} 00000080`,
  realServer('[2001:0db8:0000:0000:0000:0000:0001:0001]:1F90', connections, weight),
]

const without = (lines: readonly string[], index: number): string[] => lines.filter((_, at) => at !== index)

/** What is found, where `listed()` was left, and whether it counts as the same. */
const LISTS: readonly (readonly [what: string, now: readonly string[], same: boolean, lines?: number])[] = [
  ['nothing else', listed(), true],
  ['other connections', listed({ connections: 123456789 }), true],
  ['another weight', listed({ weight: 0 }), false],
  ['another timeout of persistence', listed({ timeout: 300 }), false],
  ['another scheduler', listed({ scheduler: 'wlc' }), false],
  ['a real server less in between', without(listed(), 5), false],
  ['a real server less at the end', listed().slice(0, -1), false],
  ['one more', [...listed(), realServer('0A000001:1F90', 0)], false],
  ['another real server with as many connections', listed().with(4, realServer('C0A80003:192B', 0)), false],
  ['nothing at all', [], false],
  ['the same, but it should be longer', listed(), false, listed().length + 1],
]

for (const awk of AWKS)
  needs(awk)(
    test,
    `a list of servers that differs in more than connections is another one (${awk})`,
    async () => {
      await withScript(awk, (folder) => {
        const [before, now] = [join(folder, 'before'), join(folder, 'now')]
        writeFileSync(
          before,
          listed()
            .map((line) => `${line}\n`)
            .join(''),
        )
        for (const [what, lines, same, length = listed().length] of LISTS) {
          writeFileSync(now, lines.map((line) => `${line}\n`).join(''))
          const call = `lists_servers '${before}' ${length}`
          run(
            folder,
            `sed -i 's#/proc/net/ip_vs#${now}#' '${folder}/functions'; . '${folder}/functions'; trap - EXIT
${call}; [ $? -eq ${same ? 0 : 1} ] || echo '${what}' >&2`,
          )
        }
      })
    },
  )

for (const awk of AWKS)
  needs(awk)(test, `what a step will leave is recorded as sorted as it was (${awk})`, async () => {
    await withScript(awk, (folder) => {
      const random = randomNumbers(4)
      const below = (limit: number): number => Math.floor(random() * limit)
      const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('')
      for (let round = 0; round < 40; round++) {
        const every = [...new Set(Array.from({ length: 12 }, () => `entry SET 10.0.0.${below(30)}`))].sort()
        const kinds = every.map(() => below(round % 4 === 0 ? 2 : 4))
        const of = (...wanted: number[]): string[] =>
          every.filter((_, at) => wanted.includes(kinds[at] as number))
        const [added, removed, before, after] = [of(0), of(1), of(1, 2, 3), of(0, 2, 3)]
        writeFileSync(join(folder, 'delta/added.state'), text(added))
        writeFileSync(join(folder, 'delta/removed.state'), text(removed))
        writeFileSync(join(folder, 'last/after/state'), text(before))
        writeFileSync(join(folder, 'last/after/rules'), 'rule\n')
        writeFileSync(join(folder, 'journal/after/rules'), '')
        run(folder, `last='${folder}/last' journal='${folder}/journal'; record_step`)
        const read = (name: string): string => readFileSync(join(folder, 'journal/after', name), 'utf8')
        assert.is(read('state'), text(after))
        assert.is(read('rules'), 'rule\n')
      }
    })
  })

test.run()
