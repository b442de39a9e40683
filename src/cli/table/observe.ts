import { ORDERS } from '../../observe/text.ts'
import { createConsole } from '../console.ts'
import type { MetricsOptions, StatsOptions } from '../options.ts'
import { NODE_OF_INPUTS, STATE, STATE_HELP } from './options.ts'
import { command } from './rows.ts'

/** Commands about what a node does. */

export const STATS = command({
  name: 'stats',
  description: 'Show what IPVS does on this node: connections, packets and bytes, by Service.',
  arguments: [{ name: '[state]', description: `who asks for virtual servers: ${STATE_HELP}` }],
  options: [
    {
      flags: '--by <figure>',
      description:
        'what comes first: most new connections by second, open connections, bytes by second, connections so far, or by name',
      choices: ORDERS,
      defaultValue: 'cps',
    },
    { flags: '--top <count>', description: 'show so many alone' },
    { flags: '--service <name>', description: 'NAMESPACE/NAME[:PORT] of a Service to show alone' },
    { flags: '--connections', description: 'show connections by client, real server and state' },
    {
      flags: '--watch [seconds]',
      description: 'show it anew every 2 seconds, or as many as you say, until it is interrupted',
    },
    { flags: '--from-dumps <dir>', description: 'lists that "apply.sh collect" made on a node' },
    NODE_OF_INPUTS,
    ...STATE,
  ],
  notes: `Rates are those that the kernel estimates over some seconds. A line with ! is worth a look: a virtual server without a real
server, one that drains, or one whose connections are uneven.`,
  examples: [
    'ipvsc stats /var/lib/ipvsc/bundle --top 20 --by cps',
    'ipvsc stats bundle --service shop/web --connections',
  ],
  run: async ([state]: [string | undefined], options: StatsOptions) => {
    const { stats } = await import('../commands/stats.ts')
    return stats(state, options, createConsole(options))
  },
})

export const METRICS = command({
  name: 'metrics',
  description: "Print figures of this node in Prometheus' text format, or write them for node_exporter.",
  arguments: [{ name: '[state]', description: `what the node should hold: ${STATE_HELP}` }],
  options: [
    { flags: '--textfile <file>', description: 'write them there, whole or not at all; it ends with .prom' },
    {
      flags: '--compat',
      description: "also under node_exporter's and kube-proxy's names, where they mean the same",
    },
    { flags: '--no-servers', description: 'nothing of single virtual and real servers' },
    {
      flags: '--state-dir <dir>',
      description: 'where the script keeps its records',
      defaultValue: '/var/lib/ipvsc',
    },
    NODE_OF_INPUTS,
    ...STATE,
  ],
  notes: 'Names and meanings: docs/metrics.md. "apply.sh metrics" gives the essential ones without Node.js.',
  examples: ['ipvsc metrics bundle --textfile /var/lib/prometheus/node-exporter/ipvsc.prom'],
  run: async ([state]: [string | undefined], options: MetricsOptions) => {
    const { metrics } = await import('../commands/metrics.ts')
    return metrics(state, options, createConsole(options))
  },
})
