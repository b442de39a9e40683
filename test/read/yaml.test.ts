import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { stringify } from 'yaml'
import { read } from '../../src/index.ts'
import { needsOtherParser, parseFast } from '../../src/read/fastYaml.ts'
import { DEFAULT_LIMITS } from '../../src/read/limits.ts'
import { Ambiguous, plainScalar } from '../../src/read/scalars.ts'
import { parseWithPositions, parseYaml } from '../../src/read/yaml.ts'
import { hasSharedData, ROOT, SHARED_DATA } from '../support/shared.ts'

/** Both parsers read a text alike, documents, values and ambiguous places, where the fast one reads it at all. */
function assertAlike(text: string): boolean {
  if (needsOtherParser(text) || !('values' in parseFast(text, DEFAULT_LIMITS.depth))) return false
  const fast = parseYaml(text, DEFAULT_LIMITS)
  const slow = parseWithPositions(text, DEFAULT_LIMITS)
  if (slow.some(({ errors }) => errors.length > 0)) return false
  const form = (documents: typeof fast) =>
    documents.map(({ value, ambiguous }) => ({ value: value ?? null, ambiguous }))
  assert.equal(form(fast), form(slow), text)
  return true
}

const SCALARS = [
  ...['yes', 'No', 'on', 'y', 'true', 'False', '~', 'null', 'NULL', 'text', 'a b', '<<', '=', '-', '.', '..'],
  ...[
    '0',
    '07',
    '010',
    '08',
    '-010',
    '0o17',
    '0x1F',
    '-0x1F',
    '0b101',
    '1_000',
    '1e3',
    '1E+3',
    '1.5e3',
    '.5',
  ],
  ...[
    '1.',
    '-1.5',
    '+12',
    '1:30',
    '1:30.5',
    '190:20:30',
    '.inf',
    '-.INF',
    '.nan',
    '1.2.3',
    '10.0.0.1',
    '1_0.5',
  ],
  ...['fd00::1', '2026-01-01', '2026-01-01T00:00:00Z', '9007199254740993', '0_', '1__0', '12e', '0x', '0o8'],
]

test('both parsers take every plain scalar for the same, as a value, an item and in a flow', () => {
  for (const scalar of SCALARS)
    for (const text of [`a: ${scalar}`, `[${scalar}, x]`, `- ${scalar}\n- x`, `{k: ${scalar}}`, scalar])
      assertAlike(text)
})

/** Trees whose scalars are plain or quoted, with anchors, aliases and merge keys among them. */
const leaf = fc.oneof(
  fc.constantFrom(...SCALARS),
  fc.string({ maxLength: 6 }).map((text) => JSON.stringify(text)),
  fc.constantFrom("'x'", '"010"', "'yes'", '*a', '""', '# comment\n', ''),
)
const key = fc.constantFrom('a', 'b', 'name', 'x y', '"q"', '<<', '__proto__', '1', 'on')
const flow = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.array(tie('node'), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
    fc
      .array(fc.tuple(key, tie('node')), { maxLength: 3 })
      .map((pairs) => `{${pairs.map(([name, value]) => `${name}: ${value}`).join(', ')}}`),
  ),
})).node
const line = fc
  .tuple(fc.constantFrom('', '  ', '- ', '    '), key, flow)
  .map(([indent, name, value]) => `${indent}${name}: ${value}`)
const text = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: line },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          '---',
          '...',
          '# c',
          '',
          '- x',
          'k: |\n  text\n  010',
          'k: >-\n  folded\n  more',
        ),
      },
    ),
    { maxLength: 8 },
  )
  .map((lines) => `first: &a {m: 1, n: 010}\n${lines.join('\n')}\n`)

test('both parsers read generated texts alike', () => {
  let compared = 0
  fc.assert(
    fc.property(text, (generated) => {
      if (assertAlike(generated)) compared++
    }),
    { numRuns: 1500 },
  )
  assert.ok(compared > 100, `only ${compared} texts were read by both`)
})

test('both parsers read whatever is written as YAML alike', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assertAlike(stringify(value))
      assertAlike(stringify(value, { defaultStringType: 'QUOTE_DOUBLE' }))
    }),
    { numRuns: 500 },
  )
})

test('both parsers read every YAML file at hand alike', () => {
  const folders = [`${ROOT}golden`, `${ROOT}examples`, ...(hasSharedData ? [SHARED_DATA] : [])]
  let files = 0
  for (const folder of folders)
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (!/\.ya?ml$/.test(name) || name.includes('node_modules')) continue
      const contents = readFileSync(`${folder}/${name}`, 'utf8')
      if (contents.length > 300_000) continue
      assertAlike(contents)
      files++
    }
  assert.ok(files > 50)
})

