import { DEFAULT_CONFIG } from '../../config/types.ts'
import { subjectOf } from '../../proof/subject.ts'
import { verify } from '../../proof/verify.ts'
import { formatVerification } from '../../proof/verifyText.ts'
import type { Console } from '../console.ts'
import type { NodePlan } from '../inputs/compile.ts'
import type { Input } from '../inputs/read.ts'
import { sayLines } from '../terminal.ts'

/** Whether the plans of all nodes keep what the API promises; what they do not keep is said to standard error. */
export function arePromisesKept(plans: readonly NodePlan[], input: Input, console: Console): boolean {
  const config = input.config ?? DEFAULT_CONFIG
  const { cluster } = input.result
  return plans
    .map(({ node, plan, result: { facts } }) => {
      if (facts === null) return true
      const subject = subjectOf({ plan, cluster, facts, config })
      console.progress(`following packets on ${node}`)
      const found = verify(plan, subject.promises, subject.network)
      console.progress('')
      const isKept = found.broken.length === 0 && found.differences.every(({ known }) => known !== null)
      if (!isKept) sayLines(formatVerification(node, found))
      return isKept
    })
    .every((isKept) => isKept)
}
