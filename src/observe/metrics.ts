import type { Activity } from '../formats/ipvsCounters.ts'
import { hostPort } from '../plan/keys.ts'
import type { Statistics, VirtualServerStatistics } from './types.ts'

/** Metrics of a node in Prometheus' text format. Names, units and types: docs/metrics.md. */

/** How full a set of the kernel is. */
export interface SetFill {
  readonly set: string
  readonly entries: number
  readonly most: number
}

/** The last run of the script that changed something or tried to. */
export interface LastRun {
  /** Seconds since 1970. */
  readonly time: number
  readonly command: string
  /** `applied`, `unchanged`, `restored`, ... */
  readonly result: string
}

export interface NodeFigures {
  readonly toolVersion: string
  readonly statistics: Statistics
  readonly sets: readonly SetFill[]
  /** `null`: the kernel does not tell. */
  readonly conntrack: { readonly entries: number; readonly most: number } | null
  /** The bundle that the node should hold; `null`: none was named. */
  readonly bundle: { readonly fingerprint: string; readonly node: string | null } | null
  /** Items that differ from the bundle; `null`: nothing to compare with. */
  readonly drift: { readonly missing: number; readonly surplus: number; readonly foreign: number } | null
  /** `null`: no run is recorded. */
  readonly lastRun: LastRun | null
  /** Real servers that retired and have connections left; `null`: nothing is recorded. */
  readonly draining: number | null
}

export interface MetricsOptions {
  /** Also the names of node_exporter and kube-proxy, where they mean the same. */
  readonly compat: boolean
  /** Figures of each virtual and real server, too. */
  readonly servers: boolean
}

type Labels = Readonly<Record<string, string>>
type Sample = readonly [labels: Labels, value: number]

interface Metric {
  readonly name: string
  readonly type: 'gauge' | 'counter'
  readonly help: string
  readonly samples: readonly Sample[]
}

const gauge = (name: string, help: string, ...samples: readonly Sample[]): Metric => ({
  ...{ name, type: 'gauge', help, samples },
})
const counter = (name: string, help: string, ...samples: readonly Sample[]): Metric => ({
  ...{ name, type: 'counter', help, samples },
})

/** All metrics of a node; one without samples is left out. Ends with a line break. */
export function formatMetrics(figures: NodeFigures, options: MetricsOptions): string {
  const metrics = [
    ...runMetrics(figures),
    ...driftMetrics(figures),
    ...fillMetrics(figures),
    ...overallMetrics(figures.statistics),
    ...(options.servers ? serverMetrics(figures.statistics) : []),
    ...(options.compat ? compatMetrics(figures) : []),
  ]
  return metrics
    .filter(({ samples }) => samples.length > 0)
    .map(formatMetric)
    .join('')
}

const runMetrics = ({ toolVersion, bundle, lastRun, draining }: NodeFigures): Metric[] => [
  gauge('ipvsc_build_info', 'Version of ipvsc that wrote these metrics.', [{ version: toolVersion }, 1]),
  gauge(
    'ipvsc_bundle_info',
    'Fingerprint of the bundle that the node should hold.',
    ...(bundle === null ? [] : [[{ fingerprint: bundle.fingerprint, node: bundle.node ?? '' }, 1] as const]),
  ),
  gauge(
    'ipvsc_last_run_timestamp_seconds',
    'When the script was last run, of runs that may change something.',
    ...(lastRun === null ? [] : [[{}, lastRun.time] as const]),
  ),
  gauge(
    'ipvsc_last_run_result',
    'How the last run ended: the result that it reported has the value 1.',
    ...(lastRun === null ? [] : [[{ command: lastRun.command, result: lastRun.result }, 1] as const]),
  ),
  gauge(
    'ipvsc_draining_real_servers',
    'Real servers that retired and keep the connections that they have.',
    ...(draining === null ? [] : [[{}, draining] as const]),
  ),
]

const driftMetrics = ({ drift }: NodeFigures): Metric[] => [
  gauge(
    'ipvsc_drift_items',
    'Items by which the node differs from its bundle.',
    ...(drift === null
      ? []
      : (['missing', 'surplus', 'foreign'] as const).map((kind) => [{ kind }, drift[kind]] as const)),
  ),
]

const fillMetrics = ({ sets, conntrack }: NodeFigures): Metric[] => [
  gauge(
    'ipvsc_set_entries',
    'Entries of a set.',
    ...sets.map(({ set, entries }) => [{ set }, entries] as const),
  ),
  gauge(
    'ipvsc_set_max_entries',
    'Entries that a set can hold.',
    ...sets.map(({ set, most }) => [{ set }, most] as const),
  ),
  gauge(
    'ipvsc_conntrack_entries',
    'Entries of the connection tracking table.',
    ...(conntrack === null ? [] : [[{}, conntrack.entries] as const]),
  ),
  gauge(
    'ipvsc_conntrack_max_entries',
    'Entries that the connection tracking table can hold.',
    ...(conntrack === null ? [] : [[{}, conntrack.most] as const]),
  ),
]

function overallMetrics({ overall, virtualServers }: Statistics): Metric[] {
  const realServers = virtualServers.reduce((sum, server) => sum + server.realServers.length, 0)
  const idle = virtualServers.filter(({ realServers }) => realServers.every(({ weight }) => weight === 0))
  return [
    gauge('ipvsc_virtual_servers', 'Virtual servers of the node.', [{}, virtualServers.length]),
    gauge('ipvsc_real_servers', 'Real servers of all virtual servers.', [{}, realServers]),
    gauge(
      'ipvsc_virtual_servers_without_real_servers',
      'Virtual servers that have no real server, or none with a weight: connections are refused.',
      [{}, idle.length],
    ),
    ...(overall === null ? [] : activityMetrics('ipvsc', 'the node', [[{}, overall.total]])),
  ]
}

