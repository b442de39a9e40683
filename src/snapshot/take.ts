import { canonicalSnapshot, type SnapshotObject } from '../read/canonical.ts'
import { isObject, type JsonObject } from '../read/objects.ts'
import { type Answer, ApiClient } from './client.ts'
import { type Snapshot, SnapshotError, type SnapshotOptions } from './types.ts'

interface Resource {
  readonly name: string
  readonly path: string
  readonly apiVersion: string
  readonly kind: string
  /** Whether a cluster may lack it: Endpoints are deprecated, slices came with Kubernetes 1.21. */
  readonly optional: boolean
}

const RESOURCES: readonly Resource[] = [
  { name: 'services', path: '/api/v1/services', apiVersion: 'v1', kind: 'Service', optional: false },
  {
    name: 'endpointslices.discovery.k8s.io',
    path: '/apis/discovery.k8s.io/v1/endpointslices',
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    optional: true,
  },
  { name: 'endpoints', path: '/api/v1/endpoints', apiVersion: 'v1', kind: 'Endpoints', optional: true },
  { name: 'nodes', path: '/api/v1/nodes', apiVersion: 'v1', kind: 'Node', optional: false },
]

/** Lists everything that decides rules, page by page. Throws a SnapshotError when something cannot be had. */
export async function takeSnapshot(options: SnapshotOptions): Promise<Snapshot> {
  const client = await ApiClient.create(options)
  const objects: SnapshotObject[] = []
  const counts: Record<string, number> = {}
  const warnings: string[] = client.warnings
  for (const resource of RESOURCES) {
    const items = await listResource(client, resource, options)
    if (items === null) {
      warnings.push(`the cluster has no ${resource.name}; the snapshot goes without`)
      continue
    }
    counts[resource.name] = items.length
    for (const object of items) objects.push({ apiVersion: resource.apiVersion, kind: resource.kind, object })
  }
  return { text: canonicalSnapshot(objects), counts, warnings }
}

const LIST_ATTEMPTS = 3

/** All objects of a resource, or `null` where an optional one is absent. An expired page begins the list anew. */
async function listResource(
  client: ApiClient,
  resource: Resource,
  options: SnapshotOptions,
): Promise<JsonObject[] | null> {
  for (let attempt = 1; attempt <= LIST_ATTEMPTS; attempt++) {
    const items = await listPages(client, resource, options)
    if (items !== 'expired') return items
  }
  throw new SnapshotError(
    `${resource.name}: pages expired (410 Gone) ${LIST_ATTEMPTS} times while listing; try a larger --page-size`,
  )
}

async function listPages(
  client: ApiClient,
  resource: Resource,
  { pageSize, onProgress }: SnapshotOptions,
): Promise<JsonObject[] | null | 'expired'> {
  const items: JsonObject[] = []
  const tokens = new Set<string>()
  let next = ''
  do {
    const query = new URLSearchParams({ limit: String(pageSize), ...(next === '' ? {} : { continue: next }) })
    const answer = await client.get(`${resource.path}?${query}`)
    if (answer.status === 410) return 'expired'
    if (answer.status === 404 && resource.optional) return null
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

function explainStatus({ status, body }: Answer, { name }: Resource): string {
  const reason = statusMessage(body)
  if (status === 401) return `the server does not know the caller (401 Unauthorized)${reason}`
  if (status === 403)
    return `the account may not list ${name} (403 Forbidden)${reason}; it needs a ClusterRole with the verb list`
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
