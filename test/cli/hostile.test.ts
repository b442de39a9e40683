import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sendStatus, startApiServer } from '../snapshot/apiServer.ts'
import { ROOT } from '../support/shared.ts'

/** Steers a terminal in every way, and puts a line of its own below. */
const HOSTILE = 'a\u001b[31m\u009b1m\u007f\u0085\u202e\u2066\u200b\ufeff\u2028\r\nFORGED'

interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

const ipvsc = (args: readonly string[], input = ''): Promise<Outcome> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [`${ROOT}dist/cli.js`, ...args])
    const output = { stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (text) => (output.stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text) => (output.stderr += text))
    child.on('close', (status) => resolve({ status, ...output }))
    child.stdin.end(input)
  })

function assertSafe({ stdout, stderr }: Outcome): void {
  for (const text of [stdout, stderr]) {
    const steering = /[^\P{C}\n]|[\p{Zl}\p{Zp}]/u.exec(text)
    assert.is(
      steering,
      null,
      JSON.stringify(text.slice(Math.max(0, (steering?.index ?? 0) - 40)).slice(0, 99)),
    )
    assert.not.match(text, /^FORGED/m)
    assert.not.match(text, /^ +at .*:\d+:\d+\)?$/m)
  }
}

/** Objects with the hostile text at each place that a message repeats. */
const OBJECTS: readonly object[] = [
  { apiVersion: 'v1', kind: HOSTILE },
  { apiVersion: HOSTILE, kind: 'Pod' },
  { apiVersion: 'v1', kind: 'Service', metadata: { name: HOSTILE } },
  { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: HOSTILE } },
  { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', labels: { [HOSTILE]: 1 } } },
  { apiVersion: `discovery.k8s.io/${HOSTILE}`, kind: 'EndpointSlice', metadata: { name: HOSTILE } },
  { apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', kind: 'KubeProxyConfiguration', [HOSTILE]: HOSTILE },
  { apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', kind: 'KubeProxyConfiguration', mode: HOSTILE },
  { [HOSTILE]: HOSTILE },
]

const test = suite<{ folder: string }>('hostile input')
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'ipvsc-test-'))
})
test.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }))

test('what an object says reaches a terminal spelt out, as text and as JSON', async () => {
  const text = OBJECTS.map((object) => JSON.stringify(object)).join('\n')
  for (const words of [
    ['check', '-'],
    ['check', '-', '--output', 'json'],
    ['build', '-', '--quarantine', '--node', 'node-1', '--emit', 'plan'],
  ]) {
    const outcome = await ipvsc(words, text)
    assertSafe(outcome)
    assert.is(outcome.status, 1)
    assert.match(outcome.stdout + outcome.stderr, /\\u001b\[31m\\u009b1m/)
  }
  const report = JSON.parse((await ipvsc(['check', '-', '--output', 'json'], text)).stdout)
  const names = report.diagnostics.flatMap(
    ({ subject }: { subject: { name: string } | null }) => subject?.name ?? [],
  )
  assert.ok(names.includes(HOSTILE), 'JSON means the text that was read')
})

test('names of files, folders, nodes, options and contexts are spelt out', async ({ folder }) => {
  const inside = join(folder, `${HOSTILE}.json`)
  writeFileSync(inside, '{')
  writeFileSync(
    join(folder, 'kubeconfig'),
    JSON.stringify({
      clusters: [],
      users: [],
      contexts: [{ name: HOSTILE, context: { cluster: 'x', user: 'y' } }],
    }),
  )
  const dumps = join(folder, 'dumps')
  mkdirSync(dumps)
  for (const name of ['ipvsadm-save', 'ipset-save']) writeFileSync(join(dumps, name), '')
  writeFileSync(join(dumps, 'ip-addr.json'), '[]')
  writeFileSync(
    join(dumps, 'iptables-save'),
    `*nat\n:KUBE-SERVICES - [0:0]\n-A KUBE-SERVICES -m comment --comment "${HOSTILE.replace(/[\r\n]/g, '')}" -j ACCEPT\nCOMMIT\n`,
  )
  for (const words of [
    ['check', inside],
    ['check', folder],
    ['check', `${HOSTILE}.yaml`],
    ['check', `--${HOSTILE}`],
    [HOSTILE],
    ['schema', HOSTILE],
    ['build', `${ROOT}golden/cluster-ip/input.yaml`, '--node', HOSTILE, '--emit', 'ipvs'],
    ['build', `${ROOT}golden/cluster-ip/input.yaml`, '--node', 'node-1', '-o', join(folder, HOSTILE)],
    ['build', `${ROOT}golden/cluster-ip/input.yaml`, '--node', 'node-1', '--family', HOSTILE, '--emit', 'ip'],
    ['snapshot', '--kubeconfig', HOSTILE],
    ['snapshot', '--kubeconfig', join(folder, 'kubeconfig')],
    ['snapshot', '--kubeconfig', join(folder, 'kubeconfig'), '--context', HOSTILE],
    ['capture', '--from-dumps', dumps],
    ['drift', `${ROOT}golden/cluster-ip/expected/plan.json`, '--from-dumps', dumps],
    ['drift', HOSTILE, '--from-dumps', HOSTILE],
    ['delta', HOSTILE, HOSTILE],
    ['apply', HOSTILE],
    ['drain', HOSTILE],
  ])
    assertSafe(await ipvsc(words))
})

test('what an API server says is spelt out', async ({ folder }) => {
  const server = await startApiServer({}, (_request, response) => sendStatus(response, 403, HOSTILE))
  const path = join(folder, 'kubeconfig')
  const cluster = { server: server.url, 'insecure-skip-tls-verify': true }
  writeFileSync(
    path,
    JSON.stringify({
      'current-context': 'main',
      clusters: [{ name: 'main', cluster }],
      users: [{ name: 'me', user: {} }],
      contexts: [{ name: 'main', context: { cluster: 'main', user: 'me' } }],
    }),
  )
  const outcome = await ipvsc(['snapshot', '--kubeconfig', path])
  await server.close()
  assertSafe(outcome)
  assert.match(outcome.stderr, /403 Forbidden.*\\u001b\[31m/)
})

for (const [what, text, status] of [
  ['a kind that every object inherits', '{"apiVersion":"v1","kind":"valueOf"}', 0],
  [
    'a slice of an unknown version without metadata',
    '{"apiVersion":"discovery.k8s.io/v9","kind":"EndpointSlice"}',
    0,
  ],
] as const)
  test(`${what} is no crash`, async () => {
    const outcome = await ipvsc(['check', '-'], text)
    assertSafe(outcome)
    assert.not.match(outcome.stderr, /internal error/)
    assert.is(outcome.status, status, outcome.stderr)
  })

test('an internal error is one line, and a stack with --debug alone', async () => {
  const load = `await import('${ROOT}dist/cli.js'); throw new Error('odd\\u001b')`
  const crash = (words: readonly string[]): Promise<Outcome> =>
    new Promise((resolve) => {
      const child = spawn(process.execPath, [
        '--input-type=module',
        '-e',
        load,
        '--',
        'schema',
        'plan',
        ...words,
      ])
      const output = { stdout: '', stderr: '' }
      child.stderr.setEncoding('utf8').on('data', (chunk) => (output.stderr += chunk))
      child.stdout.resume()
      child.on('close', (status) => resolve({ status, ...output }))
    })
  const plain = await crash([])
  assertSafe(plain)
  assert.match(plain.stderr, /ipvsc: internal error: odd\\u001b\n/)
  assert.is(plain.status, 1)
  assert.match((await crash(['--debug'])).stderr, /^ +at /m)
})

test.run()
