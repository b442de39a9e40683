import { PROTOCOL_NUMBER, PROTOCOLS, type Protocol } from '../kernel/protocols.ts'
import { canonicalAddress, familyOf, formatNetwork, hostLength, parseNetwork } from '../net/address.ts'
import type { Family } from '../net/family.ts'
import type { ConntrackState, Match, Rule, Target } from '../plan/types.ts'
import { splitWords } from './quote.ts'
import { expectPort, LineError } from './syntax.ts'

/** Reads what `rules.ts` writes, and other ways in which iptables-save prints the same rule. */

/** The words of a rule, with one step back for a `!` before an option. */
class Words {
  readonly #words: readonly string[]
  #next = 0

  constructor(words: readonly string[]) {
    this.#words = words
  }

  get done(): boolean {
    return this.#next >= this.#words.length
  }

  take(): string {
    const word = this.#words[this.#next++]
    if (word === undefined) throw new LineError('the line ends too early')
    return word
  }

  /** Takes the next word when it is the one given. */
  skip(word: string): boolean {
    if (this.#words[this.#next] !== word) return false
    this.#next++
    return true
  }
}

/**
 * Reads what stands behind `-A CHAIN`. A rule of matches or targets that no plan has is a LineError.
 */
export function parseRule(text: string, family: Family): Rule {
  const words = new Words(splitWords(text))
  const matches: Match[] = []
  const modules = new Modules()
  let comment: string | null = null
  let target: Target | null = null
  while (!words.done) {
    const negate = words.skip('!')
    const option = words.take()
    if (option === '-m' || option === '--match') modules.open(words.take())
    else if (option === '-j' || option === '--jump') {
      if (negate) throw new LineError('a target cannot be negated')
      target = parseTarget(words, family)
    } else {
      modules.use(option)
      if (option === '--comment') {
        if (comment !== null || negate) throw new LineError('a rule of a plan has one comment')
        comment = words.take()
      } else matches.push(parseMatch(option, negate, words))
    }
  }
  modules.close()
  if (target === null) throw new LineError('the rule has no target')
  return { comment, matches, target }
}

/** The module of each option that has one. */
const MODULES: Readonly<Record<string, string>> = {
  '--comment': 'comment',
  '--match-set': 'set',
  '--mark': 'mark',
  '--src-type': 'addrtype',
  '--dst-type': 'addrtype',
  '--physdev-is-in': 'physdev',
  '--ctstate': 'conntrack',
  '--vproto': 'ipvs',
  '--vaddr': 'ipvs',
  '--vport': 'ipvs',
}

/** Modules as a rule names them: one without an option, such as `-m socket`, matches too, and no plan has it. */
class Modules {
  #name: string | null = null
  #used = true

  open(name: string): void {
    this.close()
    this.#name = name
    this.#used = false
  }

