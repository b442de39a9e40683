import { createHash } from 'node:crypto'
import { formatEntry } from '../plan/entries.ts'
import type { Plan } from '../plan/types.ts'
import { lastingParameters } from './ipset.ts'
import { virtualServerRow } from './ipvs.ts'
import { formatJump, formatRule } from './rules.ts'

/**
 * The state of a node in the notation in which the script of a bundle compares it: one line for each thing
 * that the kernel holds, in byte order. `templates/apply.sh.hbs` shows the lines. Settings and timeouts are not
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
