import { BUILD, CHECK, SCHEMA, SNAPSHOT } from './inputs.ts'
import { APPLY, FACTS, SCRIPT_COMMANDS } from './node.ts'
import { METRICS, STATS } from './observe.ts'
import type { CommandRow, OptionRow } from './rows.ts'
import { CHECK_SIGNATURE, PACK, SIGN } from './signing.ts'
import { CAPTURE, DELTA, DIFF, DRIFT, EXPLAIN, LINT, TRACE, VERIFY } from './states.ts'
import { TEST } from './test.ts'

/** All that `ipvsc` understands: its parser, its help and its completion are made of this. */
export const PROGRAM = {
  name: 'ipvsc',
  description: 'Compiles Kubernetes Services into the IPVS, ipset and iptables rules of a node.',
  /** Beside --version and --help. */
  options: [{ flags: '--debug', description: 'show where an internal error is' }],
  examples: [
    'ipvsc build cluster.yaml --node worker-1 --emit ipvs',
    'kubectl get services,endpointslices,nodes -A -o json | ipvsc build - --node worker-1 -o bundle',
    'ipvsc check manifests/',
    'ipvsc snapshot -o cluster.json',
    'ipvsc delta old-bundle new-bundle',
    'ipvsc apply bundle',
  ],
  /** In the order of the help. */
  commands: [
    BUILD,
    CHECK,
    SNAPSHOT,
    SCHEMA,
    DELTA,
    CAPTURE,
    DRIFT,
    DIFF,
    LINT,
    TRACE,
    VERIFY,
    EXPLAIN,
    TEST,
    APPLY,
    ...SCRIPT_COMMANDS,
    STATS,
    METRICS,
    FACTS,
    SIGN,
    CHECK_SIGNATURE,
    PACK,
  ],
} as const satisfies {
  readonly name: string
  readonly description: string
  readonly options: readonly OptionRow[]
  readonly examples: readonly string[]
  readonly commands: readonly CommandRow[]
}