/** The five counters of an activity. `of` says whose it is. */
const activityMetrics = (
  prefix: string,
  of: string,
  samples: readonly (readonly [Labels, Activity])[],
): Metric[] => [
  counter(`${prefix}_connections_total`, `Connections of ${of}.`, ...samplesOf(samples, 'connections')),
  counter(`${prefix}_incoming_packets_total`, `Packets to ${of}.`, ...samplesOf(samples, 'packetsIn')),
  counter(`${prefix}_outgoing_packets_total`, `Packets from ${of}.`, ...samplesOf(samples, 'packetsOut')),
  counter(`${prefix}_incoming_bytes_total`, `Bytes to ${of}.`, ...samplesOf(samples, 'bytesIn')),
  counter(`${prefix}_outgoing_bytes_total`, `Bytes from ${of}.`, ...samplesOf(samples, 'bytesOut')),
]

const samplesOf = (samples: readonly (readonly [Labels, Activity])[], field: keyof Activity): Sample[] =>
  samples.map(([labels, activity]) => [labels, activity[field]])

function serverMetrics({ virtualServers }: Statistics): Metric[] {
  const real = virtualServers.flatMap((virtual) =>
    virtual.realServers.map((server) => {
      const labels = { ...virtualLabels(virtual), real_server: hostPort(server.address, server.port) }
      return [labels, server] as const
    }),
  )
  return [
    ...activityMetrics(
      'ipvsc_virtual_server',
      'a virtual server',
      virtualServers.map((server) => [virtualLabels(server), server.total]),
    ),
    ...activityMetrics(
      'ipvsc_real_server',
      'a real server',
      real.map(([labels, { total }]) => [labels, total]),
    ),
    gauge(
      'ipvsc_real_server_weight',
      'Weight of a real server; 0: it gets no new connections.',
      ...real.map(([labels, { weight }]) => [labels, weight] as const),
    ),
    gauge(
      'ipvsc_real_server_active_connections',
      'Connections of a real server that are open.',
      ...real.map(([labels, { active }]) => [labels, active] as const),
    ),
    gauge(
      'ipvsc_real_server_inactive_connections',
      'Connections of a real server that are closing, or of a protocol without a state.',
      ...real.map(([labels, { inactive }]) => [labels, inactive] as const),
    ),
  ]
}

/** A virtual server has one owner, but where two ports of Services conflict. */
function virtualLabels({ key, item, servicePorts }: VirtualServerStatistics): Labels {
  const [, namespace = '', service = '', port = ''] =
    /^([^/]+)\/([^:]+):?(.*)$/.exec(servicePorts[0] ?? '') ?? []
  const owner = { namespace, service, service_port: port }
  return 'mark' in key
    ? { ...owner, virtual_server: item, protocol: '' }
    : { ...owner, virtual_server: hostPort(key.address, key.port), protocol: key.protocol }
}

/** Names that dashboards have already: of node_exporter's ipvs collector and of kube-proxy. */
function compatMetrics({ statistics: { overall, virtualServers }, lastRun }: NodeFigures): Metric[] {
  const backends = virtualServers.flatMap(({ key, realServers }) =>
    realServers.map((server) => {
      const [local, mark] = 'mark' in key ? [{ address: '', port: 0 }, hexadecimal(key.mark)] : [key, '']
      const labels = {
        ...{ local_address: local.address, local_port: String(local.port), local_mark: mark },
        ...{ remote_address: server.address, remote_port: String(server.port) },
        proto: 'mark' in key ? 'FWM' : key.protocol.toUpperCase(),
      }
      return [labels, server] as const
    }),
  )
  const synced = lastRun !== null && SYNCED.has(lastRun.result) ? lastRun.time : null
  return [
    ...(overall === null ? [] : activityMetrics('node_ipvs', 'the node', [[{}, overall.total]])),
    gauge(
      'node_ipvs_backend_connections_active',
      'Open connections of a real server.',
      ...backends.map(([labels, { active }]) => [labels, active] as const),
    ),
    gauge(
      'node_ipvs_backend_connections_inactive',
      'Other connections of a real server.',
      ...backends.map(([labels, { inactive }]) => [labels, inactive] as const),
    ),
    gauge(
      'node_ipvs_backend_weight',
      'Weight of a real server.',
      ...backends.map(([labels, { weight }]) => [labels, weight] as const),
    ),
    gauge(
      'kubeproxy_sync_proxy_rules_last_timestamp_seconds',
      'When the rules of the node were last brought to what is wanted.',
      ...(synced === null ? [] : [[{}, synced] as const]),
    ),
  ]
}

/** Results of runs after which the node holds what was wanted. */
const SYNCED: ReadonlySet<string> = new Set(['applied', 'unchanged', 'confirmed'])

const hexadecimal = (mark: number): string => mark.toString(16).toUpperCase().padStart(8, '0')

function formatMetric({ name, type, help, samples }: Metric): string {
  const lines = samples.map(([labels, value]) => `${name}${formatLabels(labels)} ${value}\n`)
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
}

function formatLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

const escaped = (value: string): string =>
  value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')
