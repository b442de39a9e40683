import { spawnSync } from 'node:child_process'
import { ROOT } from './shared.ts'

/** A block of a document that shows a command of ipvsc and what it says. */
export interface Shown {
  readonly command: string
  readonly output: string
}

const BLOCK = /```console\n\$ (ipvsc .*)\n([\s\S]*?)```/g

export const shownIn = (text: string): Shown[] =>
  [...text.matchAll(BLOCK)].map(([, command = '', output = '']) => ({ command, output }))

/** The document with what the commands say today. */
export const renewed = (text: string): string =>
  text.replace(BLOCK, (_, command: string) => `\`\`\`console\n$ ${command}\n${outputOf(command)}\`\`\``)

/** Both streams of a command that is shown, without colours. */
export function outputOf(command: string): string {
  const [, ...words] = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(
    ([, quoted, bare]) => quoted ?? bare ?? '',
  )
  const { FORCE_COLOR: _color, ...env } = process.env
  const { stdout, stderr } = spawnSync(process.execPath, [`${ROOT}dist/cli.js`, ...words], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...env, NO_COLOR: '1' },
  })
  return stderr + stdout
}
