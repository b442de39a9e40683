import { createTwoFilesPatch } from 'diff'
import { type Outcome, PASSED } from './types.ts'

/** Holds the payloads of a node against those that a folder has, by file name. */
export function judgePayloads(
  expected: ReadonlyMap<string, string>,
  found: ReadonlyMap<string, string>,
): Outcome {
  const names = [...new Set([...expected.keys(), ...found.keys()])].sort()
  const other = names.filter((name) => expected.get(name) !== found.get(name))
  if (other.length === 0) return PASSED
  const patches = other.map((name) =>
    createTwoFilesPatch(name, name, expected.get(name) ?? '', found.get(name) ?? '', 'expected', 'found'),
  )
  const message = `${other.join(', ')} ${other.length === 1 ? 'differs' : 'differ'}`
  return { status: 'failed', message, expected: [], found: [], because: patches.join('') }
}
