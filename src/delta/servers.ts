import type { Change } from '../plan/changes/types.ts'
import { sameParameters } from '../plan/equality.ts'
import { keyOf } from '../plan/keys.ts'
import type { Halves, Operation } from './operations.ts'

/** Real servers leave before virtual servers do. */
export function serverOperations(changes: readonly Change[]): Halves {
  const make: Operation[] = []
  const leave: Operation[] = []
  const remove: Operation[] = []
  for (const change of changes) {
    if (change.kind === 'realServer') {
      const { virtualServer, before, after } = change
      if (after === null) {
        if (before !== null) leave.push({ kind: 'removeRealServer', virtualServer, realServer: before })
      } else {
        const kind = before === null ? 'addRealServer' : 'editRealServer'
        make.push({ kind, virtualServer, realServer: after })
      }
    } else if (change.kind === 'virtualServer') {
      const { before, after } = change
      if (after === null) {
        if (before !== null) remove.push({ kind: 'removeVirtualServer', virtualServer: before })
      } else if (before === null) {
        make.push({ kind: 'addVirtualServer', virtualServer: after })
        for (const realServer of after.realServers)
          make.push({ kind: 'addRealServer', virtualServer: keyOf(after), realServer })
      } else if (!sameParameters(before, after))
        make.push({ kind: 'editVirtualServer', virtualServer: after })
    }
  }
  return { make, break: [...leave, ...remove] }
}
