import { hostPort, type VirtualServerKey } from '../plan/keys.ts'
import { parseListing } from './ipvsListing.ts'
import { expectNumber } from './syntax.ts'

/** Connections above which a real server gets no new ones, and below which it gets them again. 0: no such limit. */
export interface Thresholds {
  readonly virtualServer: VirtualServerKey
  /** `10.0.0.1:80`, as ipvsadm prints it. */
  readonly server: string
  readonly upper: number
  readonly lower: number
}

/**
 * Reads the output of `ipvsadm -L -n --thresholds`: real servers that have a threshold. The list that ipvsadm saves does not tell
 * them. Virtual servers of a firewall mark are passed over.
 */
export const parseThresholds = (text: string): Thresholds[] =>
  parseListing(text, () => null, limits).flatMap(({ key, realServers }) =>
    'mark' in key
      ? []
      : realServers
          .filter(({ said: { upper, lower } }) => upper + lower > 0)
          .map(({ address, port, said }) => ({
            virtualServer: key,
            server: hostPort(address, port),
            ...said,
          })),
  )

const limits = ([upper, lower]: readonly string[]): { upper: number; lower: number } => ({
  upper: expectNumber(upper, 'a threshold', 2 ** 32 - 1),
  lower: expectNumber(lower, 'a threshold', 2 ** 32 - 1),
})
