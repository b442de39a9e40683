import { EXIT } from '../../host/exit.ts'
import { liveDumps, savedDumps } from '../../host/host.ts'
import { writeText } from '../../host/output.ts'
import { formatPlan } from '../../plan/canonical.ts'
import { sayForeign, sayUntold } from '../foreign.ts'
import { readCapture } from '../inputs/states.ts'
import type { CaptureOptions } from '../options.ts'
import { print } from '../terminal.ts'

/** `ipvsc capture`: what is loaded, as a plan. What no plan can say is told beside it, with status 3. */
export async function captureNode({
  fromDumps,
  iptables,
  out = '-',
  quiet,
}: CaptureOptions): Promise<number> {
  const dumps = fromDumps === undefined ? await liveDumps(iptables) : savedDumps(fromDumps)
  const captured = readCapture(dumps)
  const text = formatPlan(captured.plan)
  if (out === '-') print(text)
  else await writeText(out, text)
  sayForeign(captured.foreign)
  if (!quiet) sayUntold(captured)
  return captured.foreign.length === 0 ? EXIT.done : EXIT.differs
}
