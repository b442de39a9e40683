import { spawnSync } from 'node:child_process'
import * as assert from 'uvu/assert'

/** Runs functions of the script of the bundle in a folder: all of it but the command line. */
export const withFunctions = (folder: string, commands: string): string =>
  `sed '/^# --- the command line/,$d' '${folder}/apply.sh' > '${folder}/functions'
. '${folder}/functions'; trap - EXIT; set_defaults
bundle='${folder}' state='${folder}' errors='${folder}/errors'; read_configuration "$bundle/bundle.conf"; copy=$bundle
${commands}
`

/** Runs commands that have nothing to say and end well. */
export function runShell(script: string): void {
  const { status, stderr } = spawnSync('sh', ['-c', script], { encoding: 'utf8' })
  assert.is(stderr, '')
  assert.is(status, 0, script.slice(0, 2000))
}
