import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ROOT } from '../support/shared.ts'
import { needs } from '../support/tools.ts'

/** What people give by mistake in the place of manifests and of a snapshot: each has a word, and nothing is lost. */

const test = suite('cli: bad input over a snapshot')
const PULL = `${ROOT}examples/pull-request`
const SNAPSHOT = `${PULL}/snapshot.yaml`

const ipvsc = (...words: string[]) =>
  spawnSync(process.execPath, [`${ROOT}dist/cli.js`, ...words], { encoding: 'utf8' })

async function withFolder(use: (folder: string) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ipvsc-bad-'))
  try {
    use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const service = (lines: string, version = 'v1') =>
  `apiVersion: ${version}\nkind: Service\nmetadata: {name: web, namespace: shop}\n${lines}\n`

const slice = (version: string) =>
  `apiVersion: ${version}\nkind: EndpointSlice\nmetadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}\naddressType: IPv4\nendpoints: [{addresses: [10.244.1.10]}]\nports: [{name: http, port: 8080}]\n`

/** Text of a file among manifests, and what is said of it. */
const MANIFESTS = {
  'a Service of an old version': [
    service('spec: {}', 'v1beta3'),
    /warning VERSION_UNSUPPORTED: Service shop\/web: apiVersion: .*\n +found v1beta3, expected v1\n/,
  ],
  'a Service with the group that has no name': [
    service('spec: {}', 'core/v1'),
    /found core\/v1, expected v1/,
  ],
  'a slice of a version that the snapshot does not have': [
    slice('discovery.k8s.io/v1beta1'),
    /warning VERSION_OTHER: EndpointSlice shop\/web-1: .*\n +found discovery.k8s.io\/v1beta1, expected discovery.k8s.io\/v1\n/,
  ],
  'a namespace that nobody has': [
    service('spec: {ports: [{port: 80}]}').replace('shop', 'shopp'),
    /note NAMESPACE_UNKNOWN: Service shopp\/web: The snapshot has no namespace shopp/,
  ],
  'a field that the API does not know': [
    service('spec: {ports: [{port: 80, targetport: 8080}], sesionAffinity: ClientIP}'),
    /warning FIELD_UNKNOWN: .*spec\.sesionAffinity.*\n.*expected sessionAffinity\n(.*\n)*.*spec\.ports\[0\]\.targetport.*\n.*expected targetPort\n/,
  ],
  'a snapshot in the place of manifests': [
    readFileSync(SNAPSHOT, 'utf8'),
    /warning MANIFEST_IS_SNAPSHOT: The manifests hold 2 Nodes and 3 Pods with addresses/,
  ],
} as const

for (const [what, [text, word]] of Object.entries(MANIFESTS))
  test(what, () =>
    withFolder((folder) => {
      writeFileSync(join(folder, 'a.yaml'), text)
      const { status, stderr } = ipvsc('check', folder, '--onto', SNAPSHOT)
      assert.is(status, 0, stderr)
      assert.match(stderr, word)
    }),
  )

test('a slice of the version that the snapshot has is nothing to speak of', () =>
  withFolder((folder) => {
    writeFileSync(join(folder, 'a.yaml'), slice('discovery.k8s.io/v1'))
    assert.not.match(ipvsc('check', folder, '--onto', SNAPSHOT).stderr, /VERSION/)
  }))

test('two snapshots, as two options or in one folder, and what is none', () =>
  withFolder((folder) => {
    const twice = ipvsc('check', `${PULL}/after`, '--onto', SNAPSHOT, '--onto', SNAPSHOT)
    assert.match(twice.stderr, /^ipvsc: --onto takes one snapshot, not 2: /)
    for (const [name, time] of Object.entries({ a: '01', b: '02' }))
      writeFileSync(
        join(folder, `${name}.json`),
        JSON.stringify({
          apiVersion: 'ipvsc.dev/v1',
          kind: 'Snapshot',
          metadata: { name: 'c', creationTimestamp: `2026-01-${time}T00:00:00Z` },
        }),
      )
    const both = ipvsc('check', `${PULL}/after`, '--onto', folder)
    assert.match(both.stderr, /^ipvsc: --onto .* holds 2 snapshots: name one\n$/)
    const none = ipvsc('check', `${PULL}/after`, '--onto', `${ROOT}package.json`)
    assert.match(none.stderr, /package\.json is no snapshot: it holds neither Services nor Nodes\n$/)
    assert.equal([twice.status, both.status, none.status], [2, 2, 2])
  }))

test('a repository without manifests', () =>
  withFolder((folder) => {
    mkdirSync(join(folder, 'src'))
    writeFileSync(join(folder, 'README.md'), 'hello')
    const { status, stderr } = ipvsc('check', folder, '--onto', SNAPSHOT)
    assert.is(status, 2)
    assert.is(stderr, 'ipvsc: the inputs hold no JSON or YAML file\n')
  }))

test('a side of a comparison without manifests is empty, and said to be', () =>
  withFolder((folder) => {
    writeFileSync(join(folder, 'README.md'), 'hello')
    const emptied = ipvsc(
      ...['diff', `${PULL}/before`, folder, '--onto', SNAPSHOT, '--node', 'worker-1'],
      ...['--was', `${PULL}/before`],
    )
    assert.match(
      emptied.stderr,
      /warning NO_SERVICES: .* holds no JSON or YAML file, so this side is empty\.\n/,
    )
    assert.match(emptied.stdout, /^2 Services change on node worker-1: −3 real servers/)
  }))

needs('git')(test, 'so is a folder that one revision lacks, but not one that both lack', () =>
  withFolder((folder) => {
    writeFileSync(join(folder, 'README.md'), 'hello')
    const git = (...words: string[]) =>
      execFileSync('git', ['-C', folder, '-c', 'user.name=a', '-c', 'user.email=a@b', ...words])
    git('init', '-q')
    git('add', '.')
    git('commit', '-qm', 'one')
    cpSync(`${PULL}/after`, join(folder, 'deploy'), { recursive: true })
    git('add', '.')
    git('commit', '-qm', 'two')
    const inside = (...sides: string[]) =>
      spawnSync(
        process.execPath,
        [`${ROOT}dist/cli.js`, 'diff', ...sides, '--onto', SNAPSHOT, '--node', 'worker-1'],
        { encoding: 'utf8', cwd: folder },
      )
    const made = inside('git:HEAD~1:deploy', 'git:HEAD:deploy')
    assert.is(made.status, 0, made.stderr)
    assert.match(made.stderr, /warning NO_SERVICES: git:HEAD~1:deploy holds no JSON or YAML file/)
    assert.match(made.stdout, /^3 Services change on node worker-1/)
    const neither = inside('git:HEAD~1:deplo', 'git:HEAD:deplo')
    assert.is(neither.status, 2)
    assert.match(neither.stderr, /"git:HEAD~1:deplo": the revision has no such path/)
  }),
)

test('manifests without any Node say nothing of a node, where none is named', () => {
  const { status, stderr } = ipvsc('check', `${PULL}/after`)
  assert.is(status, 0)
  assert.not.match(stderr, /node {2}|Node :|NODE_|KERNEL/)
})

test('of 5,000 files, 40 with Services, those are found, and the rest is counted', () =>
  withFolder((folder) => {
    const other = (index: number) =>
      `apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: c${index}}\nspec:\n${'  - {a: [1, 2], b: "text"}\n'.repeat(40)}`
    for (let index = 0; index < 5000; index++)
      writeFileSync(
        join(folder, `${index}.yaml`),
        index % 125 === 0
          ? service('spec: {ports: [{port: 80}]}').replace('name: web', `name: web-${index}`)
          : other(index),
      )
    const { status, stdout } = ipvsc('check', folder, '--onto', SNAPSHOT, '--output', 'json')
    assert.is(status, 0)
    const { services, passedOver } = JSON.parse(stdout).read
    assert.is(services, 42)
    assert.equal(passedOver, { 'apiextensions.k8s.io/v1 CustomResourceDefinition': 4960 })
  }))

test.run()
