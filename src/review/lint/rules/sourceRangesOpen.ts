import { parseNetwork } from '../../../net/address.ts'
import { sourceRanges } from '../sourceRanges.ts'
import { inService } from '../subject.ts'
import type { StateRule } from '../types.ts'

export const sourceRangesOpen: StateRule = {
  on: 'state',
  code: 'SOURCE_RANGES_OPEN',
  severity: 'warning',
  title: 'A source range is the whole world.',
  why: 'A source range that holds every address refuses nobody, though it looks as if the Service were guarded.',
  source: 'docs/differences.md',
  mend: 'Name the networks that may ask, or leave loadBalancerSourceRanges out.',
  check: ({ ports }) =>
    sourceRanges(ports).flatMap(({ service, text, path }) =>
      parseNetwork(text)?.prefixLength === 0
        ? [inService(service, path, `The source range ${text} holds every address.`)]
        : [],
    ),
}
