import { type DeltaPayloadName, type Plan, stateLines } from '../../src/index.ts'

/**
 * A kernel in memory that carries out the lines of payloads and refuses what a real one refuses. What it holds is
 * written in the notation of stateLines.
 */
export class ModelKernel {
  readonly #virtualServers = new Map<string, { options: string; readonly realServers: Map<string, string> }>()
  readonly #sets = new Map<string, { parameters: string; entries: Set<string> }>()
  /** By `family table chain`. */
  readonly #chains = new Map<string, string[]>()
  readonly #jumps = new Map<string, string[]>()
  readonly #addresses = new Set<string>()

  /** A kernel that holds a plan. */
  constructor(plan: Plan) {
    for (const line of stateLines(plan)) this.#put(line.split(' '))
  }

  #put([kind, ...words]: readonly string[]): void {
    const [first = '', second = '', third = ''] = words
    const service = `${first} ${second}`
    switch (kind) {
      case 'virtual':
        this.#server(service).options = words.slice(2).join(' ')
        break
      case 'real':
        this.#server(service).realServers.set(third, words.slice(3).join(' '))
        break
      case 'set':
        this.#sets.set(first, {
          parameters: words.slice(1).join(' '),
          entries: this.#sets.get(first)?.entries ?? new Set(),
        })
        break
      case 'entry': {
        const set = this.#sets.get(first) ?? { parameters: '', entries: new Set<string>() }
        this.#sets.set(first, set)
        set.entries.add(second)
        break
      }
      case 'chain':
        this.#list(this.#chains, `${service} ${third}`)
        break
      case 'rule':
        this.#list(this.#chains, `${service} ${third}`).push(words.slice(4).join(' '))
        break
      case 'jump':
        this.#list(this.#jumps, service).push(words.slice(2).join(' '))
        break
      case 'address':
        this.#addresses.add(first)
    }
  }

  #server(service: string): { options: string; readonly realServers: Map<string, string> } {
    const known = this.#virtualServers.get(service) ?? { options: '', realServers: new Map() }
    this.#virtualServers.set(service, known)
    return known
  }

  #list(lists: Map<string, string[]>, key: string): string[] {
    const list = lists.get(key) ?? []
    lists.set(key, list)
    return list
  }

  /** The state, in byte order. */
  lines(): string[] {
    const lines = ['link kube-ipvs0']
    for (const [service, { options, realServers }] of this.#virtualServers) {
      lines.push(`virtual ${service} ${options}`)
      for (const [server, words] of realServers) lines.push(`real ${service} ${server} ${words}`)
    }
    for (const [name, { parameters, entries }] of this.#sets) {
      lines.push(`set ${name} ${parameters}`)
      for (const entry of entries) lines.push(`entry ${name} ${entry}`)
    }
    for (const [chain, rules] of this.#chains) {
      lines.push(`chain ${chain}`)
      for (const [index, rule] of rules.entries())
        lines.push(`rule ${chain} ${String(index + 1).padStart(4, '0')} ${rule}`)
    }
    for (const [at, jumps] of this.#jumps) for (const jump of jumps) lines.push(`jump ${at} ${jump}`)
    for (const address of this.#addresses) lines.push(`address ${address}`)
    return lines.sort()
  }

  /** Real servers of a virtual server (`-t 10.96.0.1:443`) that get connections. */
  serving(service: string): string[] {
    const servers = [...(this.#virtualServers.get(service)?.realServers ?? [])]
    return servers.filter(([, words]) => !words.endsWith('-w 0')).map(([server]) => server)
  }

  /** What a set holds. */
  entries(set: string): ReadonlySet<string> {
    return this.#sets.get(set)?.entries ?? new Set()
  }

  /** The rules of a chain (`ipv4 nat KUBE-SERVICES`). */
  rules(chain: string): readonly string[] {
    return this.#chains.get(chain) ?? []
  }

  bound(): ReadonlySet<string> {
    return this.#addresses
  }

  /** Loads a payload line by line. A line that the kernel would refuse is an error. */
  load(name: DeltaPayloadName, text: string, afterLine: () => void = () => {}): void {
    const tool = name.slice(3)
    let table = ''
    for (const line of text.split('\n').filter((line) => line !== '')) {
      const refuse = (condition: boolean, reason: string): void => {
        if (condition) throw new Error(`${name}: ${line}: ${reason}`)
      }
      const words = line.split(' ')
      if (tool === 'ipvs.restore') this.#ipvs(words, refuse)
      else if (tool === 'ipset.restore') this.#ipset(words, refuse)
      else if (tool === 'ip.batch') this.#ip(words, refuse)
      else if (tool.endsWith('tables.restore')) {
        if (line.startsWith('*')) table = `${tool.startsWith('ip6') ? 'ipv6' : 'ipv4'} ${line.slice(1)}`
        else this.#tables(table, words, refuse)
      }
      afterLine()
    }
  }

  #ipvs(words: readonly string[], refuse: Refuse): void {
    const [verb = '', flag, endpoint, , server = ''] = words
    if (verb === '--set') return
    const service = `${flag} ${endpoint}`
    const known = this.#virtualServers.get(service)
    if (verb === '-A') {
      refuse(known !== undefined, 'the virtual server is there')
      this.#server(service).options = words.slice(3).join(' ')
      return
    }
    refuse(known === undefined, 'there is no such virtual server')
    if (known === undefined) return
    const { realServers } = known
    const rest = words.slice(5).join(' ')
    if (verb === '-E') known.options = words.slice(3).join(' ')
    else if (verb === '-D') this.#virtualServers.delete(service)
    else if (verb === '-a') {
      refuse(realServers.has(server), 'the real server is there')
      realServers.set(server, rest)
    } else if (verb === '-e') {
      refuse(!realServers.has(server), 'there is no such real server')
      realServers.set(server, rest)
    } else if (verb === '-d') refuse(!realServers.delete(server), 'there is no such real server')
    else refuse(true, 'unknown command')
  }

  #ipset([verb, name = '', ...words]: readonly string[], refuse: Refuse): void {
    const set = this.#sets.get(name)
    if (verb === 'create') {
      refuse(set !== undefined, 'the set is there')
      const parameters = words.join(' ').replace(/ hashsize \d+/, '')
      this.#sets.set(name, { parameters, entries: new Set() })
      return
    }
    refuse(set === undefined, 'there is no such set')
    if (set === undefined) return
    const [entry = ''] = words
    if (verb === 'add') {
      refuse(set.entries.has(entry), 'the entry is there')
      const most = Number(/maxelem (\d+)/.exec(set.parameters)?.[1] ?? Number.POSITIVE_INFINITY)
      refuse(set.entries.size >= most, 'the set is full')
      set.entries.add(entry)
    } else if (verb === 'del') refuse(!set.entries.delete(entry), 'there is no such entry')
    else if (verb === 'swap') {
      const other = this.#sets.get(entry)
      refuse(other === undefined, 'there is no such set')
      if (other === undefined) return
      refuse(other.parameters.split(' ')[0] !== set.parameters.split(' ')[0], 'the sets are of other types')
      this.#sets.set(name, other).set(entry, set)
    } else if (verb === 'destroy') {
      const used = [...this.#chains.values()].flat().some((rule) => rule.includes(`--match-set ${name} `))
      refuse(used, 'a rule names the set')
      this.#sets.delete(name)
    } else refuse(true, 'unknown command')
  }

  #ip([, verb, address = '']: readonly string[], refuse: Refuse): void {
    const bare = address.replace(/\/.*/, '')
    if (verb === 'add') {
      refuse(this.#addresses.has(bare), 'the address is there')
      this.#addresses.add(bare)
    } else refuse(!this.#addresses.delete(bare), 'there is no such address')
  }

  #tables(table: string, words: readonly string[], refuse: Refuse): void {
    const [verb = '', chain = ''] = words
    const rule = words.slice(2).join(' ')
    const at = `${table} ${chain}`
    for (const [, set = ''] of rule.matchAll(/--match-set (\S+)/g))
      refuse(!this.#sets.has(set), 'there is no such set')
    if (verb.startsWith(':')) this.#chains.set(`${table} ${verb.slice(1)}`, [])
    else if (verb === '-A') this.#chains.get(at)?.push(rule)
    else if (verb === '-I') this.#list(this.#jumps, table).unshift(`${chain} ${rule}`)
    else if (verb === '-D') {
      const jumps = this.#list(this.#jumps, table)
      const index = jumps.indexOf(`${chain} ${rule}`)
      refuse(index < 0, 'there is no such rule')
      jumps.splice(index, 1)
    } else if (verb === '-X') {
      const name = `${table} ${chain}`
      const target = new RegExp(`-j ${chain}$`)
      const rules = [...this.#chains].flatMap(([key, list]) => (key.startsWith(table) ? list : []))
      refuse(
        [...rules, ...this.#list(this.#jumps, table)].some((line) => target.test(line)),
        'the chain is used',
      )
      refuse(!this.#chains.delete(name), 'there is no such chain')
    } else refuse(verb !== 'COMMIT', 'unknown command')
  }
}

type Refuse = (condition: boolean, reason: string) => void
