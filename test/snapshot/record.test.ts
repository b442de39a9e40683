import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseAllDocuments } from 'yaml'
import { read, VERSION } from '../../src/index.ts'
import { appliedFields } from '../../src/read/applied.ts'
import { formatAge, snapshotAges } from '../../src/read/snapshotRecord.ts'
import { takeSnapshot } from '../../src/snapshot/take.ts'
import type { Snapshot, SnapshotOptions } from '../../src/snapshot/types.ts'
import { ROOT } from '../support/shared.ts'
import {
  type ApiServer,
  type Handler,
  kubeconfig,
  type Resources,
  sendJson,
  sendStatus,
  startApiServer,
} from './apiServer.ts'

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678)
const DAY = 86_400_000

/** A Pod as an API server gives it, with what must not get into a snapshot. */
const POD = {
  metadata: {
    name: 'web-1',
    namespace: 'shop',
    uid: 'SECRET-uid',
    labels: { app: 'web' },
    annotations: { 'vault.example/token': 'SECRET-annotation' },
    ownerReferences: [
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'SECRET-owner', controller: true },
    ],
    managedFields: [{ manager: 'SECRET-manager' }],
    deletionTimestamp: '2026-01-01T00:00:00Z',
  },
  spec: {
    nodeName: 'node-1',
    hostNetwork: true,
    serviceAccountName: 'SECRET-account',
    containers: [
      {
        name: 'web',
        image: 'SECRET-image',
        env: [{ name: 'PASSWORD', value: 'SECRET-env' }],
        args: ['SECRET-args'],
        ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP', hostPort: 1 }, { containerPort: 9090 }],
      },
      { name: 'helper', image: 'SECRET-helper' },
    ],
    initContainers: [
      { name: 'proxy', restartPolicy: 'Always', ports: [{ name: 'mesh', containerPort: 15001 }] },
      { name: 'setup', ports: [{ name: 'never', containerPort: 1 }] },
    ],
  },
  status: {
    phase: 'Running',
    podIP: '10.0.0.1',
    podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }],
    hostIP: '192.0.2.250',
    conditions: [
      { type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T01:01:01Z', message: 'SECRET-why' },
    ],
    containerStatuses: [{ imageID: 'SECRET-id' }],
  },
}

const SERVICE = {
  metadata: {
    name: 'web',
    namespace: 'shop',
    annotations: {
      'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({
        metadata: { annotations: { note: 'SECRET-note' } },
        spec: {
          type: 'NodePort',
          selector: { app: 'SECRET-old' },
          sessionAffinity: null,
          sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } },
          externalIPs: ['192.0.2.99'],
          ports: [{ port: 80, targetPort: 'http' }],
        },
      }),
    },
    ownerReferences: [{ apiVersion: 'v1', kind: 'Cluster', name: 'pg', uid: 'SECRET-uid', controller: true }],
    managedFields: [
      {
        manager: 'helm',
        operation: 'Update',
        apiVersion: 'v1',
        time: '2026-01-01T02:02:02Z',
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:metadata': { 'f:labels': {} }, 'f:spec': { 'f:type': {} } },
      },
      { manager: 'ccm', subresource: 'status', operation: 'Update', fieldsV1: { 'f:spec': { 'f:x': {} } } },
      { manager: 'labeller', operation: 'Apply', fieldsV1: { 'f:metadata': {} } },
    ],
  },
  spec: { clusterIP: '10.96.0.1', selector: { app: 'web' }, ports: [{ port: 80, protocol: 'TCP' }] },
}

const RESOURCES: Resources = {
  '/api/v1/services': [SERVICE],
  '/apis/discovery.k8s.io/v1/endpointslices': [],
  '/api/v1/endpoints': [],
  '/api/v1/nodes': [{ metadata: { name: 'node-1' } }],
  '/api/v1/pods': [POD],
  '/apis/networking.k8s.io/v1beta1/servicecidrs': [
    { metadata: { name: 'kubernetes' }, spec: { cidrs: ['10.96.0.0/16'] }, status: { conditions: [] } },
  ],
}

const version: Handler = (_request, response, url) =>
  url.pathname === '/version' && sendJson(response, 200, { gitVersion: 'v1.33.1', platform: 'linux/amd64' })

