import { EXIT, FailedError, UsageError } from '../../host/exit.ts'
import { writeText } from '../../host/output.ts'
import { takeSnapshot } from '../../snapshot/take.ts'
import { SnapshotError } from '../../snapshot/types.ts'
import type { SnapshotOptions } from '../options.ts'
import { print, say, sayProgress, sayWarning } from '../terminal.ts'

/** `ipvsc snapshot`: exit status 1 when the cluster cannot be read, and nothing is written then. */
export async function snapshot(options: SnapshotOptions): Promise<number> {
  const { kubeconfig, context, out, quiet } = options
  const progress = (text: string) => {
    if (!quiet) sayProgress(text)
  }
  try {
    const { text, counts, warnings } = await takeSnapshot({
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      ...(context === undefined ? {} : { context }),
      pageSize: wholeNumber('--page-size', options.pageSize),
      timeout: wholeNumber('--timeout', options.timeout) * 1000,
      maxBytes: wholeNumber('--max-bytes', options.maxBytes),
      clusterName: options.clusterName,
      pods: options.pods,
      now: Date.now(),
      onProgress: ({ resource, listed, total }) =>
        progress(`listing ${resource}: ${listed}${total === null ? '' : ` of ${total}`}`),
    })
    progress('')
    if (out === '-') print(text)
    else await writeText(out, text, 0o600)
    if (!quiet) say(`snapshot: ${summary(counts)}`)
    for (const warning of warnings) sayWarning(warning)
    return EXIT.done
  } catch (error) {
    progress('')
    if (error instanceof SnapshotError) throw new FailedError(error.message)
    throw error
  }
}

function wholeNumber(option: string, text: string): number {
  if (!/^[1-9]\d{0,11}$/.test(text))
    throw new UsageError(`${option} must be a whole number above 0, not ${JSON.stringify(text)}`)
  return Number(text)
}

const summary = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([resource, count]) => `${count} ${resource}`)
    .join(', ')
