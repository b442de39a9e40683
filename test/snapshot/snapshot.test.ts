import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compile, read } from '../../src/index.ts'
import { transportWarnings } from '../../src/snapshot/client.ts'
import { takeSnapshot } from '../../src/snapshot/take.ts'
import type { Progress, SnapshotOptions } from '../../src/snapshot/types.ts'
import { ROOT } from '../support/shared.ts'
import { randomNumbers, shuffled } from '../support/shuffle.ts'
import {
  type ApiServer,
  type Handler,
  kubeconfig,
  sendJson,
  sendStatus,
  startApiServer,
} from './apiServer.ts'

const SERVICES = '/api/v1/services'
const SLICES = '/apis/discovery.k8s.io/v1/endpointslices'

/** Items of a list have neither kind nor apiVersion, as real API servers send them. */
const RESOURCES = {
  [SERVICES]: Array.from({ length: 7 }, (_, number) => ({
    metadata: {
      name: `web-${number}`,
      namespace: 'default',
      uid: `uid-${number}`,
      resourceVersion: String(number),
      creationTimestamp: '2026-01-01T00:00:00Z',
      managedFields: [{ manager: 'kubectl' }],
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}', 'ipvsc.dev/scheduler': 'lc' },
    },
    spec: { clusterIP: `10.96.0.${number + 1}`, ports: [{ port: 80 }], someFutureField: true },
  })),
  [SLICES]: [
    {
      addressType: 'IPv4',
      metadata: { name: 'web-0-x', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web-0' } },
      endpoints: [{ addresses: ['10.0.0.1'], nodeName: 'node-1', hints: { forNodes: [{ name: 'node-1' }] } }],
      ports: [{ name: '', port: 8080, protocol: 'TCP' }],
    },
  ],
  '/api/v1/endpoints': [],
  '/api/v1/pods': [],
  '/api/v1/nodes': [
    {
      metadata: { name: 'node-1' },
      status: {
        addresses: [{ type: 'InternalIP', address: '192.168.0.1' }],
        images: [{ names: ['x'] }],
        conditions: [{ lastHeartbeatTime: '2026-01-01T00:00:00Z' }],
        nodeInfo: { kernelVersion: '6.1.0', bootID: 'changes' },
      },
    },
  ],
}

interface Context {
  folder: string
  servers: ApiServer[]
}

/** The time that every snapshot records. */
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678)

const test = suite<Context>('snapshot', { folder: '', servers: [] })
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'ipvsc-test-'))
  context.servers = []
})
test.after.each(async ({ folder, servers }) => {
  rmSync(folder, { recursive: true, force: true })
  for (const server of servers) await server.close()
})

async function serve(context: Context, before?: Handler, resources = RESOURCES): Promise<string> {
  const server = await startApiServer(resources, before)
  context.servers.push(server)
  return kubeconfig(context.folder, server.url)
}

const take = (path: string, more: Partial<SnapshotOptions> = {}) =>
  takeSnapshot({ kubeconfig: path, pageSize: 3, timeout: 5000, pods: true, now: NOW, ...more })

async function failure(run: Promise<unknown>): Promise<string> {
  try {
    await run
  } catch (error) {
    assert.is((error as Error).constructor.name, 'SnapshotError', (error as Error).stack)
    return (error as Error).message
  }
  throw new Error('it did not fail')
}

test('lists page by page, with the token of the kubeconfig, telling how far it is', async (context) => {
  const tokens = new Set<string | undefined>()
  const path = await serve(context, (request) => {
    tokens.add(request.headers.authorization)
    return false
  })
  const progress: Progress[] = []
  const { counts, warnings } = await take(path, { onProgress: (step) => progress.push(step) })
  assert.equal(counts, { services: 7, 'endpointslices.discovery.k8s.io': 1, endpoints: 0, nodes: 1, pods: 0 })
  assert.equal(warnings, [])
  assert.equal([...tokens], ['Bearer secret-token'])
  assert.equal(
    progress.filter(({ resource }) => resource === 'services').map(({ listed, total }) => [listed, total]),
    [
      [3, 7],
      [6, 7],
      [7, null],
    ],
  )
  assert.equal(
    context.servers[0]?.requests.filter((request) => request.startsWith(SERVICES)),
    [`${SERVICES}?limit=3`, `${SERVICES}?limit=3&continue=3`, `${SERVICES}?limit=3&continue=6`],
  )
})