/** What a role lets a caller list: anything else is forbidden, as an API server with RBAC says it. */
const withRole =
  (allowed: ReadonlySet<string>): Handler =>
  (request, response, url) => {
    if (url.pathname === '/version') return version(request, response, url)
    const [, group = '', resource = ''] =
      /^\/apis?\/(?:([^/]+\.[^/]+)\/)?v1(?:beta1)?\/(\w+)$/.exec(url.pathname) ?? []
    if (allowed.has(`${group}/${resource}`)) return false
    return sendStatus(response, 403, `${resource} is forbidden: User "me" cannot list resource "${resource}"`)
  }

interface Context {
  folder: string
  servers: ApiServer[]
}

const test = suite<Context>('snapshot record', { folder: '', servers: [] })
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'ipvsc-test-'))
  context.servers = []
})
test.after.each(async ({ folder, servers }) => {
  rmSync(folder, { recursive: true, force: true })
  for (const server of servers) await server.close()
})

async function take(
  context: Context,
  more: Partial<SnapshotOptions> = {},
  before: Handler = version,
  resources = RESOURCES,
): Promise<Snapshot> {
  const server = await startApiServer(resources, before)
  context.servers.push(server)
  const path = kubeconfig(context.folder, server.url)
  return takeSnapshot({ kubeconfig: path, pageSize: 100, timeout: 5000, pods: true, now: NOW, ...more })
}

const itemOf = (text: string, kind: string) =>
  JSON.parse(text).items.find((item: { kind: string }) => item.kind === kind)

test('a snapshot begins with its time, cluster and versions, and what was listed', async (context) => {
  const { text } = await take(context)
  assert.equal(JSON.parse(text).items[0], {
    apiVersion: 'ipvsc.dev/v1',
    kind: 'Snapshot',
    metadata: { name: 'main', creationTimestamp: '2026-01-02T03:04:05Z' },
    kubernetesVersion: 'v1.33.1',
    ipvscVersion: VERSION,
    listed: [
      'endpoints',
      'endpointslices.discovery.k8s.io',
      'nodes',
      'pods',
      'servicecidrs.networking.k8s.io',
      'services',
    ],
  })
  const { cluster, diagnostics, passedOver } = await read([{ name: 'cluster.json', text }])
  assert.equal(diagnostics, [])
  assert.is(cluster.snapshots?.[0]?.object.metadata.name, 'main')
  assert.not.ok(passedOver.has('ipvsc.dev/v1 Snapshot'))
})

test('another time changes one line, and nothing else', async (context) => {
  const [early, late] = [await take(context), await take(context, { now: NOW + DAY })]
  const [a, b] = [early.text.split('\n'), late.text.split('\n')]
  assert.is(a.length, b.length)
  assert.equal(
    b.filter((line, index) => line !== a[index]),
    ['    "creationTimestamp": "2026-01-03T03:04:05Z",'],
  )
})

test('a name that is given stands in the record', async (context) => {
  const { text } = await take(context, { clusterName: 'production' })
  assert.is(itemOf(text, 'Snapshot').metadata.name, 'production')
})

test('a server that does not tell its version is listed all the same', async (context) => {
  const { text } = await take(context, {}, () => false)
  assert.is(itemOf(text, 'Snapshot').kubernetesVersion, null)
})

test('of a Pod only what decides endpoints is kept', async (context) => {
  const { text } = await take(context)
  assert.equal(itemOf(text, 'Pod'), {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'web-1',
      namespace: 'shop',
      labels: { app: 'web' },
      deletionTimestamp: '2026-01-01T00:00:00Z',
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', controller: true }],
    },
    spec: {
      nodeName: 'node-1',
      hostNetwork: true,
      containers: [{ name: 'web', ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }] }],
      initContainers: [
        { name: 'proxy', restartPolicy: 'Always', ports: [{ name: 'mesh', containerPort: 15001 }] },
      ],
    },
    status: {
      phase: 'Running',
      podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }],
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  })
  assert.not.match(text, 'SECRET')
  const { cluster } = await read([{ name: 'cluster.json', text }])
  assert.is(cluster.pods?.length, 1)
})

