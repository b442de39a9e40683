import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ROOT } from '../support/shared.ts'
import { outputOf, shownIn } from '../support/shown.ts'

const test = suite('cli: the page on reviews')

const shown = shownIn(readFileSync(`${ROOT}docs/review.md`, 'utf8'))

test('the page shows four commands', () => {
  assert.is(shown.length, 4)
})

for (const { command, output } of shown)
  test(command, () => {
    assert.is(outputOf(command), output, '`npm run shown` renews it')
  })

test.run()