  use(option: string): void {
    const module = MODULES[option]
    if (module === undefined) return
    if (module !== this.#name) throw new LineError(`${option} stands outside of its match ${module}`)
    this.#used = true
  }

  close(): void {
    if (!this.#used) throw new LineError(`the match ${this.#name} has no option`)
  }
}

function parseMatch(option: string, negate: boolean, words: Words): Match {
  const positive = <T extends Match>(match: T): T => {
    if (negate) throw new LineError(`${option} is not negated in any plan`)
    return match
  }
  switch (option) {
    case '-s':
    case '--source':
      return { kind: 'source', network: expectNetwork(words.take()), negate }
    case '-i':
    case '--in-interface':
      return { kind: 'inInterface', name: words.take(), negate }
    case '-p':
    case '--protocol':
      return positive({ kind: 'protocol', protocol: parseProtocol(words.take()) })
    case '--match-set':
      return positive({ kind: 'set', set: words.take(), directions: parseDirections(words.take()) })
    case '--mark':
      return { kind: 'mark', ...parseMark(words.take()), negate }
    case '--src-type':
    case '--dst-type':
      return {
        kind: 'addressType',
        side: option === '--src-type' ? 'src' : 'dst',
        type: parseType(words.take()),
        negate,
      }
    case '--physdev-is-in':
      return { kind: 'physdevIsIn', negate }
    case '--ctstate':
      return positive({ kind: 'conntrackState', states: parseStates(words.take()) })
    case '--vproto':
    case '--vaddr':
    case '--vport':
      return positive(parseIpvs(option, words))
    default:
      throw new LineError(`unknown option ${option}`)
  }
}

function expectNetwork(text: string): string {
  const network = parseNetwork(text.includes('/') ? text : `${text}/${hostLength(familyOf(text))}`)
  if (network === null) throw new LineError(`${JSON.stringify(text)} is not a network`)
  return formatNetwork(network)
}

function parseProtocol(text: string): Protocol {
  for (const protocol of PROTOCOLS)
    if (text === protocol || text === String(PROTOCOL_NUMBER[protocol])) return protocol
  throw new LineError(`${JSON.stringify(text)} is not a protocol of a virtual server`)
}

function parseDirections(text: string): ('src' | 'dst')[] {
  return text.split(',').map((word) => {
    if (word === 'src' || word === 'dst') return word
    throw new LineError(`${JSON.stringify(word)} is neither src nor dst`)
  })
}

const ALL_BITS = 0xffffffff

/** Reads `0x4000/0x4000`; without a mask all bits count. */
function parseMark(text: string): { value: number; mask: number } {
  const [value, mask = ALL_BITS] = text
    .split('/')
    .map((part) => (/^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(part) ? Number(part) : -1))
  if (value === undefined || value < 0 || mask < 0)
    throw new LineError(`${JSON.stringify(text)} is not a mark`)
  return { value, mask }
}

function parseType(text: string): 'LOCAL' {
  if (text === 'LOCAL') return text
  throw new LineError(`${JSON.stringify(text)} is not the address type LOCAL`)
}

const STATES: readonly ConntrackState[] = ['INVALID', 'NEW', 'RELATED', 'ESTABLISHED']

function parseStates(text: string): ConntrackState[] {
  return text.split(',').map((word) => {
    const state = STATES.find((known) => known === word)
    if (state === undefined) throw new LineError(`${JSON.stringify(word)} is not a state of a connection`)
    return state
  })
}

/** The three options of the ipvs match, in any order; the kernel prints the protocol as a number. */
function parseIpvs(first: string, words: Words): Match {
  const values: Record<string, string> = {}
  for (let option = first; ; option = words.take()) {
    values[option] = words.take()
    if (Object.keys(values).length === 3) break
  }
  const { '--vproto': protocol, '--vaddr': vaddr, '--vport': port } = values
  if (protocol === undefined || vaddr === undefined)
    throw new LineError('an ipvs match has protocol, address and port')
  const [host = '', length] = vaddr.split('/')
  const address = canonicalAddress(host)
  if (address === null || (length !== undefined && Number(length) !== hostLength(familyOf(address))))
    throw new LineError(`${JSON.stringify(vaddr)} is not the address of a virtual server`)
  return { kind: 'ipvs', protocol: parseProtocol(protocol), address, port: expectPort(port) }
}

function parseTarget(words: Words, family: Family): Target {
  const name = words.take()
  switch (name) {
    case 'ACCEPT':
      return { kind: 'accept' }
    case 'DROP':
      return { kind: 'drop' }
    case 'RETURN':
      return { kind: 'return' }
    case 'REJECT':
      return { kind: 'reject', with: words.skip('--reject-with') ? words.take() : defaultReject(family) }
    case 'MASQUERADE':
      return { kind: 'masquerade', randomFully: words.skip('--random-fully') }
    case 'MARK':
      return { kind: 'mark', ...parseMarkOperation(words) }
    default:
      return { kind: 'jump', chain: name }
  }
}

const defaultReject = (family: Family): string =>
  family === 'ipv4' ? 'icmp-port-unreachable' : 'icmp6-port-unreachable'

/** Every way to write a mark operation, as `--set-xmark value/mask`. */
function parseMarkOperation(words: Words): { value: number; mask: number } {
  const option = words.take()
  const { value, mask } = parseMark(words.take())
  switch (option) {
    case '--set-xmark':
      return { value, mask }
    case '--set-mark':
      return { value, mask: (mask | value) >>> 0 }
    case '--or-mark':
      return { value, mask: value }
    case '--xor-mark':
      return { value, mask: 0 }
    case '--and-mark':
      return { value: 0, mask: ~value >>> 0 }
    default:
      throw new LineError(`unknown option ${option}`)
  }
}
