import { PAYLOAD_NAMES, type PayloadName } from '../../formats/names.ts'
import type { Family } from '../../net/family.ts'

/** What each line of a payload is about, by the keys of items; `null`: the line only holds the payload together. */
export function lineKeys(name: PayloadName, text: string): (string | null)[] {
  const read = readerOf(name)
  return text.split('\n').map((line) => read(line))
}

/** The name of a payload that a file has, also one of a delta: `03-ipvs.restore`. */
export function payloadOf(file: string): PayloadName | null {
  const base = file.slice(file.lastIndexOf('/') + 1).replace(/^\d+-/, '')
  return PAYLOAD_NAMES.find((name) => name === base) ?? null
}

/** Where each item stands: `iptables.restore:12`, by its key. */
export function placesOf(payloads: ReadonlyMap<string, string>): Map<string, string> {
  const places = new Map<string, string>()
  for (const name of PAYLOAD_NAMES)
    for (const [index, key] of lineKeys(name, payloads.get(name) ?? '').entries())
      if (key !== null) places.set(key, `${name}:${index + 1}`)
  return places
}

type LineReader = (line: string) => string | null

function readerOf(name: PayloadName): LineReader {
  switch (name) {
    case 'ipvs.restore':
      return ipvsLine
    case 'ipset.restore':
      return ipsetLine
    case 'iptables.restore':
      return tablesReader('ipv4')
    case 'ip6tables.restore':
      return tablesReader('ipv6')
    case 'ip.batch':
      return ipLine
    case 'sysctl.conf':
      return sysctlLine
    case 'modules.conf':
      return (line) => (/^\w+$/.test(line) ? `module ${line}` : null)
  }
}

const FLAGS: Readonly<Record<string, string>> = { '-t': 'tcp', '-u': 'udp', '--sctp-service': 'sctp' }

function ipvsLine(line: string): string | null {
  const [command = '', flag = '', endpoint, option, server] = line.split(' ')
  if (command === '--set') return 'timeouts'
  const service = `${FLAGS[flag]} ${endpoint}`
  if (/^-[AED]$/.test(command)) return `virtual ${service}`
  return /^-[aed]$/.test(command) && option === '-r' ? `real ${service} ${server}` : null
}

function ipsetLine(line: string): string | null {
  const [command = '', set, entry] = line.split(' ')
  if (command === 'create' || command === 'destroy') return `set ${set}`
  return command === 'add' || command === 'del' ? `entry ${set} ${entry}` : null
}

function tablesReader(family: Family): LineReader {
  const counts = new Map<string, number>()
  let table = ''
  return (line) => {
    if (line.startsWith('*')) table = line.slice(1)
    const [command = '', name] = line.split(' ')
    if (command.startsWith(':')) return `chain ${family} ${table} ${command.slice(1)}`
    if (command === '-I') return `jump ${family} ${table} ${name} ${line.slice(line.lastIndexOf(' ') + 1)}`
    if (command !== '-A') return null
    const key = `rule ${family} ${table} ${name}`
    const number = (counts.get(key) ?? 0) + 1
    counts.set(key, number)
    return `${key} ${number}`
  }
}

function ipLine(line: string): string | null {
  const [object, verb, ...words] = line.split(' ')
  if (object === 'link') return `interface ${words[words.indexOf('name') + 1]}`
  return object === 'addr' && verb !== undefined ? `address ${words[0]?.replace(/\/\d+$/, '')}` : null
}

const sysctlLine = (line: string): string | null => {
  const name = /^(?:# check: )?([a-z][\w.-]+) = /.exec(line)?.[1]
  if (name !== undefined) return `setting ${name}`
  return line.startsWith('# conntrack: ') ? 'setting net.netfilter.nf_conntrack_max' : null
}
