import { writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

export type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => boolean

export interface ApiServer {
  readonly url: string
  /** Paths and queries, in the order of the requests. */
  readonly requests: string[]
  readonly close: () => Promise<void>
}

export interface Resources {
  readonly [path: string]: readonly object[] | undefined
}

/**
 * Speaks the list protocol of the Kubernetes API on a loopback address: pages by `limit` and `continue`, Status
 * objects for errors. `before` may answer a request in its own way.
 */
export async function startApiServer(
  resources: Resources,
  before: Handler = () => false,
): Promise<ApiServer> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    requests.push(`${url.pathname}${url.search}`)
    if (before(request, response, url)) return
    const items = resources[url.pathname]
    if (items === undefined) {
      sendStatus(response, 404, 'the server could not find the requested resource')
      return
    }
    const start = Number(url.searchParams.get('continue') ?? 0)
    const end = start + Number(url.searchParams.get('limit') ?? items.length)
    const more = end < items.length
    sendJson(response, 200, {
      kind: 'List',
      apiVersion: 'v1',
      metadata: {
        resourceVersion: '1',
        ...(more ? { continue: String(end), remainingItemCount: items.length - end } : {}),
      },
      items: items.slice(start, end),
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): true {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
  return true
}

export const sendStatus = (response: ServerResponse, code: number, message: string, headers = {}): true =>
  sendJson(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, code }, headers)

/** Writes a kubeconfig with the contexts `main` and `away`, where nobody listens. */
export function kubeconfig(folder: string, url: string): string {
  const path = join(folder, 'kubeconfig')
  const cluster = (name: string, server: string) => ({
    name,
    cluster: { server, 'insecure-skip-tls-verify': true },
  })
  writeFileSync(
    path,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'main',
      clusters: [cluster('main', url), cluster('away', 'http://127.0.0.1:9')],
      users: [{ name: 'me', user: { token: 'secret-token' } }],
      contexts: [
        { name: 'main', context: { cluster: 'main', user: 'me' } },
        { name: 'away', context: { cluster: 'away', user: 'me' } },
      ],
    }),
  )
  return path
}
