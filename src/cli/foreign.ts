import type { Captured } from '../capture/capture.ts'
import { foreignLine } from '../formats/state.ts'
import type { ForeignItem } from '../plan/foreign.ts'
import { say, sayWarning } from './terminal.ts'

/** Words for what a node holds and no plan can say, and for what its listings do not tell. */

/** What the listings of a node do not tell. */
export function sayUntold({ untold }: Captured): void {
  if (untold.length > 0) say(`the listings do not tell ${untold.join(' and ')}`)
}

/** Foreign items are never passed over, not even by `--quiet`. */
export function sayForeign(foreign: readonly ForeignItem[]): void {
  for (const item of foreign) sayWarning(`no plan can say this of the node: ${foreignLine(item)}`)
}
