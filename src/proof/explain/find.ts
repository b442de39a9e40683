import { payloadOf } from './lines.ts'

/** What somebody wants explained. */
export type Question =
  | { readonly kind: 'service'; readonly service: string; readonly port: string | null }
  | { readonly kind: 'line'; readonly file: string; readonly line: number }
  | { readonly kind: 'items'; readonly isMeant: (key: string) => boolean }

/**
 * Reads a question: `svc:shop/cart[:http]`, `bundle/ipvs.restore:17`, `10.96.0.1:443[/tcp]`, an address, a set, a chain, a setting or
 * a module by its name, `KUBE-SERVICES 3` for a rule, `KUBE-CLUSTER-IP 10.96.0.1,tcp:443` for an entry, or words of an item as
 * answers call it.
 */
export function readQuestion(what: string): Question | null {
  const text = what.trim().replace(/\s+/g, ' ')
  if (text === '') return null
  if (text.startsWith('svc:')) {
    const [, service = '', port = null] = text.split(':')
    return /^[^/]+\/[^/]+$/.test(service) ? { kind: 'service', service, port } : null
  }
  const [, file = '', line] = /^(.+):(\d+)$/.exec(text) ?? []
  if (payloadOf(file) !== null) return { kind: 'line', file, line: Number(line) }
  return { kind: 'items', isMeant: endpointQuestion(text) ?? wordQuestion(text) }
}

/** `10.96.0.1:443/tcp` stands for the virtual server, the real servers and the entries of sets that name it. */
function endpointQuestion(text: string): ((key: string) => boolean) | null {
  const [, bracketed, plain, port, protocol] =
    /^(?:\[([0-9a-f:]+)\]|([\d.]+)):(\d+)(?:\/(tcp|udp|sctp))?$/i.exec(text) ?? []
  const address = (bracketed ?? plain)?.toLowerCase()
  if (address === undefined) return null
  const host = bracketed === undefined ? `${address}:${port}` : `[${address}]:${port}`
  const protocols = protocol === undefined ? ['tcp', 'udp', 'sctp'] : [protocol.toLowerCase()]
  const entries = protocols.map((one) => `${address},${one}:${port}`)
  return (key) => {
    const [kind, name, place, server] = key.split(' ')
    if (kind === 'virtual') return protocols.includes(name as string) && place === host
    if (kind === 'real') return protocols.includes(name as string) && server === host
    if (kind === 'address') return name === address
    return kind === 'entry' && entries.some((entry) => place === entry || place?.startsWith(`${entry},`))
  }
}

/** Words that stand in the key in their order: all of an item's own name, and more where there are more. */
function wordQuestion(text: string): (key: string) => boolean {
  const words = text.split(' ')
  const address = words.length === 1 ? words[0] : null
  return (key) => {
    if (key === text) return true
    const [kind, ...names] = key.split(' ')
    if (kind === 'virtual' || kind === 'real') return hostOf(names.at(-1) ?? '') === address
    if (kind === 'entry' && (names[1] ?? '').split(',')[0] === address) return true
    if (kind === 'jump' && words.length === 1) return names.at(-1) === text
    if (/^\d+$/.test(text) && kind !== 'entry') return false
    const asked = words[0] === kind ? words.slice(1) : words
    return asked.length > 0 && names.length >= asked.length && endsWith(names, asked)
  }
}

const endsWith = (names: readonly string[], asked: readonly string[]): boolean =>
  asked.every((word, index) => names[names.length - asked.length + index] === word)

const hostOf = (host: string): string =>
  host.startsWith('[') ? host.slice(1, host.indexOf(']')) : host.slice(0, host.lastIndexOf(':'))
