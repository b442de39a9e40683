import { request as httpRequest } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeConfig } from '@kubernetes/client-node'
import { SnapshotError } from './types.ts'

export interface Answer {
  readonly status: number
  readonly body: string
  /** Seconds the server asks to wait, when it does. */
  readonly retryAfter: number | null
}

/**
 * Answers of the API server to GET requests. The kubeconfig, its credentials and certificates are the client
 * library's; bodies stay JSON, because its typed objects lose fields they do not know and dates they rewrite.
 */
export class ApiClient {
  readonly #config: KubeConfig
  readonly #timeout: number
  /** Bytes that the answers to come may have together. */
  #bytesLeft: number

  private constructor(config: KubeConfig, timeout: number, maxBytes: number) {
    this.#config = config
    this.#timeout = timeout
    this.#bytesLeft = maxBytes
  }

  static async create({ kubeconfig, context, timeout, maxBytes }: ClientOptions): Promise<ApiClient> {
    const { KubeConfig } = await import('@kubernetes/client-node')
    const config = new KubeConfig()
    try {
      if (kubeconfig === undefined) config.loadFromDefault()
      else config.loadFromFile(kubeconfig)
    } catch (error) {
      throw new SnapshotError(`cannot read the kubeconfig ${kubeconfig ?? ''}: ${kubeconfigProblem(error)}`)
    }
    if (context !== undefined) {
      const known = config.getContexts().map(({ name }) => name)
      if (!known.includes(context))
        throw new SnapshotError(
          `the kubeconfig has no context ${JSON.stringify(context)}; it has ${known.join(', ') || 'none'}`,
        )
      config.setCurrentContext(context)
    }
    if (config.getCurrentCluster() === null)
      throw new SnapshotError('the kubeconfig names no cluster for the current context; give --context')
    const client = new ApiClient(config, timeout, maxBytes ?? DEFAULT_MAX_BYTES)
    serverUrl(client.server)
    return client
  }

  get server(): string {
    return this.#config.getCurrentCluster()?.server ?? ''
  }

  /** The cluster, as the kubeconfig names it. */
  get cluster(): string {
    return this.#config.getCurrentCluster()?.name ?? ''
  }

  /** What weakens the trust in the answers. */
  get warnings(): string[] {
    return transportWarnings(this.server, this.#config.getCurrentCluster()?.skipTLSVerify ?? false)
  }

  /** One answer, whatever its status. Overload and failures of the server are tried again a few times. */
  async get(path: string): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#request(path)
      if (!isTransient(answer.status) || attempt === ATTEMPTS) return answer
      await sleep(Math.min(answer.retryAfter ?? 2 ** attempt * 0.05, LONGEST_WAIT) * 1000)
    }
  }

  async #request(path: string): Promise<Answer> {
    const url = serverUrl(`${this.server.replace(/\/$/, '')}${path}`)
    const options: RequestOptions = { headers: { Accept: 'application/json' }, timeout: this.#timeout }
    try {
      await this.#config.applyToHTTPSOptions(options)
    } catch (error) {
      throw new SnapshotError(`cannot use the credentials of the kubeconfig: ${(error as Error).message}`)
    }
    return new Promise((resolve, reject) => {
      const fail = (error: Error) =>
        reject(new SnapshotError(`${url.origin} ${explain(error, this.#timeout)}`))
      const send = url.protocol === 'http:' ? httpRequest : httpsRequest
      const deadline = AbortSignal.timeout(this.#timeout)
      const request = send(url, { ...options, signal: deadline }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => {
          this.#bytesLeft -= chunk.length
          if (this.#bytesLeft < 0) response.destroy(new AnswersTooLarge())
          else chunks.push(chunk)
        })
        response.on('error', fail)
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            body: Buffer.concat(chunks).toString('utf8'),
            retryAfter: parseRetryAfter(response.headers['retry-after']),
          }),
        )
      })
      request.on('error', fail)
      request.end()
    })
  }
}

export interface ClientOptions {
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
  /** Milliseconds to wait for one answer. */
  readonly timeout: number
  readonly maxBytes?: number | undefined
}

/** Bytes of all answers together. */
const DEFAULT_MAX_BYTES = 2 ** 30

class AnswersTooLarge extends Error {}

/** Why a kubeconfig cannot be read, without a word of what it holds: its lines are credentials. */
function kubeconfigProblem(error: unknown): string {
  const { code, name, message, mark } = error as Error & {
    code?: string
    mark?: { readonly line: number; readonly column: number }
  }
  if (code === 'ENOENT') return 'no such file or directory'
  if (code === 'EACCES') return 'permission denied'
  if (name === 'YAMLException' && mark !== undefined)
    return `it is no YAML: see line ${mark.line + 1}, column ${mark.column + 1}`
  return /^[a-z]+\[\d+\][\w.-]* is missing$/.test(message) ? message : 'it has not the form of a kubeconfig'
}

/** The address of a server; anything but https and http is refused. */
function serverUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.hostname === '')
    throw new SnapshotError(
      `the kubeconfig names the server ${JSON.stringify(text)}: it must begin with https:// or http://`,
    )
  return url
}

/** Ways to a server on which its answers may be another's. */
export function transportWarnings(server: string, skipTLSVerify: boolean): string[] {
  const url = serverUrl(server)
  if (url.protocol === 'https:')
    return skipTLSVerify
      ? [
          `insecure-skip-tls-verify is set: nothing proves that the answers come from ${url.host}; give its certificate-authority instead`,
        ]
      : []
  const loopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)
  return loopback
    ? []
    : [`${url.host} is asked over plain HTTP: anyone on the way can read and change the answers`]
}

const ATTEMPTS = 4
/** Seconds. */
const LONGEST_WAIT = 10

const isTransient = (status: number): boolean => status === 429 || status >= 500

const parseRetryAfter = (text: string | undefined): number | null =>
  text !== undefined && /^\d+$/.test(text) ? Number(text) : null

function explain(error: Error & { code?: string }, timeout: number): string {
  if (error instanceof AnswersTooLarge) return 'answers more than is read; --max-bytes raises the limit'
  if (error.name === 'AbortError' || error.name === 'TimeoutError')
    return `did not answer within ${timeout / 1000} s; --timeout waits longer`
  if (error.code === 'ECONNREFUSED')
    return 'refuses connections: is the server running, and the address right?'
  if (error.code === 'ENOTFOUND') return 'has a name that does not resolve'
  if (/CERT|SSL|TLS/i.test(`${error.code} ${error.message}`))
    return `has a certificate that is not trusted (${error.message}): check certificate-authority in the kubeconfig`
  return `cannot be asked: ${error.message}`
}
