import { createConsole } from '../console.ts'
import type { FactsOptions, ScriptOptions } from '../options.ts'
import { COMPILATION, OUT, OUTPUT, SCRIPT } from './options.ts'
import { type CommandRow, command } from './rows.ts'

/** Commands that run the script of a bundle on this node. */

export const APPLY = command({
  name: 'apply',
  description: 'Bring this node to a bundle, all or nothing; inputs are compiled into one first.',
  arguments: [{ name: '<bundle-or-inputs...>', description: 'the folder of a bundle, or what build takes' }],
  options: [
    {
      flags: '-n, --node <name>',
      description: 'the Node to compile for, where inputs are given',
    },
    { flags: '--confirm <seconds>', description: 'go back unless "apply.sh confirm" is run in time' },
    { flags: '--take-over', description: 'go on although a kube-proxy is running' },
    {
      flags: '--remove-leftovers',
      description: "remove what kube-proxy's iptables mode or a family that is no longer wanted left",
    },
    {
      flags: '--converge',
      description: 'delta bundle: compare everything when the node is not in the expected state',
    },
    { flags: '--other-node', description: 'apply to a machine that is not the node of the bundle' },
    ...COMPILATION,
    ...OUTPUT,
    ...SCRIPT,
  ],
  notes: 'It runs the script of the bundle (apply.sh), which docs/apply.md explains.',
  examples: ['ipvsc apply bundle', 'ipvsc snapshot | ipvsc apply - --node "$(hostname)"'],
  run: async ([inputs]: [string[]], options: ScriptOptions) => {
    const { apply } = await import('../commands/apply.ts')
    return apply(inputs, options, createConsole(options))
  },
})

/** A command of the script that needs no cluster: it runs the script of a bundle, or a bare one. */
const scriptCommand = (name: string, description: string): CommandRow =>
  command({
    name,
    description,
    arguments: [{ name: '[bundle]', description: 'the folder of a bundle whose script to run' }],
    options: [...OUTPUT, ...SCRIPT],
    examples: [],
    run: async ([bundle]: [string | undefined], options: ScriptOptions) => {
      const { runCommand } = await import('../commands/script.ts')
      return runCommand(name, bundle ?? null, options)
    },
  })

export const SCRIPT_COMMANDS: readonly CommandRow[] = [
  scriptCommand('rollback', 'Go back to the state before the last apply; again: forth.'),
  scriptCommand('cleanup', 'Remove everything that ipvsc owns on this node, and nothing else.'),
  scriptCommand('confirm', 'Keep what "apply --confirm" did.'),
  scriptCommand('drain', 'Remove retired real servers whose connections have ended.'),
]

export const FACTS = command({
  name: 'facts',
  description: 'Print what only this node knows as JSON, for "build --node-facts".',
  arguments: [],
  options: [OUT],
  examples: [],
  run: async (_none: [], options: FactsOptions) => {
    const { facts } = await import('../commands/facts.ts')
    return facts(options)
  },
})
