import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ROOT } from '../support/shared.ts'

test('README and CHANGELOG name the SHA-256 of the script in every bundle ("npm run checksum" renews it)', () => {
  const sum = createHash('sha256')
    .update(readFileSync(`${ROOT}dist/apply.sh`))
    .digest('hex')
  for (const name of ['README.md', 'CHANGELOG.md'])
    assert.match(readFileSync(`${ROOT}${name}`, 'utf8'), `\`dist/apply.sh\` (SHA-256 \`${sum}\`)`)
})

test.run()
