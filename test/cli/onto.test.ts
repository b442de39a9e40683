import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ROOT } from '../support/shared.ts'

const test = suite('cli: manifests over a snapshot')
const PULL = `${ROOT}examples/pull-request`
const ONTO = ['--onto', `${PULL}/snapshot.yaml`, '--node', 'worker-1']

const ipvsc = (words: readonly string[], input = '') =>
  spawnSync(process.execPath, [`${ROOT}dist/cli.js`, ...words], { encoding: 'utf8', input })

async function withFolder(use: (folder: string) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ipvsc-onto-'))
  try {
    use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

test('a bundle of assumed addresses is refused, and made where they are accepted: the manifest names them', () =>
  withFolder((folder) => {
    const words = ['build', `${PULL}/after`, ...ONTO, '--was', `${PULL}/before`, '-o', join(folder, 'bundle')]
    const refused = ipvsc(words)
    assert.is(refused.status, 1)
    assert.match(refused.stderr, /error ASSUMED_VALUE.*shop\/web, shop\/web-metrics.*--accept-assumed/)
    assert.is(ipvsc([...words, '--accept-assumed']).status, 0)
    const { assumed } = JSON.parse(readFileSync(join(folder, 'bundle/manifest.json'), 'utf8'))
    assert.equal(
      assumed.map(({ name, values }: { name: string; values: { field: string }[] }) => [
        name,
        values[0]?.field,
      ]),
      [
        ['web', 'spec.ports[0].nodePort'],
        ['web-metrics', 'spec.clusterIPs[0]'],
      ],
    )
  }))

test('what has to be deleted and created again is never made a bundle of', () =>
  withFolder((folder) => {
    const manifest = `${folder}/web.yaml`
    writeFileSync(
      manifest,
      'apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {clusterIP: None, selector: {app: web}, ports: [{port: 80}]}\n',
    )
    const words = ['build', manifest, ...ONTO, '-o', join(folder, 'bundle'), '--accept-assumed']
    const { status, stderr } = ipvsc(words)
    assert.is(status, 1)
    assert.match(stderr, /error RECREATE_NEEDED/)
    assert.is(ipvsc(['check', manifest, ...ONTO]).status, 0)
  }))

test('rendered output on standard input, in a namespace of its own', () => {
  const text =
    'apiVersion: v1\nkind: Service\nmetadata: {name: api}\nspec: {selector: {app: web}, ports: [{port: 81, targetPort: 8080}]}\n'
  const { status, stdout } = ipvsc(
    ['build', '-', ...ONTO, '--namespace', 'shop', '--emit', 'provenance'],
    text,
  )
  assert.is(status, 0)
  assert.match(stdout, /"shop\/api:".*"assumed":true/)
})

test('the snapshot itself may be the side FROM', () => {
  const { status, stdout } = ipvsc([
    'delta',
    `${PULL}/snapshot.yaml`,
    `${PULL}/before`,
    ...ONTO,
    '--output',
    'json',
  ])
  assert.is(status, 0)
  const { operations, services } = JSON.parse(stdout)
  assert.equal([operations, services], [[], []])
})

const broken = (port: number) =>
  `apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{name: http, port: ${port}, targetPort: 8080}]}\n`

test('quarantine leaves a broken manifest out, as an API server would: its Service stays, also with --was', () =>
  withFolder((folder) => {
    const [was, now] = ['was', 'now'].map((name) => join(folder, `${name}.yaml`)) as [string, string]
    writeFileSync(was, broken(80))
    writeFileSync(now, broken(0))
    const words = ['build', now, ...ONTO, '--namespace', 'shop', '--emit', 'ipvs']
    for (const more of [[], ['--was', was]]) {
      assert.is(ipvsc([...words, ...more]).status, 1)
      const { status, stdout, stderr } = ipvsc([...words, ...more, '--quarantine'])
      assert.is(status, 0)
      assert.match(stdout, /-A -t 10\.96\.20\.1:80/)
      assert.match(
        stderr,
        /warning SCHEMA: Service shop\/web: .*Left out, so that the object is as other inputs have it/,
      )
      assert.not.match(stderr, /OBJECT_GONE|quarantine/)
    }
    const before = ipvsc([
      'build',
      was,
      '--was',
      now,
      ...ONTO,
      '--namespace',
      'shop',
      '--quarantine',
      '-o',
      join(folder, 'b'),
    ])
    assert.is(before.status, 0, before.stderr)
    assert.equal(JSON.parse(readFileSync(join(folder, 'b/manifest.json'), 'utf8')).quarantined, [])
  }))

for (const [wrong, words] of [
  ['two snapshots', ['--onto', `${PULL}/snapshot.yaml`, '--onto', `${PULL}/after`]],
  ['no snapshot at all', ['--onto', `${ROOT}package.json`]],
  ['a network that is none', ['--service-cidr', '10.96.0.0']],
  ['a range that is none', ['--service-node-port-range', '30000']],
] as const)
  test(`${wrong}: wrong usage, in one line`, () => {
    const { status, stderr } = ipvsc(['check', `${PULL}/after`, '--node', 'worker-1', ...words])
    assert.is(status, 2, stderr)
    assert.match(stderr, new RegExp(`^ipvsc: ${words[0]}`))
  })

test.run()
