import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { createServer as createHttpServer, get } from 'node:http'
import { connect, createServer, isIPv6, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { Answer, Ask, Open, Order, Request, Reset, Response, Result, Serve, Talk } from './protocol.ts'

/**
 * Lives in one network namespace and plays its servers and its clients. Orders come as lines on standard
 * input; the end of it ends the agent. One process plays all roles, because processes start slowly under
 * emulation.
 */

const unmapped = (address: string | undefined): string => (address ?? '').replace(/^::ffff:(?=\d+\.)/, '')

const reply = (name: string, client: string | undefined): string => `${name} ${unmapped(client)}\n`

function parseReply(text: string): Answer {
  const [server = '', client = ''] = text.trim().split(' ')
  return { kind: 'answered', server, client }
}

const failure = (code: string | undefined): Answer =>
  code === 'ECONNREFUSED' || code === 'ECONNRESET'
    ? { kind: 'refused' }
    : code === 'ETIMEDOUT'
      ? { kind: 'silence' }
      : { kind: 'failed', code: String(code) }

type Server = Record<Serve['transport'], (order: Serve) => Promise<void>>

const SERVERS: Server = {
  tcp: ({ address, port, name }) =>
    new Promise((resolve, reject) => {
      const server = createServer((socket) => {
        socket.on('data', () => socket.write(reply(name, socket.remoteAddress)))
        socket.on('end', () => socket.end())
        socket.on('error', () => socket.destroy())
      })
      server.on('error', reject).listen({ host: address, port, ipv6Only: isIPv6(address) }, resolve)
    }),
  http: ({ address, port, name }) =>
    new Promise((resolve, reject) => {
      const server = createHttpServer((request, response) =>
        response.setHeader('connection', 'close').end(reply(name, request.socket.remoteAddress)),
      )
      server.on('error', reject).listen({ host: address, port, ipv6Only: isIPv6(address) }, resolve)
    }),
  udp: ({ address, port, name }) =>
    new Promise((resolve, reject) => {
      const socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', ipv6Only: isIPv6(address) })
      socket.on('message', (_, from) => socket.send(reply(name, from.address), from.port, from.address))
      socket.on('error', reject).bind(port, address, resolve)
    }),
  sctp: ({ address, port, name }) =>
    new Promise((resolve, reject) => {
      const family = isIPv6(address) ? 'SCTP6' : 'SCTP4'
      const listen = `${family}-LISTEN:${port},bind=${bracketed(address)},reuseaddr,fork`
      // The peer's address comes in brackets when it is an IPv6 one.
      const answer = `SYSTEM:echo ${name} $SOCAT_PEERADDR | tr -d []`
      const socat = spawn('socat', ['-d', '-d', listen, answer], { stdio: ['ignore', 'ignore', 'pipe'] })
      socat.stderr.on('data', (text) => /listening on/.test(String(text)) && resolve())
      socat.on('error', reject).on('exit', (code) => reject(new Error(`socat ended with ${code}`)))
      process.on('exit', () => socat.kill())
    }),
}

/**
 * Calls back after a silence, in milliseconds in which this process could have heard: where the whole machine stood still, an
 * answer that has arrived is read before its time is over. Gives what ends the wait.
 */
function afterSilence(patience: number, callback: () => void): () => void {
  const slices = 10
  let left = slices
  let timer: NodeJS.Timeout
  const wait = (): void => {
    timer = setTimeout(() => (--left > 0 ? wait() : callback()), patience / slices)
  }
  wait()
  return () => clearTimeout(timer)
}

type Client = Record<Ask['transport'], (order: Ask) => Promise<Answer>>

const localAddress = ({ source, localPort }: Ask): object => ({
  ...(source === null ? {} : { localAddress: source }),
  ...(localPort === 0 ? {} : { localPort }),
})

const CLIENTS: Client = {
  tcp: (order) =>
    new Promise((resolve) => {
      const { address: host, port, patience } = order
      const socket = connect({ host, port, ...localAddress(order) })
      const end = (answer: Answer): void => {
        stopWaiting()
        socket.destroy()
        resolve(answer)
      }
      const stopWaiting = afterSilence(patience, () => end({ kind: 'silence' }))
      socket.on('connect', () => socket.write('who\n'))
      socket.on('data', (data) => end(parseReply(String(data))))
      socket.on('end', () => end({ kind: 'refused' }))
      socket.on('error', (error: NodeJS.ErrnoException) => end(failure(error.code)))
    }),
  http: (order) =>
    new Promise((resolve) => {
      const { address: host, port, patience } = order
      const end = (answer: Answer): void => {
        stopWaiting()
        request.destroy()
        resolve(answer)
      }
      const request = get({ host, port, agent: false, ...localAddress(order) }, (response) => {
        let text = ''
        response.on('data', (data) => {
          text += data
        })
        response.on('end', () => end(parseReply(text)))
      })
      // The timeout of a request begins only when it is connected.
      const stopWaiting = afterSilence(patience, () => end({ kind: 'silence' }))
      request.on('error', (error: NodeJS.ErrnoException) => end(failure(error.code)))
    }),
  udp: ({ address, port, source, patience }) =>
    new Promise((resolve) => {
      const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
      const end = (answer: Answer): void => {
        stopWaiting()
        socket.close()
        resolve(answer)
      }
      const stopWaiting = afterSilence(patience, () => end({ kind: 'silence' }))
      socket.on('message', (data) => end(parseReply(String(data))))
      socket.on('error', (error: NodeJS.ErrnoException) => end(failure(error.code)))
      socket.on('connect', () => socket.send('who\n'))
      // A connected socket hears that nothing listens, and from nobody but the address it asked.
      socket.bind(0, source ?? undefined, () => socket.connect(port, address))
    }),
  sctp: ({ address, port, source, patience }) =>
    new Promise((resolve) => {
      const bind = source === null ? '' : `,bind=${bracketed(source)}`
      const socat = spawn('socat', ['-u', `SCTP:${bracketed(address)}:${port}${bind}`, '-'])
      const stopWaiting = afterSilence(patience, () => socat.kill())
      let [text, problems] = ['', '']
      socat.stdout.on('data', (data) => {
        text += data
      })
      socat.stderr.on('data', (data) => {
        problems += data
      })
      socat.on('close', (code) => {
        stopWaiting()
        if (text !== '') resolve(parseReply(text))
        else if (/refused|reset/i.test(problems)) resolve({ kind: 'refused' })
        else resolve(code === null ? { kind: 'silence' } : { kind: 'failed', code: problems })
      })
    }),
}

const bracketed = (address: string): string => (isIPv6(address) ? `[${address}]` : address)

async function ask(order: Ask): Promise<Answer[]> {
  const answers: Answer[] = []
  for (let index = 0; index < order.count; index++) answers.push(await CLIENTS[order.transport](order))
  return answers
}

interface Conversation {
  /** One request over what is open. */
  readonly talk: (patience: number) => Promise<Answer>
  readonly reset: () => void
}

const conversations: Conversation[] = []

async function open(order: Open): Promise<number> {
  const conversation = await (order.transport === 'tcp' ? openTcp(order) : openUdp(order))
  return conversations.push(conversation) - 1
}

function openTcp({ address: host, port, patience }: Open): Promise<Conversation> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port })
    const stopWaiting = afterSilence(patience, () => reject(new Error('no connection')))
    socket.once('error', reject)
    socket.once('connect', () => {
      stopWaiting()
      socket.removeListener('error', reject).on('error', () => {})
      resolve({ talk: (limit) => talkTcp(socket, limit), reset: () => socket.resetAndDestroy() })
    })
  })
}

