import { createHash } from 'node:crypto'
import { DUMMY_INTERFACE } from '../kernel/interfaces.ts'
import { formatEntry } from '../plan/entries.ts'
import type { ForeignItem } from '../plan/foreign.ts'
import type { Plan } from '../plan/types.ts'
import { lastingParameters } from './ipset.ts'
import { formatService, virtualServerRow } from './ipvs.ts'
import { formatJump, formatRule } from './rules.ts'

/**
 * The state of a node in the notation in which the script of a bundle compares it: one line for each thing
 * that the kernel holds, in byte order. `templates/node/state.sh` shows the lines. Settings and timeouts are not
 * among them: whoever owns the node may have set others.
 */
export function stateLines(plan: Plan): string[] {
  const lines = [
    ...plan.virtualServers.flatMap((virtualServer) => {
      const { service, scheduler, options, realServers } = virtualServerRow(virtualServer)
      return [
        `virtual ${service} -s ${scheduler}${options}`,
        ...realServers.map(
          ({ server, forwarding, weight }) => `real ${service} ${server} ${forwarding} -w ${weight}`,
        ),
      ]
    }),
    ...plan.sets.flatMap((set) => [
      `set ${set.name} ${set.type} ${lastingParameters(set)}`,
      ...set.entries.map((entry) => `entry ${set.name} ${formatEntry(set.type, entry)}`),
    ]),
    ...plan.tables.flatMap(({ family, name, chains, jumps }) => [
      ...chains.flatMap((chain) => [
        `chain ${family} ${name} ${chain.name}`,
        ...chain.rules.map(
          (rule, index) =>
            `rule ${family} ${name} ${chain.name} ${String(index + 1).padStart(4, '0')} ${formatRule(rule)}`,
        ),
      ]),
      ...jumps.map((jump) => `jump ${family} ${name} ${formatJump(jump)}`),
    ]),
    `link ${plan.dummyInterface.name}`,
    ...plan.dummyInterface.addresses.map((address) => `address ${address}`),
  ]
  // Every line is ASCII, so that the order of code units is that of bytes.
  return lines.sort()
}

/**
 * SHA-256 of the state, in hexadecimal: what the script computes of a node that holds exactly this plan. The dummy interface
 * does not count: a plan always has one, but a node that was captured may not.
 */
export function stateFingerprint(plan: Plan): string {
  const hash = createHash('sha256')
  for (const line of stateLines(plan)) if (!line.startsWith('link ')) hash.update(`${line}\n`)
  return hash.digest('hex')
}

/**
 * What is foreign, in the same notation. Of a virtual server, a set or an entry that a plan can say in part it is the whole line;
 * `address 10.96.0.1 dev eth0` is an address on another interface, `address 10.96.0.0/24` one of a network on the dummy one,
 * `link kube-ipvs0 bridge` an interface that is no dummy.
 */
export function foreignLine(item: ForeignItem): string {
  switch (item.kind) {
    case 'rule': {
      const position = String(item.position).padStart(4, '0')
      return `rule ${item.family} ${item.table} ${item.chain} ${position} ${item.text}`
    }
    case 'jump':
      return `jump ${item.family} ${item.table} ${item.chain} ${item.text}`
    case 'set':
    case 'entry':
      return `${item.kind} ${item.set} ${item.text}`
    case 'virtualServer':
      return `virtual ${formatService(item.virtualServer)} ${item.text}`
    case 'realServer':
      return `real ${formatService(item.virtualServer)} ${item.text}`
    case 'address':
      return item.interface === DUMMY_INTERFACE
        ? `address ${item.address}/${item.prefixLength}`
        : `address ${item.address} dev ${item.interface}`
    case 'link':
      return `link ${item.name} ${item.type}`
  }
}