test('of the controller that a Service belongs to, its name is kept', async (context) => {
  const { text } = await take(context)
  assert.equal(itemOf(text, 'Service').metadata.ownerReferences, [
    { apiVersion: 'v1', controller: true, kind: 'Cluster', name: 'pg' },
  ])
})

test('a Pod that has no address yet, and one of an old cluster, are kept as they are', async (context) => {
  const resources = {
    ...RESOURCES,
    '/api/v1/pods': [
      { metadata: { name: 'pending' }, spec: { containers: [] }, status: { phase: 'Pending' } },
      { metadata: { name: 'old' }, status: { podIP: '10.0.0.9' } },
    ],
  }
  const { text } = await take(context, {}, version, resources)
  const pods = JSON.parse(text).items.filter(({ kind }: { kind: string }) => kind === 'Pod')
  assert.equal(
    pods.map(({ status }: { status: unknown }) => status),
    [{ podIP: '10.0.0.9' }, { phase: 'Pending' }],
  )
})

test('of what was applied to a Service only the names of spec fields are kept', async (context) => {
  const { text } = await take(context)
  const { managedFields } = itemOf(text, 'Service').metadata
  assert.equal(managedFields, [
    { fieldsV1: { 'f:spec': { 'f:type': {} } }, manager: 'helm', operation: 'Update' },
    {
      fieldsV1: {
        'f:spec': {
          'f:externalIPs': {},
          'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {}, 'f:targetPort': {} } },
          'f:selector': {},
          'f:sessionAffinityConfig': { 'f:clientIP': { 'f:timeoutSeconds': {} } },
          'f:type': {},
        },
      },
      manager: 'kubectl-last-applied',
      operation: 'Apply',
    },
  ])
  for (const left of ['192.0.2.99', 'last-applied-configuration', '02:02', 'labeller', 'ccm'])
    assert.not.match(text, left)
  assert.equal(appliedFields({ managedFields }), managedFields, 'a snapshot of a snapshot says the same')
})

test('a last-applied annotation that is no JSON object says nothing', () => {
  for (const text of ['{', '[]', '"x"', '{"spec":[]}', 7])
    assert.equal(
      appliedFields({ annotations: { 'kubectl.kubernetes.io/last-applied-configuration': text } }),
      [],
    )
})

test('service networks come from v1, else from v1beta1, else from nowhere', async (context) => {
  const { '/apis/networking.k8s.io/v1beta1/servicecidrs': cidrs, ...rest } = RESOURCES
  const beta = await take(context)
  assert.equal(itemOf(beta.text, 'ServiceCIDR'), {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata: { name: 'kubernetes' },
    spec: { cidrs: ['10.96.0.0/16'] },
  })
  const stable = { ...rest, '/apis/networking.k8s.io/v1/servicecidrs': cidrs }
  assert.is((await take(context, {}, version, stable)).text, beta.text)
  const { text, warnings } = await take(context, {}, version, rest)
  assert.is(itemOf(text, 'ServiceCIDR'), undefined)
  assert.equal(warnings, [])
})

