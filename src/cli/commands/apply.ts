import { bundleOf } from '../../bundle/bundle.ts'
import { EXIT, UsageError } from '../../host/exit.ts'
import { isGitReference } from '../../host/gitReference.ts'
import { looksLikeBundle, withFolder } from '../../host/host.ts'
import type { Console } from '../console.ts'
import { compileOne } from '../inputs/compiled.ts'
import { isGitBundle } from '../inputs/states.ts'
import type { ScriptOptions } from '../options.ts'
import { runCommand } from './script.ts'

/** `ipvsc apply BUNDLE|INPUT...`: makes the bundle when given inputs, and runs its script. */
export async function apply(
  inputs: readonly string[],
  options: ScriptOptions,
  console: Console,
): Promise<number> {
  const [first = ''] = inputs
  if (inputs.length === 1 && looksLikeBundle(first)) return runCommand('apply', first, options)
  refuseGitBundle(inputs)
  const compiled = await compileOne(inputs, options, console, { isBundled: true })
  if (compiled === null) return EXIT.input
  const { node, plan, counts, quarantined, binding } = compiled
  const { assumed } = compiled.compiled.laid
  return withFolder(bundleOf(node, plan, { counts, quarantined, assumed, binding }), (path) =>
    runCommand('apply', path, options, quarantined),
  )
}

/** A script is run from a folder that its user can look at, and not from a revision. */
function refuseGitBundle(inputs: readonly string[]): void {
  const bundle = inputs.filter(isGitReference).find((input) => isGitBundle(input))
  if (bundle !== undefined)
    throw new UsageError(`${bundle} is a bundle in a revision: check it out, and apply its folder`)
}
