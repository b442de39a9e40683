import { EXIT } from '../../host/exit.ts'
import { verify } from '../../proof/verify.ts'
import { formatVerification } from '../../proof/verifyText.ts'
import type { Console } from '../console.ts'
import type { ProofOptions } from '../options.ts'
import { print, printJson } from '../terminal.ts'
import { readSubject } from './proofSubject.ts'

/** `ipvsc verify`: whether the rules keep what the API promises. */
export async function verifyState(
  reference: string,
  options: ProofOptions,
  console: Console,
): Promise<number> {
  const subject = await readSubject(reference, options, console)
  if (subject === null) return EXIT.input
  const { plan, node, network, promises } = subject
  const result = verify(plan, promises, network, {
    progress: (done) => console.progress(`${node}: ${done} destinations followed`),
  })
  console.progress('')
  const faults = result.differences.filter(({ known }) => known === null)
  if (options.output === 'json')
    printJson({
      version: 1,
      node,
      promises: result.promises,
      classes: result.classes,
      broken: result.broken,
      differences: result.differences.map(({ trace, ...difference }) => ({
        ...difference,
        hops: trace.hops.length,
      })),
    })
  else print(formatVerification(node, result))
  return faults.length + result.broken.length === 0 ? EXIT.done : EXIT.differs
}
