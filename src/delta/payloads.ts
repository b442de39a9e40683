import { formatCreate } from '../formats/ipset.ts'
import { formatService, realServerRow, virtualServerRow } from '../formats/ipvs.ts'
import { formatJump, formatRule } from '../formats/rules.ts'
import { DUMMY_INTERFACE } from '../kernel/interfaces.ts'
import { familyOf, hostLength } from '../net/address.ts'
import { formatEntry } from '../plan/entries.ts'
import type { Chain, IpSet, RealServer, SetEntry } from '../plan/types.ts'
import type { Operation, VirtualServerKey } from './operations.ts'

/** The payloads of a delta, in the order in which they are loaded: what makes, then what breaks. */
export const DELTA_PAYLOAD_NAMES = [
  '01-modules.conf',
  '02-sysctl.conf',
  '03-ipset.restore',
  '04-iptables.restore',
  '05-ip6tables.restore',
  '06-ipvs.restore',
  '07-ip.batch',
  '08-ip.batch',
  '09-ipvs.restore',
  '10-iptables.restore',
  '11-ip6tables.restore',
  '12-ipset.restore',
] as const

export type DeltaPayloadName = (typeof DELTA_PAYLOAD_NAMES)[number]

/** Text by payload name; what has no line is left out. */
export type DeltaPayloads = ReadonlyMap<DeltaPayloadName, string>

/** The set that is filled aside before it takes the place of another. */
const ASIDE = 'ipvsc-tmp'

/** The texts that the tools of a node load to carry the operations out. */
export function emitDelta(operations: readonly Operation[]): DeltaPayloads {
  const lines = new Map<DeltaPayloadName, string[]>(DELTA_PAYLOAD_NAMES.map((name) => [name, []]))
  let reached: DeltaPayloadName = '01-modules.conf'
  for (const operation of operations) {
    reached = payloadOf(operation, reached)
    for (const line of linesOf(operation)) lines.get(reached)?.push(line)
  }
  return new Map(
    [...lines]
      .filter(([, list]) => list.length > 0)
      .map(([name, list]) => [name, list.map((line) => `${line}\n`).join('')]),
  )
}

/** Entries come and go before servers change or after: in the first payload of sets until a later one is reached. */
function payloadOf(operation: Operation, reached: DeltaPayloadName): DeltaPayloadName {
  switch (operation.kind) {
    case 'loadModule':
      return '01-modules.conf'
    case 'setSysctl':
      return '02-sysctl.conf'
    case 'createSet':
      return '03-ipset.restore'
    case 'replaceSet':
    case 'addEntries':
    case 'removeEntries':
      return reached <= '03-ipset.restore' ? '03-ipset.restore' : '12-ipset.restore'
    case 'writeTable':
      return operation.family === 'ipv4' ? '04-iptables.restore' : '05-ip6tables.restore'
    case 'setTimeouts':
    case 'addVirtualServer':
    case 'editVirtualServer':
    case 'addRealServer':
    case 'editRealServer':
      return '06-ipvs.restore'
    case 'bindAddress':
      return '07-ip.batch'
    case 'unbindAddress':
      return '08-ip.batch'
    case 'removeRealServer':
    case 'removeVirtualServer':
      return '09-ipvs.restore'
    case 'trimTable':
      return operation.family === 'ipv4' ? '10-iptables.restore' : '11-ip6tables.restore'
    case 'destroySet':
      return '12-ipset.restore'
  }
}

function linesOf(operation: Operation): string[] {
  switch (operation.kind) {
    case 'loadModule':
      return [operation.module]
    case 'setSysctl':
      return [`${operation.name} = ${operation.value}`]
    case 'createSet':
      return [formatCreate(operation.set), ...entryLines('add', operation.set.name, operation.set)]
    case 'replaceSet':
      return [
        formatCreate(operation.set, ASIDE),
        ...entryLines('add', ASIDE, operation.set),
        `swap ${ASIDE} ${operation.set.name}`,
        `destroy ${ASIDE}`,
      ]
    case 'addEntries':
      return entryLines('add', operation.set.name, { ...operation.set, entries: operation.entries })
    case 'removeEntries':
      return entryLines('del', operation.set.name, { ...operation.set, entries: operation.entries })
    case 'destroySet':
      return [`destroy ${operation.set.name}`]
    case 'writeTable':
      return [
        `*${operation.table}`,
        ...operation.chains.map(({ name }) => `:${name} - [0:0]`),
        ...[...operation.jumps].reverse().map((jump) => `-I ${formatJump(jump)}`),
        ...ruleLines(operation.chains),
        'COMMIT',
      ]
    case 'trimTable':
      return [
        `*${operation.table}`,
        ...[...operation.chains.map(({ name }) => name), ...operation.removed].map(
          (name) => `:${name} - [0:0]`,
        ),
        ...ruleLines(operation.chains),
        ...operation.jumps.map((jump) => `-D ${formatJump(jump)}`),
        ...operation.removed.map((name) => `-X ${name}`),
        'COMMIT',
      ]
    case 'setTimeouts': {
      const { tcp, tcpFin, udp } = operation.timeouts
      return [`--set ${tcp} ${tcpFin} ${udp}`]
    }
    case 'addVirtualServer':
    case 'editVirtualServer': {
      const { service, scheduler, options } = virtualServerRow(operation.virtualServer)
      return [`${operation.kind === 'addVirtualServer' ? '-A' : '-E'} ${service} -s ${scheduler}${options}`]
    }
    case 'addRealServer':
      return [`-a ${realServerWords(operation)}`]
    case 'editRealServer':
      return [`-e ${realServerWords(operation)}`]
    case 'removeRealServer': {
      const service = formatService(operation.virtualServer)
      return [`-d ${service} -r ${realServerRow(service, operation.realServer).server}`]
    }
    case 'removeVirtualServer':
      return [`-D ${formatService(operation.virtualServer)}`]
    case 'bindAddress':
      return [`addr add ${hostAddress(operation.address)} dev ${DUMMY_INTERFACE}`]
    case 'unbindAddress':
      return [`addr del ${hostAddress(operation.address)} dev ${DUMMY_INTERFACE}`]
  }
}

const entryLines = (
  verb: 'add' | 'del',
  name: string,
  { type, entries }: { readonly type: IpSet['type']; readonly entries: readonly SetEntry[] },
): string[] => entries.map((entry) => `${verb} ${name} ${formatEntry(type, entry)}`)

function realServerWords(operation: {
  readonly virtualServer: VirtualServerKey
  readonly realServer: RealServer
}): string {
  const row = realServerRow(formatService(operation.virtualServer), operation.realServer)
  return `${row.service} -r ${row.server} ${row.forwarding} -w ${row.weight}`
}

const ruleLines = (chains: readonly Chain[]): string[] =>
  chains.flatMap(({ name, rules }) => rules.map((rule) => `-A ${name} ${formatRule(rule)}`))

const hostAddress = (address: string): string => `${address}/${hostLength(familyOf(address))}`