const talkTcp = (socket: Socket, patience: number): Promise<Answer> =>
  new Promise((resolve) => {
    const end = (answer: Answer): void => {
      stopWaiting()
      socket.off('data', onData).off('close', onClose)
      resolve(answer)
    }
    const onData = (data: Buffer): void => end(parseReply(String(data)))
    const onClose = (): void => end({ kind: 'refused' })
    const stopWaiting = afterSilence(patience, () => end({ kind: 'silence' }))
    if (socket.destroyed) return end({ kind: 'refused' })
    socket.on('data', onData).on('close', onClose).write('who\n')
  })

function openUdp({ address, port }: Open): Promise<Conversation> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
    let listener: (answer: Answer) => void = () => {}
    socket.on('message', (data) => listener(parseReply(String(data))))
    socket.on('error', (error: NodeJS.ErrnoException) => listener(failure(error.code)))
    const talk: Conversation['talk'] = (patience) =>
      new Promise((settle) => {
        const stopWaiting = afterSilence(patience, () => listener({ kind: 'silence' }))
        listener = (answer) => {
          stopWaiting()
          settle(answer)
        }
        socket.send('who\n')
      })
    socket.bind(0, () => socket.connect(port, address, () => resolve({ talk, reset: () => socket.close() })))
  })
}

const talk = ({ connection, patience }: Talk): Promise<Answer> =>
  (conversations[connection] as Conversation).talk(patience)

const reset = ({ connection }: Reset): void => (conversations[connection] as Conversation).reset()

async function carryOut(order: Order): Promise<Result> {
  switch (order.order) {
    case 'serve':
      await SERVERS[order.transport](order)
      return null
    case 'ask':
      return ask(order)
    case 'open':
      return open(order)
    case 'talk':
      return [await talk(order)]
    case 'reset':
      reset(order)
      return null
  }
}

const respond = (response: Response): boolean => process.stdout.write(`${JSON.stringify(response)}\n`)

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const { id, order } = JSON.parse(line) as Request
    carryOut(order).then(
      (result) => respond({ id, result, error: null }),
      (error: Error) => respond({ id, result: null, error: error.message }),
    )
  })
  .on('close', () => process.exit())
