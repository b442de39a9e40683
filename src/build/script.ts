import { readFileSync } from 'node:fs'
import { ENTRIES_PER_BUCKET, MANY_ENTRIES, SET_HEADROOM, SMALLEST_HASH_SIZE } from '../kernel/setSizes.ts'

/** What lies in every bundle as it is: the script of a node, and units of systemd that run it. */
export const NODE_FILE_NAMES = [
  'apply.sh',
  'ipvsc.service',
  'ipvsc-drain.service',
  'ipvsc-drain.timer',
  'ipvsc-reconcile.service',
  'ipvsc-reconcile.timer',
] as const

/** Texts by name, from the files in `templates/node`. */
export const nodeFiles = (folder: string, version: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    NODE_FILE_NAMES.map((name) => [
      name,
      name === 'apply.sh' ? joinScript(folder, version) : readFileSync(`${folder}/${name}`, 'utf8'),
    ]),
  )

/** What the compiler knows and the script has to know, too. */
const CONSTANTS = { ENTRIES_PER_BUCKET, MANY_ENTRIES, SET_HEADROOM, SMALLEST_HASH_SIZE }

/**
 * The script in one file: parts that `apply.sh` sources (`. ./state.sh`) stand in its place, programs of awk that it
 * reads (`$(cat state.awk)`) are words, and it knows its version and the constants of the compiler.
 */
export function joinScript(folder: string, version: string): string {
  const text = readFileSync(`${folder}/apply.sh`, 'utf8')
    .replace(/^\. \.\/([a-z-]+\.sh)$/gm, (_, part) => readFileSync(`${folder}/${part}`, 'utf8').trimEnd())
    .replace(/\$\(cat ([a-z-]+\.awk)\)/g, (_, program) => awkWord(folder, program))
  const values = { ...CONSTANTS, SCRIPT_VERSION: version }
  return Object.entries(values).reduce((script, [name, value]) => withValue(script, name, value), text)
}

function withValue(script: string, name: string, value: string | number): string {
  const [before, after, ...more] = script.split(`\n${name}=development\n`)
  if (after === undefined || more.length > 0) throw new Error(`apply.sh does not say once what ${name} is`)
  return `${before}\n${name}=${value}\n${after}`
}

function awkWord(folder: string, name: string): string {
  const program = readFileSync(`${folder}/${name}`, 'utf8')
  if (program.includes("'")) throw new Error(`${name} has a single quote: write \\047`)
  return `'\n${program}'`
}
