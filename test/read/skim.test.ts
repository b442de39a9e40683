import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Diagnostic, type ReadResult, read } from '../../src/index.ts'
import { readBy } from '../../src/read/read.ts'
import { skim } from '../../src/read/skim.ts'
import { hasSharedData, ROOT, SHARED_DATA } from '../support/shared.ts'

/** Broken YAML of a kind that decides nothing: a warning where it is parsed. */
const isBeside = ({ code, severity }: Diagnostic): boolean => code === 'SYNTAX' && severity === 'warning'

/** What a reading gives, but its texts. What is broken is not counted where it is parsed. */
const form = ({ cluster, passedOver, diagnostics, copies }: ReadResult, isCounted: boolean) => ({
  cluster,
  copies,
  passedOver: isCounted ? [...passedOver] : [],
  diagnostics: diagnostics.filter((problem) => !isBeside(problem)),
})

/** Skimming a text loses nothing. Gives how many documents were passed over. */
async function assertAlike(text: string, name = 'a.yaml'): Promise<number> {
  const whole = (all: string) => ({ text: all, passedOver: [] })
  const [quick, full] = [await read([{ name, text }]), await readBy([{ name, text }], {}, whole)]
  const isCounted = !full.diagnostics.some(isBeside)
  assert.equal(form(quick, isCounted), form(full, isCounted), text.slice(0, 2000))
  return skim(text).passedOver.length
}

test('skimming loses nothing of any YAML file at hand', async () => {
  const folders = [`${ROOT}golden`, `${ROOT}examples`, ...(hasSharedData ? [SHARED_DATA] : [])]
  let passedOver = 0
  for (const folder of folders)
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (!/\.ya?ml$/.test(name) || name.includes('node_modules')) continue
      const text = readFileSync(`${folder}/${name}`, 'utf8')
      if (/^\s*[{[]/.test(text) || text.length > 300_000) continue
      passedOver += await assertAlike(text, name)
    }
  if (hasSharedData) assert.ok(passedOver > 50, `only ${passedOver} documents were passed over`)
})

const SERVICE = `apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: 10.96.0.1, ports: [{port: 80}]}
`
const CONFIG_MAP = `apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data:
  text: |
    kind: Service
`

/** Headers, among them odd ones. */
const header = fc.constantFrom(
  ...['apiVersion: v1\nkind: ConfigMap', 'kind: ConfigMap\napiVersion: v1', 'apiVersion: v1\nkind: Service'],
  ...['apiVersion: x.io/v1\nkind: Rule', '# c\n\napiVersion: x.io/v1\n  # c\nkind: Rule # c', ' kind: Rule'],
  ...['apiVersion: "v1"\nkind: \'Secret\'', '"kind": Service\napiVersion: v1', 'kind: Rule\n  more'],
  ...['kind: Rule\napiVersion: x.io/v1\nkind: Service', '{kind: Service, apiVersion: v1}', 'kind: Yes'],
  ...['apiVersion: x.io/v1\nkind: Rule\nx: "a\nkind: Service\n  b"', 'apiVersion: v1\nkind: List\nitems: []'],
  ...[
    'x: &a {kind: Service}\n<<: *a\napiVersion: v1',
    'apiVersion: x.io/v1\nkind: Rule\n<<: {kind: Service}',
  ],
  ...[
    'apiVersion: v1\r\nkind: ConfigMap\r',
    'apiVersion: v1\rkind: Service\r',
    '? kind\n: Service',
    'kind : Service',
  ],
  ...[
    'apiVersion: x.io/v1\nkind: Rule\n"kind": Service',
    'apiVersion: x.io/v1\nkind: Rule\n\tx: y',
    '- a\n- b',
  ],
  ...['apiVersion: apps/v1\nkind: Deployment', 'apiVersion: kustomize.config.k8s.io/v1\nkind: Component'],
)
const rest = fc.constantFrom(
  ...['metadata: {name: a}', 'metadata:\n  name: b', 'spec:\n  clusterIP: 10.96.0.2\n  ports:\n  - port: 81'],
  ...[
    'data:\n  c: |\n    kind: KubeProxyConfiguration\n    apiVersion: kubeproxy.config.k8s.io/v1alpha1\n    mode: ipvs',
  ],
  ...['data:\n  c: "apiVersion: kubeproxy.config.k8s.io/v1alpha1\\nkind: KubeProxy\\\n    Configuration"'],
  ...[
    'data:\n  Cluster\\x43onfiguration: x',
    'data:\n  "\\x43lusterConfiguration": "serviceSubnet: 10.0.0.0/8"',
  ],
  ...[
    'a: {{ .Values.x }}',
    'a: "{{ x }}"',
    'a: [1,',
    'a: "open',
    '# only a comment',
    '',
    'items:\n- x',
    '  deep: 1',
  ],
  ...[
    'binaryData:\n  x: !!binary aGVsbG8=',
    'a: >-\n  folded\n\n  kind: Service',
    'subsets: []',
    '\tkind: Service',
  ],
)
const border = fc.constantFrom(
  '---\n',
  '--- # c\n',
  '---\r\n',
  '--- \n',
  '--- kind: Service\n',
  '---\n---\n',
  '',
)
const text = fc
  .array(fc.tuple(border, header, fc.array(rest, { maxLength: 3 })), { minLength: 1, maxLength: 4 })
  .map((documents) =>
    documents.map(([before, first, lines]) => `${before}${[first, ...lines].join('\n')}\n`).join(''),
  )

test('skimming loses nothing of generated texts', async () => {
  let passedOver = 0
  await fc.assert(
    fc.asyncProperty(text, async (generated) => {
      passedOver += await assertAlike(generated)
    }),
    { numRuns: 400 },
  )
  assert.ok(passedOver > 30, `only ${passedOver} documents were passed over`)
})

test('problems beside what was passed over stand where they are, in the right document', async () => {
  const large = `${CONFIG_MAP}${'    a line of text with "quotes" and: more\n'.repeat(25_000)}`
  const broken = SERVICE.replace('port: 80', 'port: 0')
  const text = [large, SERVICE.replace('web', 'shop'), large, broken].join('---\n')
  const { diagnostics, passedOver, cluster } = await read([{ name: 'a.yaml', text }])
  assert.equal([...passedOver], [['v1 ConfigMap', 2]])
  assert.equal(
    diagnostics.map(({ code, origin, position }) => [code, origin?.document, position?.line]),
    [['SCHEMA', 3, 50_023]],
  )
  assert.equal(
    cluster.services.map(({ object, origin }) => [object.metadata.name, origin.document]),
    [['shop', 1]],
  )
})

test('an error of YAML in a kind that decides rules is never passed over', async () => {
  for (const odd of ['a: [1', 'kind: Service', '"a" b', '\ta: 1']) {
    const { diagnostics } = await read([{ name: 'a.yaml', text: `${CONFIG_MAP}---\n${SERVICE}${odd}\n` }])
    assert.equal(
      diagnostics.map(({ code, severity }) => `${severity} ${code}`),
      ['error SYNTAX'],
      odd,
    )
  }
})

test('documents that nothing parts are an error, not one that is passed over', async () => {
  const { diagnostics } = await read([{ name: 'a.yaml', text: `${CONFIG_MAP}${SERVICE}` }])
  assert.is(diagnostics[0]?.code, 'SYNTAX')
})

test.run()
