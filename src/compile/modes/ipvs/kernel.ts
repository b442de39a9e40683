import { type Diagnostic, diagnostic } from '../../../diagnostics/diagnostics.ts'
import type { Sourced } from '../../../kube/cluster.ts'
import { refOf } from '../../../kube/names.ts'
import type { Node } from '../../../kube/types.ts'
import type { NodeFacts } from '../../../node/facts.ts'
import { isBefore, needsNoConnReuse } from './settings.ts'

/** What IPVS makes of the kernel of a node. */
export function kernelDiagnostics(node: Sourced<Node>, facts: NodeFacts): Diagnostic[] {
  const about = { subject: refOf(node.object), origin: node.origin }
  const path = ['status', 'nodeInfo', 'kernelVersion']
  if (facts.kernel === null)
    return [
      diagnostic({
        ...about,
        code: 'KERNEL_UNKNOWN',
        severity: 'info',
        message: 'The kernel version is unknown, so net.ipv4.vs.conn_reuse_mode is left alone.',
        path,
      }),
    ]
  const found = facts.kernel.join('.')
  if (isBefore(facts.kernel, 4, 1))
    return [
      diagnostic({
        ...about,
        code: 'KERNEL_TOO_OLD',
        severity: 'warning',
        message: 'IPVS mode needs a kernel from 4.1 on; the node will refuse the rules.',
        path,
        found,
        expected: '4.1 or newer',
      }),
    ]
  if (!needsNoConnReuse(facts)) return []
  return [
    diagnostic({
      ...about,
      code: 'CONN_REUSE_OFF',
      severity: 'info',
      message:
        'net.ipv4.vs.conn_reuse_mode is switched off, since it costs new connections a second on this kernel; a client that uses a source port again keeps its real server for it, and one that drains may drain until its deadline.',
      path,
      found,
      expected: '5.9 or newer',
    }),
  ]
}