test('the documented role is enough; without Pods in it, --no-pods is the way out', async (context) => {
  const [section] = /```yaml\n([\s\S]*?)```/.exec(readFileSync(`${ROOT}docs/snapshot.md`, 'utf8')) ?? ['']
  const yaml = section.replace(/^```(yaml\n)?/gm, '')
  const role = parseAllDocuments(yaml)
    .map((document) => document.toJS())
    .find(({ kind }) => kind === 'ClusterRole')
  const allowed = new Set<string>()
  for (const { apiGroups, resources, verbs } of role.rules) {
    assert.equal(verbs, ['list'])
    for (const group of apiGroups) for (const resource of resources) allowed.add(`${group}/${resource}`)
  }
  const { text, warnings } = await take(context, {}, withRole(allowed))
  assert.equal(warnings, [])
  assert.ok(itemOf(text, 'Pod'))
  assert.ok(itemOf(text, 'ServiceCIDR'))

  const withoutPods = withRole(new Set([...allowed].filter((name) => name !== '/pods')))
  try {
    await take(context, {}, withoutPods)
    assert.unreachable()
  } catch (error) {
    assert.match(
      (error as Error).message,
      /^pods: the account may not list pods \(403 Forbidden\): pods is forbidden.*--no-pods$/,
    )
  }
  const less = await take(context, { pods: false }, withoutPods)
  assert.is(itemOf(less.text, 'Pod'), undefined)
  assert.not.ok(itemOf(less.text, 'Snapshot').listed.includes('pods'))
  assert.not.ok(context.servers.at(-1)?.requests.some((path) => path.includes('pods')))

  const withoutCIDRs = withRole(new Set([...allowed].filter((name) => !name.includes('servicecidrs'))))
  const { warnings: said } = await take(context, {}, withoutCIDRs)
  assert.match(said.join(), /may not list servicecidrs.*goes without/)
})

const ages = (age: number, maxAge: number) =>
  snapshotAges(
    [
      {
        object: {
          apiVersion: 'ipvsc.dev/v1',
          kind: 'Snapshot',
          metadata: { name: 'prod\u001b[31m', creationTimestamp: new Date(NOW - age).toISOString() },
          kubernetesVersion: 'v1.33.1',
          ipvscVersion: VERSION,
          listed: [],
        },
        origin: { source: 'cluster.json', document: 0, path: [] },
      },
    ],
    { now: NOW, maxAge },
  ).map(({ code, message }) => `${code} ${message}`)

test('an age is a note, and past the limit a warning; a clock that is behind is said', () => {
  assert.equal(ages(3 * DAY, 7 * DAY), [
    'SNAPSHOT_AGE The snapshot of "prod\\u001b[31m" (Kubernetes v1.33.1) was taken 3 days ago.',
  ])
  assert.equal(ages(7 * DAY, 7 * DAY).length, 1)
  assert.match(ages(7 * DAY + 1, 7 * DAY)[0] ?? '', /^SNAPSHOT_OLD .* was taken 7 days ago/)
  assert.match(ages(-60_000, DAY)[0] ?? '', /^SNAPSHOT_AGE .* less than a minute ago/)
  assert.match(
    ages(-2 * DAY, DAY)[0] ?? '',
    /^SNAPSHOT_OLD .*taken in 2 days: one of the two clocks is wrong/,
  )
  assert.equal([0, 59_999, 60_000, 7_200_000, DAY].map(formatAge), [
    'less than a minute',
    'less than a minute',
    '1 minute',
    '2 hours',
    '1 day',
  ])
})

test('commands print the age of a snapshot, and warn of an old one', async (context) => {
  // The runner of the tests sets it for whatever they start.
  const { FORCE_COLOR: _color, ...env } = process.env
  const ipvsc = (...args: string[]) =>
    spawnSync(process.execPath, [`${ROOT}dist/cli.js`, ...args], { encoding: 'utf8', env })
  const [fresh, old] = ['fresh.json', 'old.json'].map((name) => join(context.folder, name)) as [
    string,
    string,
  ]
  const now = Date.now()
  writeFileSync(fresh, (await take(context, { now: now - 3_600_000 })).text)
  writeFileSync(old, (await take(context, { now: now - 9 * DAY })).text)
  assert.match(ipvsc('check', fresh).stderr, /note SNAPSHOT_AGE: The snapshot of "main".* 1 hour ago\./)
  const warned = ipvsc('check', old)
  assert.is(warned.status, 0)
  assert.match(warned.stderr, /old\.json:\d+:\d+: warning SNAPSHOT_OLD: .*9 days ago/)
  assert.match(warned.stderr, /--max-snapshot-age/)
  assert.not.match(ipvsc('check', old, '--max-snapshot-age', '2w').stderr, /SNAPSHOT_OLD/)
  assert.match(
    ipvsc('delta', old, fresh, '--node', 'node-1', '--node-ip', '192.0.2.1').stderr,
    /SNAPSHOT_OLD[\s\S]*SNAPSHOT_AGE/,
  )
  const wrong = ipvsc('check', old, '--max-snapshot-age', 'soon')
  assert.is(wrong.status, 2)
  assert.match(wrong.stderr, /--max-snapshot-age must be a number with m, h, d or w/)
  const data = JSON.parse(ipvsc('check', old, '--output', 'json').stdout)
  assert.ok(data.diagnostics.some(({ code }: { code: string }) => code === 'SNAPSHOT_OLD'))
})

test.run()
