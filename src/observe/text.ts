import { safeText } from '../diagnostics/safeText.ts'
import { hostPort } from '../plan/keys.ts'
import { alignedLines } from '../text.ts'
import type { ConnectionGroup, RealServerStatistics, Statistics, VirtualServerStatistics } from './types.ts'
import { bar, formatBytes, formatCount } from './units.ts'

/** By what a table is sorted, each with the most first. */
export const ORDERS = ['cps', 'active', 'bytes', 'connections', 'name'] as const
export type Order = (typeof ORDERS)[number]

export interface TableOptions {
  readonly by: Order
  /** How many virtual servers are shown; `null`: all. */
  readonly top: number | null
  /** `namespace/name`, or with `:port`. */
  readonly service: string | null
  /** Columns of the terminal. */
  readonly width: number
}

/** How parts are painted; the identity where they are not. */
export interface TablePaint {
  readonly strong: (text: string) => string
  readonly dim: (text: string) => string
  readonly bad: (text: string) => string
}

const RANK: Readonly<Record<Exclude<Order, 'name'>, (server: VirtualServerStatistics) => number>> = {
  cps: ({ perSecond }) => perSecond.connections,
  active: ({ active }) => active,
  bytes: ({ perSecond }) => perSecond.bytesIn + perSecond.bytesOut,
  connections: ({ total }) => total.connections,
}

/** Whether a service port, `shop/web:http`, is of a Service, `shop/web`, or is it itself. */
export const isOfService = (servicePort: string, service: string): boolean =>
  servicePort === service || servicePort.startsWith(`${service}:`)

/** The virtual servers that are asked for, in the order that is asked for. */
export function chosen(
  statistics: Statistics,
  options: Omit<TableOptions, 'width'>,
): VirtualServerStatistics[] {
  const { by, top, service } = options
  const found = statistics.virtualServers.filter(
    ({ servicePorts }) => service === null || servicePorts.some((port) => isOfService(port, service)),
  )
  const order = (one: VirtualServerStatistics): number => (by === 'name' ? 0 : RANK[by](one))
  const sorted = found.sort((a, b) => order(b) - order(a) || (nameOf(a) < nameOf(b) ? -1 : 1))
  return top === null ? sorted : sorted.slice(0, top)
}

const nameOf = ({ servicePorts, item }: VirtualServerStatistics): string => `${servicePorts.join()} ${item}`

const HEAD = ['Service', 'address', 'conn/s', 'active', 'inactive', 'in/s', 'out/s'] as const
const BAR = 16

/** A table of virtual servers, each with its real servers below it. */
export function formatStatistics(statistics: Statistics, options: TableOptions, paint: TablePaint): string {
  const servers = chosen(statistics, options)
  if (servers.length === 0) return nothing(statistics, options)
  const rows: readonly TableRow[] = [
    { cells: HEAD, paint: paint.strong },
    ...servers.flatMap((server) => [
      { cells: serverCells(server), paint: paint.strong },
      ...server.realServers.map((real) => ({
        cells: realCells(real),
        paint: real.weight === 0 ? paint.dim : (text: string) => text,
      })),
    ]),
  ]
  const lines = alignedLines(
    rows.map(({ cells }) => cells),
    NUMBERS,
  ).map((line, index) => rows[index]?.paint(line.slice(0, Math.max(options.width, LEAST_WIDTH))) ?? line)
  const [head = '', ...below] = lines
  const text = [
    head,
    ...servers.flatMap((server) => [
      ...below.splice(0, 1 + server.realServers.length),
      ...server.marks.map((mark) => paint.bad(`  ! ${safeText(mark)}`)),
    ]),
    ...rest(statistics, servers.length, options),
  ]
  return `${text.join('\n')}\n`
}

interface TableRow {
  readonly cells: readonly string[]
  readonly paint: (text: string) => string
}

/** Columns that hold numbers. */
const NUMBERS: ReadonlySet<number> = new Set([2, 3, 4, 5, 6])
/** Columns of a terminal below which nothing is cut off. */
const LEAST_WIDTH = 40

const nothing = ({ virtualServers }: Statistics, { service }: TableOptions): string =>
  virtualServers.length === 0
    ? 'IPVS has no virtual server here.\n'
    : `No virtual server is of ${safeText(service ?? 'any Service')}; ${virtualServers.length} are there.\n`

function rest({ virtualServers, overall }: Statistics, shown: number, { top }: TableOptions): string[] {
  const hidden = virtualServers.length - shown
  const all =
    overall === null
      ? []
      : [
          `all: ${formatCount(overall.perSecond.connections)} connections/s, ${formatBytes(overall.perSecond.bytesIn)}/s in, ` +
            `${formatBytes(overall.perSecond.bytesOut)}/s out; ${formatCount(overall.total.connections)} connections since IPVS was loaded`,
        ]
  return hidden > 0 && top !== null
    ? [...all, `${hidden} more virtual servers: --top ${virtualServers.length}`]
    : all
}

const serverCells = (server: VirtualServerStatistics): string[] => {
  const { key, servicePorts, item } = server
  const address = 'mark' in key ? item : `${hostPort(key.address, key.port)}/${key.protocol}`
  return [servicePorts.map(safeText).join(', ') || '(no Service)', address, ...figures(server)]
}

const realCells = (server: RealServerStatistics): string[] => [
  `  ${hostPort(server.address, server.port)}`,
  server.weight === 0 ? 'weight 0' : bar(server.share, BAR),
  ...figures(server),
]

const figures = ({
  perSecond,
  active,
  inactive,
}: RealServerStatistics | VirtualServerStatistics): string[] => [
  formatCount(perSecond.connections),
  formatCount(active),
  formatCount(inactive),
  `${formatBytes(perSecond.bytesIn)}/s`,
  `${formatBytes(perSecond.bytesOut)}/s`,
]

/** Connections by state, client and real server. */
export function formatConnections(
  groups: readonly ConnectionGroup[],
  { top, service }: Pick<TableOptions, 'top' | 'service'>,
): string {
  const found = groups.filter(
    ({ servicePorts }) => service === null || servicePorts.some((port) => isOfService(port, service)),
  )
  if (found.length === 0) return 'No connection.\n'
  const shown = top === null ? found : found.slice(0, top)
  const head = ['Service', 'virtual server', 'client', 'real server', 'state', 'connections']
  const rows = shown.map((group) => [
    group.servicePorts.map(safeText).join(', ') || '(no Service)',
    group.item,
    group.client,
    group.server,
    group.isTemplate ? 'persistence' : safeText(group.state),
    formatCount(group.count),
  ])
  const lines = alignedLines([head, ...rows], new Set([5]))
  const hidden = found.length - shown.length
  return [...lines, ...(hidden > 0 ? [`${hidden} more groups of connections: --top ${found.length}`] : [])]
    .map((line) => `${line}\n`)
    .join('')
}
