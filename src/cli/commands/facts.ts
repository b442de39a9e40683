import { EXIT, FailedError } from '../../host/exit.ts'
import { runScript } from '../../host/host.ts'
import { writeText } from '../../host/output.ts'
import type { FactsOptions } from '../options.ts'
import { print } from '../terminal.ts'

/** `ipvsc facts`: what only this node knows. */
export async function facts(options: FactsOptions): Promise<number> {
  const { status, stdout, stderr } = await runScript(null, ['facts'], () => {})
  if (status !== 0) throw new FailedError(`the facts of this node cannot be had: ${stderr.trim()}`)
  if (options.out === undefined || options.out === '-') print(stdout)
  else await writeText(options.out, stdout)
  return EXIT.done
}
