import { parseNetwork } from '../../../net/address.ts'
import { isCovered, networkList } from '../addresses.ts'
import { sourceRanges } from '../sourceRanges.ts'
import { inService } from '../subject.ts'
import type { StateRule } from '../types.ts'

export const sourceRangesWide: StateRule = {
  on: 'state',
  code: 'SOURCE_RANGES_WIDE',
  severity: 'warning',
  title: 'A source range is wider than the networks that are allowed.',
  why: 'Clients that nobody meant to let in reach the Service.',
  source: 'https://kubernetes.io/docs/reference/networking/virtual-ips/',
  mend: 'Narrow the source range, or name its network in lint.networks.sourceRanges of ipvsc.yaml.',
  check: ({ ports }, { networks: { sourceRanges: allowed } }) =>
    allowed === null
      ? []
      : sourceRanges(ports).flatMap(({ service, text, path }) => {
          const network = parseNetwork(text)
          return network === null || isCovered(allowed, network)
            ? []
            : [inService(service, path, `The source range ${text} is not within ${networkList(allowed)}.`)]
        }),
}
