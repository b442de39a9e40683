import { readFileSync, writeFileSync } from 'node:fs'
import { ROOT } from '../support/shared.ts'
import { renewed } from '../support/shown.ts'

/** Renews what commands say in documents. */
if (process.env.CI !== undefined) throw new Error('documents are not rewritten in CI')

for (const name of ['docs/review.md', 'docs/rule-tests.md', 'examples/rule-tests/README.md']) {
  const path = `${ROOT}${name}`
  writeFileSync(path, renewed(readFileSync(path, 'utf8')))
}
