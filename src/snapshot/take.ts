import type { SnapshotRecord } from '../kube/types.ts'
import { canonicalSnapshot, type SnapshotObject } from '../read/canonical.ts'
import { isObject, type JsonObject } from '../read/objects.ts'
import { VERSION } from '../version.ts'
import { type Answer, ApiClient } from './client.ts'
import { type Snapshot, SnapshotError, type SnapshotOptions } from './types.ts'

interface Resource {
  readonly name: string
  /** Where it is listed; the first path that the API has. */
  readonly paths: readonly string[]
  readonly apiVersion: string
  readonly kind: string
  /** What a cluster without it means: a failure, a word, or nothing. */
  readonly absent: 'fails' | 'warns' | 'is fine'
  /** What to do where it may not be listed. */
  readonly forbidden?: string
}

const RESOURCES: readonly Resource[] = [
  { name: 'services', paths: ['/api/v1/services'], apiVersion: 'v1', kind: 'Service', absent: 'fails' },
  {
    name: 'endpointslices.discovery.k8s.io',
    paths: ['/apis/discovery.k8s.io/v1/endpointslices'],
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    absent: 'warns',
  },
  { name: 'endpoints', paths: ['/api/v1/endpoints'], apiVersion: 'v1', kind: 'Endpoints', absent: 'warns' },
  { name: 'nodes', paths: ['/api/v1/nodes'], apiVersion: 'v1', kind: 'Node', absent: 'fails' },
  {
    name: 'servicecidrs.networking.k8s.io',
    paths: ['/apis/networking.k8s.io/v1/servicecidrs', '/apis/networking.k8s.io/v1beta1/servicecidrs'],
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    absent: 'is fine',
  },
  {
    name: 'pods',
    paths: ['/api/v1/pods'],
    apiVersion: 'v1',
    kind: 'Pod',
    absent: 'fails',
    forbidden: 'or leave Pods out with --no-pods',
  },
]

/** Lists everything that decides rules, page by page. Throws a SnapshotError when something cannot be had. */
export async function takeSnapshot(options: SnapshotOptions): Promise<Snapshot> {
  const client = await ApiClient.create(options)
  const objects: SnapshotObject[] = []
  const counts: Record<string, number> = {}
  const warnings: string[] = client.warnings
  for (const resource of RESOURCES) {
    if (resource.kind === 'Pod' && !options.pods) continue
    const items = await listResource(client, resource, options)
    if (typeof items === 'string') {
      if (items !== '') warnings.push(items)
      continue
    }
    counts[resource.name] = items.length
    for (const object of items) objects.push({ apiVersion: resource.apiVersion, kind: resource.kind, object })
  }
  const record: SnapshotRecord = {
    apiVersion: 'ipvsc.dev/v1',
    kind: 'Snapshot',
    metadata: {
      name: options.clusterName ?? client.cluster,
      creationTimestamp: new Date(options.now).toISOString().replace(/\.\d+Z$/, 'Z'),
    },
    kubernetesVersion: await kubernetesVersion(client),
    ipvscVersion: VERSION,
    listed: Object.keys(counts).sort(),
  }
  return { text: canonicalSnapshot(objects, record), counts, warnings }
}

/** `v1.33.1`; `null` where the server does not tell, which is no reason to go without a snapshot. */
async function kubernetesVersion(client: ApiClient): Promise<string | null> {
  const { status, body } = await client.get('/version')
  if (status !== 200) return null
  try {
    const version: unknown = JSON.parse(body)
    return isObject(version) && typeof version.gitVersion === 'string' ? version.gitVersion : null
  } catch {
    return null
  }
}

const LIST_ATTEMPTS = 3

/** All objects of a resource, or why there are none, which may be nothing worth a word. An expired page begins the list anew. */
async function listResource(
  client: ApiClient,
  resource: Resource,
  options: SnapshotOptions,
): Promise<JsonObject[] | string> {
  let attempts = 0
  for (const path of resource.paths) {
    let items: JsonObject[] | Gap = 'expired'
    while (items === 'expired') {
      if (++attempts > LIST_ATTEMPTS)
        throw new SnapshotError(
          `${resource.name}: pages expired (410 Gone) ${LIST_ATTEMPTS} times while listing; try a larger --page-size`,
        )
      items = await listPages(client, resource, path, options)
    }
    if (items === 'forbidden')
      return `the account may not list ${resource.name} (403 Forbidden); the snapshot goes without`
    if (items !== 'absent') return items
  }
  return resource.absent === 'warns' ? `the cluster has no ${resource.name}; the snapshot goes without` : ''
}

/** Why a list cannot be had: its pages expired, or the API lacks it, or it may be done without. */
type Gap = 'expired' | 'absent' | 'forbidden'

async function listPages(
  client: ApiClient,
  resource: Resource,
  path: string,
  { pageSize, onProgress }: SnapshotOptions,
): Promise<JsonObject[] | Gap> {
  const items: JsonObject[] = []
  const tokens = new Set<string>()
  let next = ''
  do {
    const query = new URLSearchParams({ limit: String(pageSize), ...(next === '' ? {} : { continue: next }) })
    const answer = await client.get(`${path}?${query}`)
    if (answer.status === 410) return 'expired'
    if (answer.status === 404 && resource.absent !== 'fails') return 'absent'
    if (answer.status === 403 && resource.absent === 'is fine') return 'forbidden'
    const page = parsePage(answer, resource)
    items.push(...page.items)
    next = page.next
    if (tokens.has(next) || (next !== '' && page.items.length === 0))
      throw new SnapshotError(
        `${resource.name}: the server ${tokens.has(next) ? 'repeats a continue token' : 'continues after an empty page'}, so its list would never end`,
      )
    tokens.add(next)
    onProgress?.({
      resource: resource.name,
      listed: items.length,
      total: page.remaining === null ? null : items.length + page.remaining,
    })
  } while (next !== '')
  return items
}

interface Page {
  readonly items: readonly JsonObject[]
  readonly next: string
  readonly remaining: number | null
}

function parsePage(answer: Answer, resource: Resource): Page {
  const { status, body } = answer
  if (status !== 200) throw new SnapshotError(`${resource.name}: ${explainStatus(answer, resource)}`)
  let list: unknown
  try {
    list = JSON.parse(body)
  } catch {
    throw new SnapshotError(`${resource.name}: the answer is not JSON; is this an API server?`)
  }
  if (!isObject(list) || !(Array.isArray(list.items) || list.items === null))
    throw new SnapshotError(`${resource.name}: the answer is not a list; is this an API server?`)
  const metadata = isObject(list.metadata) ? list.metadata : {}
  return {
    items: ((list.items ?? []) as unknown[]).filter(isObject),
    next: typeof metadata.continue === 'string' ? metadata.continue : '',
    remaining: typeof metadata.remainingItemCount === 'number' ? metadata.remainingItemCount : null,
  }
}

function explainStatus({ status, body }: Answer, { name, forbidden }: Resource): string {
  const reason = statusMessage(body)
  if (status === 401) return `the server does not know the caller (401 Unauthorized)${reason}`
  if (status === 403)
    return `the account may not list ${name} (403 Forbidden)${reason}; it needs a ClusterRole with the verb list (docs/snapshot.md)${forbidden === undefined ? '' : `, ${forbidden}`}`
  return `the server answers with status ${status}${reason}`
}

/** What a Status object says of itself. */
function statusMessage(body: string): string {
  try {
    const status = JSON.parse(body)
    return isObject(status) && typeof status.message === 'string' ? `: ${status.message}` : ''
  } catch {
    return ''
  }
}
