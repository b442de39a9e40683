import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { VERSION } from '../version.ts'
import { joinScript } from './script.ts'

/** Renews the SHA-256 of the script of a node where people look for it, after it has changed. */
const root = new URL('../../', import.meta.url).pathname
const sum = createHash('sha256')
  .update(joinScript(`${root}templates/node`, VERSION))
  .digest('hex')
for (const name of ['README.md', 'CHANGELOG.md']) {
  const text = readFileSync(`${root}${name}`, 'utf8')
  const renewed = text.replace(/(`dist\/apply\.sh` \(SHA-256 `)[0-9a-f]*(`\))/, `$1${sum}$2`)
  if (!renewed.includes(sum)) throw new Error(`${name} does not name the SHA-256 of dist/apply.sh`)
  writeFileSync(`${root}${name}`, renewed)
}
