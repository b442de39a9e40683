import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { chance, SEED, sampled } from './support/sample.ts'

/** What a run leaves to chance: a sample that never holds a certain case would be a hole that nobody sees. */

const NAMES = Array.from({ length: 2000 }, (_, index) => `from case-${index} to every other`)
const ITEMS = Array.from({ length: 12 }, (_, index) => index)

test('every place of a list is in a sample as often as any other, within what chance allows', () => {
  const times = ITEMS.map(() => 0)
  for (const name of NAMES)
    for (const place of sampled(name, ITEMS, 1 / 4, false)) times[place] = (times[place] ?? 0) + 1
  // 500 is expected, with a deviation of 20.
  for (const count of times) assert.ok(count > 380 && count < 620, `seed ${SEED}: ${times.join(' ')}`)
})

test('a sample keeps the order, is never empty, and is the whole list where that is asked for', () => {
  assert.equal(sampled('a', ITEMS, 1, false), ITEMS)
  assert.equal(sampled('a', ITEMS, 0.01, true), ITEMS)
  assert.is(sampled('a', ITEMS, 0.01, false).length, 1)
  assert.equal(sampled('a', [], 0.5, false), [])
  const some = sampled('a', ITEMS, 0.5, false)
  assert.equal(
    some,
    [...some].sort((a, b) => a - b),
  )
  assert.equal(some, sampled('a', ITEMS, 0.5, false))
})

test('a share of names is about that share', () => {
  const part = NAMES.filter((name) => chance(name) < 0.2).length / NAMES.length
  assert.ok(part > 0.14 && part < 0.26, `seed ${SEED}: ${part}`)
})

test.run()
