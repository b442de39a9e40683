import { readFileSync } from 'node:fs'

/** What lies in every bundle as it is: the script of a node, and units of systemd that finish what it began. */
export const NODE_FILE_NAMES = ['apply.sh', 'ipvsc-drain.service', 'ipvsc-drain.timer'] as const

/** Texts by name, from the files in `templates/node`. */
export const nodeFiles = (folder: string, version: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    NODE_FILE_NAMES.map((name) => [
      name,
      name === 'apply.sh' ? joinScript(folder, version) : readFileSync(`${folder}/${name}`, 'utf8'),
    ]),
  )

/**
 * The script in one file: parts that `apply.sh` sources (`. ./state.sh`) stand in its place, programs of awk that it
 * reads (`$(cat state.awk)`) are words, and it knows its version.
 */
export function joinScript(folder: string, version: string): string {
  const text = readFileSync(`${folder}/apply.sh`, 'utf8')
    .replace(/^\. \.\/([a-z-]+\.sh)$/gm, (_, part) => readFileSync(`${folder}/${part}`, 'utf8').trimEnd())
    .replace(/\$\(cat ([a-z-]+\.awk)\)/g, (_, program) => awkWord(folder, program))
    .replace('SCRIPT_VERSION=development', `SCRIPT_VERSION=${version}`)
  if (!text.includes(`\nSCRIPT_VERSION=${version}\n`)) throw new Error('apply.sh does not say its version')
  return text
}

function awkWord(folder: string, name: string): string {
  const program = readFileSync(`${folder}/${name}`, 'utf8')
  if (program.includes("'")) throw new Error(`${name} has a single quote: write \\047`)
  return `'\n${program}'`
}
