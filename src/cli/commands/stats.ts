import { setTimeout as sleep } from 'node:timers/promises'
import { PayloadSyntaxError } from '../../formats/syntax.ts'
import { EXIT, FailedError, UsageError } from '../../host/exit.ts'
import { liveStatistics, savedStatistics } from '../../host/statistics.ts'
import { type ServicePortsOf, statisticsOf } from '../../observe/statistics.ts'
import {
  chosen,
  formatConnections,
  formatStatistics,
  isOfService,
  type TableOptions,
} from '../../observe/text.ts'
import type { Statistics, StatisticsListings } from '../../observe/types.ts'
import type { Console } from '../console.ts'
import { readState, type State } from '../inputs/states.ts'
import type { StatsOptions } from '../options.ts'
import { coloursOf, printJson, printPainted } from '../terminal.ts'
import { ownersOf } from './proofSubject.ts'

/** `ipvsc stats`: what IPVS does on this node, by Service. */
export async function stats(
  reference: string | undefined,
  options: StatsOptions,
  console: Console,
): Promise<number> {
  const table = tableOptions(options)
  if (options.watch !== undefined && options.fromDumps !== undefined)
    throw new UsageError('--watch redraws what this node does; lists that were carried off do not change')
  const state = reference === undefined ? null : await readState(reference, options, console)
  if (reference !== undefined && state === null) return EXIT.input
  const servicePortsOf = servicePortsIn(state)
  const read = async (): Promise<Statistics> => readStatistics(await listings(options), servicePortsOf)
  if (options.watch === undefined) {
    show(await read(), options, table)
    return EXIT.done
  }
  const seconds = watchSeconds(options.watch)
  for (;;) {
    const statistics = await read()
    if (process.stdout.isTTY) printPainted('\u001b[H\u001b[2J')
    show(statistics, options, { ...table, width: process.stdout.columns ?? table.width })
    await sleep(seconds * 1000)
  }
}

/** Statistics; a list that cannot be read is a FailedError. */
export function readStatistics(found: StatisticsListings, servicePortsOf: ServicePortsOf): Statistics {
  try {
    return statisticsOf(found, servicePortsOf)
  } catch (error) {
    if (!(error instanceof PayloadSyntaxError)) throw error
    throw new FailedError(`a list of ipvsadm cannot be read: ${error.message}`)
  }
}

const listings = async ({ fromDumps, connections }: StatsOptions): Promise<StatisticsListings> =>
  fromDumps === undefined ? liveStatistics(connections ?? false) : savedStatistics(fromDumps)

/** Who asks for virtual servers, as a state tells. */
export function servicePortsIn(state: State | null): ServicePortsOf {
  const owners = state === null ? null : ownersOf(state, state.compiled ?? null)
  if (owners === null) return () => []
  return (key) => {
    const { services } = owners({ kind: 'virtualServer', server: key } as Parameters<typeof owners>[0])
    return [...new Set(services.map(({ servicePort }) => servicePort))]
  }
}

function show(statistics: Statistics, options: StatsOptions, table: TableOptions): void {
  if (options.output === 'json') {
    printJson(asData(statistics, options, table))
    return
  }
  const { bold, dim, yellow } = coloursOf('stdout')
  if (options.connections === true) printPainted(formatConnections(statistics.connections ?? [], table))
  else printPainted(formatStatistics(statistics, table, { strong: bold, dim, bad: yellow }))
}

function asData(statistics: Statistics, { connections }: StatsOptions, table: TableOptions): object {
  const { service, top } = table
  const groups = (statistics.connections ?? []).filter(
    ({ servicePorts }) => service === null || servicePorts.some((port) => isOfService(port, service)),
  )
  return {
    version: statistics.version,
    overall: statistics.overall,
    virtualServers: chosen(statistics, table),
    ...(connections === true ? { connections: top === null ? groups : groups.slice(0, top) } : {}),
  }
}

function tableOptions({ by, top, service }: StatsOptions): TableOptions {
  if (top !== undefined && !/^[1-9]\d{0,6}$/.test(top))
    throw new UsageError(`--top ${top}: it takes a number from 1 on`)
  return {
    by,
    top: top === undefined ? null : Number(top),
    service: service ?? null,
    width: process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY,
  }
}

function watchSeconds(text: string | true): number {
  if (text === true) return 2
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new UsageError(`--watch ${text}: it takes seconds from 1 on`)
  return Number(text)
}