test('the snapshot compiles, keeps what decides rules, and leaves noise out', async (context) => {
  const { text } = await take(await serve(context))
  const { cluster, diagnostics } = await read([{ name: 'snapshot.json', text }])
  assert.equal(diagnostics, [])
  const { plan } = compile(cluster, { node: 'node-1' })
  assert.is(plan?.virtualServers.length, 7)
  assert.is(plan?.virtualServers[0]?.scheduler, 'lc')
  assert.is(plan?.virtualServers[0]?.realServers.length, 1)
  for (const kept of ['creationTimestamp', 'forNodes', 'someFutureField', 'kernelVersion'])
    assert.match(text, kept)
  for (const noise of [
    'managedFields',
    'resourceVersion',
    'uid',
    'last-applied',
    'bootID',
    'images',
    'lastHeartbeatTime',
  ])
    assert.not.match(text, noise)
})

test('the bytes do not depend on the order in which the server lists', async (context) => {
  const { text } = await take(await serve(context))
  const other = await take(await serve(context, undefined, shuffled(RESOURCES, randomNumbers(7))))
  assert.is(other.text, text)
})

test('a page that expired (410) begins its list anew', async (context) => {
  let expired = false
  const path = await serve(context, (_request, response, url) => {
    if (expired || url.searchParams.get('continue') !== '6') return false
    expired = true
    return sendStatus(response, 410, 'The provided continue parameter is too old')
  })
  const { counts } = await take(path)
  assert.ok(expired)
  assert.is(counts.services, 7)
})

test('pages that always expire are given up, with advice', async (context) => {
  const path = await serve(context, (_request, response, url) =>
    url.searchParams.has('continue') ? sendStatus(response, 410, 'too old') : false,
  )
  assert.match(
    await failure(take(path)),
    /services: pages expired \(410 Gone\) 3 times .* larger --page-size/,
  )
})

test('a forbidden list (403) names the resource and what the account needs', async (context) => {
  const path = await serve(context, (_request, response, url) =>
    url.pathname === SLICES
      ? sendStatus(response, 403, 'endpointslices is forbidden: User "me" cannot list')
      : false,
  )
  const message = await failure(take(path))
  assert.match(
    message,
    /may not list endpointslices\.discovery\.k8s\.io \(403 Forbidden\): endpointslices is forbidden/,
  )
  assert.match(message, /ClusterRole with the verb list/)
})

test('a failing server (500) is asked again, and given up after some tries', async (context) => {
  let failures = 2
  const path = await serve(
    context,
    (_request, response) => failures-- > 0 && sendStatus(response, 500, 'etcd is down'),
  )
  assert.is((await take(path)).counts.services, 7)
  const broken = await serve(context, (_request, response) => sendStatus(response, 500, 'etcd is down'))
  assert.match(await failure(take(broken)), /services: the server answers with status 500: etcd is down/)
  assert.is(context.servers[1]?.requests.length, 4)
})

test('overload (429) is waited out for as long as the server asks', async (context) => {
  let busy = true
  const started = performance.now()
  const path = await serve(context, (_request, response) => {
    const answer = busy
    busy = false
    return answer && sendStatus(response, 429, 'slow down', { 'Retry-After': '1' })
  })
  await take(path)
  assert.ok(performance.now() - started >= 990)
})

test('a slow answer ends with the time limit', async (context) => {
  const path = await serve(context, () => true)
  assert.match(
    await failure(take(path, { timeout: 300 })),
    /did not answer within 0\.3 s; --timeout waits longer/,
  )
})

test('a slow but steady answer ends with the time limit too', async (context) => {
  const path = await serve(context, (_request, response) => {
    response.writeHead(200)
    const timer = setInterval(() => response.write(' '), 50)
    response.on('close', () => clearInterval(timer))
    return true
  })
  assert.match(await failure(take(path, { timeout: 400 })), /did not answer within/)
})

test('a refused connection, an unknown context and an answer that is none are told apart', async (context) => {
  const path = await serve(context, (_request, response) => {
    response.end('<html>')
    return true
  })
  assert.match(await failure(take(path)), /not JSON; is this an API server/)
  assert.match(await failure(take(path, { context: 'away' })), /refuses connections/)
  assert.match(await failure(take(path, { context: 'nowhere' })), /no context "nowhere"; it has main, away/)
  assert.match(await failure(take(join(context.folder, 'absent'))), /cannot read the kubeconfig/)
})

test('a cluster without Endpoints is read all the same, with a warning', async (context) => {
  const { '/api/v1/endpoints': _endpoints, ...rest } = RESOURCES
  const { warnings } = await take(await serve(context, undefined, rest as typeof RESOURCES))
  assert.equal(warnings, ['the cluster has no endpoints; the snapshot goes without'])
})