test('what YAML 1.1 and 1.2 read alike is no ambiguous scalar', () => {
  const meanings = (scalar: string) => {
    const value = plainScalar(scalar)
    return value instanceof Ambiguous ? [value.older, value.value] : value
  }
  assert.equal(meanings('010'), [8, 10])
  assert.equal(meanings('yes'), [true, 'yes'])
  assert.equal(meanings('1:30'), [90, '1:30'])
  assert.equal(meanings('0o17'), ['0o17', 15])
  assert.equal(meanings('1_000'), [1000, '1_000'])
  assert.equal(meanings('1e3'), ['1e3', 1000])
  assert.equal(meanings('0b101'), [5, '0b101'])
  assert.equal(meanings('-0x1F'), [-31, '-0x1F'])
  for (const clear of ['07', '0x1F', '80', '1.5', 'true']) assert.not.instance(meanings(clear), Array)
  for (const plain of ['10.0.0.1', 'fd00::1', '2026-01-01', 'v1', 'nginx', 'yes-no', '1.2.3'])
    assert.is(meanings(plain), undefined)
})

const SERVICE = (port: string, label = 'x') => `apiVersion: v1
kind: Service
metadata:
  name: web
  labels: {app: ${label}}
spec:
  clusterIP: 10.96.0.1
  ports:
    - port: ${port}
      unknown: yes
`

for (const port of ['010', '0o17', '1_000', '1:30', 'yes', '0b1010000', '1e3'])
  test(`port: ${port} is refused with its place`, async () => {
    const { cluster, diagnostics } = await read([{ name: 'a.yaml', text: SERVICE(port) }])
    assert.equal(
      diagnostics.map(({ code, severity, path, position, found }) => [
        code,
        severity,
        path.join('.'),
        position,
        found,
      ]),
      [['SCALAR_AMBIGUOUS', 'error', 'spec.ports.0.port', { line: 9, column: 13 }, port]],
    )
    assert.is(cluster.services.length, 0)
  })

test('an ambiguous scalar counts in fields that are read, with tags in the text too, and nowhere else', async () => {
  const codesOf = async (text: string) =>
    (await read([{ name: 'a.yaml', text }])).diagnostics.map(({ code, path }) => `${code} ${path.join('.')}`)
  assert.equal(await codesOf(SERVICE('80')), [])
  assert.equal(await codesOf(SERVICE('80', 'on')), ['SCALAR_AMBIGUOUS metadata.labels.app'])
  assert.equal(await codesOf(`other: !x 1\n---\n${SERVICE('010')}`), [
    'NOT_AN_OBJECT ',
    'SCALAR_AMBIGUOUS spec.ports.0.port',
  ])
  assert.equal(await codesOf('kind: Workflow\napiVersion: x/v1\non: yes\nenv: {A: 010, B: 1_000}'), [])
  assert.equal(await codesOf(`{"kind": "List", "items": [{"kind": "ConfigMap", "data": {"a": "010"}}]}`), [])
  assert.equal(await codesOf(SERVICE('"80"')), ['SCHEMA spec.ports.0.port'])
})

test('an alias repeats an ambiguous scalar in each object that reads it', async () => {
  const { diagnostics } = await read([
    {
      name: 'a.yaml',
      text: `kind: List
items:
  - {apiVersion: v1, kind: Service, metadata: {name: a}, spec: &s {clusterIP: 10.96.0.1, ports: [{port: 010}]}}
  - {apiVersion: v1, kind: Service, metadata: {name: b}, spec: *s}
`,
    },
  ])
  assert.equal(
    diagnostics.map(({ code, subject }) => `${code} ${subject?.name}`),
    ['SCALAR_AMBIGUOUS a', 'SCALAR_AMBIGUOUS b'],
  )
})

test('a quote that nobody closes loses its own document alone', async () => {
  const job = 'apiVersion: batch/v1\nkind: Job\nmetadata: {name: "open}\n'
  const text = [
    job,
    SERVICE('80').replace('name: web', 'name: shop'),
    'apiVersion: v1\nkind: Pod\nmetadata: {name: 7}\n',
  ]
  const { cluster, diagnostics } = await read([{ name: 'a.yaml', text: text.join('---\n') }])
  assert.equal(
    cluster.services.map(({ object, origin }) => [object.metadata.name, origin.document]),
    [['shop', 1]],
  )
  const broken = diagnostics.filter(({ code }) => code === 'SYNTAX')
  assert.ok(broken.length > 0)
  for (const { severity, message } of broken)
    assert.match(`${severity}: ${message}`, /^warning: A Job is passed over: /)
  const both = await read([{ name: 'a.yaml', text: [job, SERVICE('0')].join('---\n') }])
  assert.equal(
    both.diagnostics.filter(({ code }) => code === 'SCHEMA').map(({ position }) => position),
    [{ line: 13, column: 13 }],
  )
})

test.run()
