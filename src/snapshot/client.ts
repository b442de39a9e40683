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

  private constructor(config: KubeConfig, timeout: number) {
    this.#config = config
    this.#timeout = timeout
  }

  static async create(
    kubeconfig: string | undefined,
    context: string | undefined,
    timeout: number,
  ): Promise<ApiClient> {
    const { KubeConfig } = await import('@kubernetes/client-node')
    const config = new KubeConfig()
    try {
      if (kubeconfig === undefined) config.loadFromDefault()
      else config.loadFromFile(kubeconfig)
    } catch (error) {
      throw new SnapshotError(`cannot read the kubeconfig ${kubeconfig ?? ''}: ${(error as Error).message}`)
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
    return new ApiClient(config, timeout)
  }

  get server(): string {
    return this.#config.getCurrentCluster()?.server ?? ''
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
    const url = new URL(`${this.server.replace(/\/$/, '')}${path}`)
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
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
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

const ATTEMPTS = 4
/** Seconds. */
const LONGEST_WAIT = 10

const isTransient = (status: number): boolean => status === 429 || status >= 500

const parseRetryAfter = (text: string | undefined): number | null =>
  text !== undefined && /^\d+$/.test(text) ? Number(text) : null

function explain(error: Error & { code?: string }, timeout: number): string {
  if (error.name === 'AbortError' || error.name === 'TimeoutError')
    return `did not answer within ${timeout / 1000} s; --timeout waits longer`
  if (error.code === 'ECONNREFUSED')
    return 'refuses connections: is the server running, and the address right?'
  if (error.code === 'ENOTFOUND') return 'has a name that does not resolve'
  if (/CERT|SSL|TLS/i.test(`${error.code} ${error.message}`))
    return `has a certificate that is not trusted (${error.message}): check certificate-authority in the kubeconfig`
  return `cannot be asked: ${error.message}`
}
