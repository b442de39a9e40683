import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Comment {
  readonly id: number
  body: string
  readonly user: { readonly login: string }
  readonly author: { readonly id: number }
}

/** The few calls of GitHub's and GitLab's API that keep a comment, over comments in memory. */
export interface Host {
  readonly url: string
  readonly comments: Comment[]
  /** `POST /repos/…`, in order. */
  readonly calls: string[]
  readonly pulls: { readonly number: number; readonly head: { readonly sha: string } }[]
  readonly close: () => Promise<void>
}

export const ME = { login: 'github-actions[bot]', id: 7 }

export async function startHost(): Promise<Host> {
  const host = { comments: [] as Comment[], calls: [] as string[], pulls: [] as Host['pulls'] }
  const server = createServer(async (request, response) => {
    const body = await textOf(request)
    const { status, answer } = answerTo(host, request, body)
    response.writeHead(status, { 'Content-Type': 'application/json' })
    response.end(answer === null ? '' : JSON.stringify(answer))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return {
    ...host,
    url: `http://127.0.0.1:${port}`,
    close: () => new Promise((done) => server.close(() => done())),
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const part of request) text += part
  return text
}

function answerTo(
  host: Pick<Host, 'comments' | 'calls' | 'pulls'>,
  { method = '', url = '', headers }: IncomingMessage,
  body: string,
): { status: number; answer: unknown } {
  const { pathname, searchParams } = new URL(url, 'http://host')
  host.calls.push(`${method} ${pathname}`)
  if (headers.authorization !== 'Bearer secret' && headers['private-token'] !== 'secret')
    return { status: 403, answer: { message: 'no' } }
  if (pathname === '/user') return { status: 200, answer: ME }
  if (/\/pulls$/.test(pathname)) return { status: 200, answer: host.pulls }
  const id = Number(/\/(?:comments|notes)\/(\d+)$/.exec(pathname)?.[1])
  const at = host.comments.findIndex((comment) => comment.id === id)
  if (method === 'GET') {
    const [page, size] = [Number(searchParams.get('page')), Number(searchParams.get('per_page'))]
    return { status: 200, answer: host.comments.slice((page - 1) * size, page * size) }
  }
  if (method === 'DELETE') return { status: 204, answer: host.comments.splice(at, 1) && null }
  const { body: text } = JSON.parse(body) as { body: string }
  if (method === 'POST') {
    host.comments.push(comment(host.comments.length + 1_000, text, ME))
    return { status: 201, answer: {} }
  }
  ;(host.comments[at] as Comment).body = text
  return { status: 200, answer: {} }
}

export const comment = (id: number, body: string, { login, id: author }: typeof ME): Comment => ({
  id,
  body,
  user: { login },
  author: { id: author },
})
