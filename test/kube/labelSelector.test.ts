import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { matchesLabels, parseLabelSelector } from '../../src/kube/labelSelector.ts'

const LABELS = { zone: 'a', 'topology.kubernetes.io/region': 'eu', gpu: '' }

const holds = (text: string): boolean | null => {
  const selector = parseLabelSelector(text)
  return selector === null ? null : matchesLabels(selector, LABELS)
}

test('each form of a requirement, where it holds and where it does not', () => {
  const cases: readonly (readonly [string, boolean])[] = [
    ['zone=a', true],
    ['zone == a', true],
    ['zone=b', false],
    ['zone!=b', true],
    ['zone!=a', false],
    ['rack!=1', true],
    ['zone in (b, a)', true],
    ['zone in (b)', false],
    ['rack in (a)', false],
    ['zone notin (b,c)', true],
    ['zone notin (a)', false],
    ['rack notin (a)', true],
    ['zone', true],
    ['rack', false],
    ['!rack', true],
    ['! zone', false],
    ['gpu=', true],
    ['gpu', true],
    ['topology.kubernetes.io/region=eu,zone in (a,b),!rack', true],
    ['zone=a,rack', false],
    ['constructor', false],
  ]
  for (const [text, wanted] of cases) assert.is(holds(text), wanted, text)
})

test('what is no selector is none', () => {
  for (const text of [
    '',
    ',',
    'zone=a,',
    'zone in a',
    'zone in (a',
    '=a',
    'zone=a b',
    'a/b/c',
    'zone in (a b)',
    '-x',
  ])
    assert.is(holds(text), null, text)
})

test.run()
