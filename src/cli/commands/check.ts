import { hasErrors } from '../../diagnostics/diagnostics.ts'
import { EXIT } from '../../host/exit.ts'
import type { Console } from '../console.ts'
import { compileInputs, nodeNames } from '../inputs/compile.ts'
import type { CheckOptions } from '../options.ts'

/** `ipvsc check`: everything that `build` finds, without writing. Without a node, all nodes are compiled. */
export async function check(
  inputs: readonly string[],
  options: CheckOptions,
  console: Console,
): Promise<number> {
  let isNodeless = false
  const { input, diagnostics: found } = await compileInputs(inputs, options, console, {
    nodes: (cluster) => {
      const nodes = options.node === undefined ? nodeNames(cluster) : [options.node]
      isNodeless = nodes.length === 0
      return isNodeless ? [NOBODY] : nodes
    },
    isThorough: true,
  })
  const diagnostics = found.filter(({ code }) => !isNodeless || !OF_A_NODE.has(code))
  console.report({ ...input, diagnostics, nodes: [] })
  return hasErrors(diagnostics) ? EXIT.input : EXIT.done
}

/** Said of a node, where there is none. */
const OF_A_NODE: ReadonlySet<string> = new Set(['NODE_NOT_FOUND', 'NODE_PORT_NO_ADDRESS', 'KERNEL_UNKNOWN'])

/** Inputs without a Node are compiled for this name, which finds all problems but those of a node. */
const NOBODY = ''
