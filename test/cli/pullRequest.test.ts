import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ROOT } from '../support/shared.ts'

const test = suite('cli: the example of a pull request')

/** Blocks of a document that show a command and what it says. */
const README = readFileSync(`${ROOT}examples/pull-request/README.md`, 'utf8')
const shown = [...README.matchAll(/```console\n\$ (.*)\n([\s\S]*?)```/g)].map(
  ([, command = '', output = '']) => ({ command, output }),
)
const withoutTimes = (text: string): string => text.replace(/; \d+\.\d\d s\n/g, '; … s\n')

test('the document shows five commands', () => {
  assert.is(shown.length, 5)
})

for (const { command, output } of shown)
  test(command, () => {
    const [, ...words] = command.split(' ')
    const { FORCE_COLOR: _color, ...env } = process.env
    const { stdout, stderr } = spawnSync(process.execPath, [`${ROOT}dist/cli.js`, ...words], {
      cwd: ROOT,
      encoding: 'utf8',
      env: { ...env, NO_COLOR: '1' },
    })
    assert.is(withoutTimes(stderr + stdout), withoutTimes(output))
  })

test.run()
