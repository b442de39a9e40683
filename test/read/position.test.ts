import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { positionAt, positionsAt } from '../../src/read/position.ts'

const test = suite('positions')

test('several offsets at once have the positions that each has alone', () => {
  const text = fc.array(fc.constantFrom('\n', 'a', '\r\n', 'é', '\u{1f600}'), { maxLength: 30 })
  const offsets = fc.array(fc.option(fc.nat(40)), { maxLength: 10 })
  fc.assert(
    fc.property(text, offsets, (parts, wanted) => {
      const whole = parts.join('')
      const inside = wanted.map((offset) => (offset === null ? null : Math.min(offset, whole.length)))
      assert.equal(
        positionsAt(whole, inside),
        inside.map((offset) => (offset === null ? null : positionAt(whole, offset))),
      )
    }),
  )
})

test.run()