test('a continue token that repeats, or follows an empty page, ends the list', async (context) => {
  const page = (items: object[], token: string) => ({ kind: 'List', metadata: { continue: token }, items })
  const repeating = await serve(context, (_request, response) =>
    sendJson(response, 200, page([{ metadata: { name: 'x' } }], 'again')),
  )
  assert.match(await failure(take(repeating)), /services: the server repeats a continue token/)
  let number = 0
  const empty = await serve(context, (_request, response) =>
    sendJson(response, 200, page([], `token-${number++}`)),
  )
  assert.match(await failure(take(empty)), /services: the server continues after an empty page/)
  assert.is(number, 1)
})

test('answers beyond the limit are not read to their end', async (context) => {
  const path = await serve(context, (_request, response) => {
    response.writeHead(200)
    const timer = setInterval(() => response.write(' '.repeat(2 ** 16)), 1)
    response.on('close', () => clearInterval(timer))
    return true
  })
  assert.match(await failure(take(path, { maxBytes: 10 ** 6 })), /answers more than is read; --max-bytes/)
})

test('a malformed kubeconfig is told by its place, without what it holds', async (context) => {
  const path = join(context.folder, 'kubeconfig')
  const problem = async (text: string) => {
    writeFileSync(path, text)
    const message = await failure(take(path))
    assert.not.match(message, 'hunter2')
    return message
  }
  assert.match(await problem('users:\n- user: {token: hunter2, "\n'), /it is no YAML: see line \d+/)
  assert.match(await problem('users:\n- token: hunter2\n'), /users\[0\]\.name is missing/)
  assert.match(await problem('hunter2'), /names no cluster|not the form of a kubeconfig/)
  for (const server of ['file:///etc/passwd', 'nonsense', 'https://'])
    assert.match(await failure(take(kubeconfig(context.folder, server))), /must begin with https:\/\//)
})

test('a way to the server on which the answers may be another one is named', () => {
  assert.match(transportWarnings('https://10.0.0.1:6443', true)[0] ?? '', /insecure-skip-tls-verify is set/)
  assert.match(transportWarnings('http://10.0.0.1', true)[0] ?? '', /plain HTTP/)
  assert.equal(transportWarnings('https://10.0.0.1:6443', false), [])
  assert.equal(transportWarnings('http://127.0.0.1:8001', true), [])
})

test('what decides no rule stays out, also in annotations and unknown fields', async (context) => {
  const [service] = RESOURCES[SERVICES]
  const annotations = {
    'example.com/password': 'hunter2',
    'ipvs.scheduler': 'wlc',
    'service.kubernetes.io/topology-mode': 'Auto',
  }
  const objects = [{ ...service, data: { key: 'hunter2' }, metadata: { name: 'web', annotations } }]
  const { text } = await take(
    await serve(context, undefined, { ...RESOURCES, [SERVICES]: objects } as unknown as typeof RESOURCES),
  )
  assert.not.match(text, 'hunter2')
  assert.match(text, /"ipvs\.scheduler": "wlc"/)
  assert.match(text, /topology-mode/)
})

test('the command writes the file whole or not at all', async (context) => {
  const run = (path: string, ...args: string[]) =>
    new Promise<{ status: number | null; stderr: string; stdout: string }>((resolve) => {
      const child = spawn(process.execPath, [`${ROOT}dist/cli.js`, 'snapshot', '--kubeconfig', path, ...args])
      const output = { stdout: '', stderr: '' }
      child.stdout.on('data', (chunk) => (output.stdout += chunk))
      child.stderr.on('data', (chunk) => (output.stderr += chunk))
      child.on('close', (status) => resolve({ status, ...output }))
    })
  const path = await serve(context)
  const file = join(context.folder, 'cluster.json')
  const done = await run(path, '-o', file)
  assert.is(done.status, 0, done.stderr)
  assert.match(done.stderr, /snapshot: 7 services, 1 endpointslices/)
  assert.is(statSync(file).mode & 0o777, 0o600)
  const piped = await run(path)
  const timeless = (text: string) => text.replace(/"creationTimestamp": "[^"]*",(?=\s+"name": "main")/, '')
  assert.is(timeless(piped.stdout), timeless(readFileSync(file, 'utf8')))
  const before = readFileSync(file, 'utf8')
  const failed = await run(path, '--context', 'away', '-o', file)
  assert.is(failed.status, 1)
  assert.is(readFileSync(file, 'utf8'), before)
  assert.is((await run(path, '--page-size', '0')).status, 2)
})

test.run()
