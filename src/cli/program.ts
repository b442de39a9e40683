import { Command, CommanderError, Option } from 'commander'
import { CommandError, EXIT, EXIT_HELP } from '../host/exit.ts'
import { KINDS } from '../review/narrow.ts'
import { VERSION } from '../version.ts'
import { type BuildOptions, build, check, EMIT_NAMES } from './commands/build.ts'
import { DIFF_FORMS, type DiffOptions } from './commands/diffOptions.ts'
import type { NodeOptions, ScriptOptions } from './commands/node.ts'
import type { ProofOptions } from './commands/proofSubject.ts'
import { SCHEMA_NAMES } from './commands/schema.ts'
import type { TraceOptions } from './commands/trace.ts'
import { createConsole } from './console.ts'
import { parseLimits } from './limits.ts'
import { print, say, sayLines } from './terminal.ts'

interface OutputOptions {
  readonly output: 'text' | 'json'
  readonly quiet?: boolean
  readonly limit?: readonly string[]
}

const INPUT_HELP =
  'files, directories (with all below them), git:REV:PATH, or - for standard input; JSON or YAML'

/** Runs the command line and gives the exit status. */
export async function run(argv: readonly string[]): Promise<number> {
  let status: number = EXIT.done
  const program = createProgram((result) => {
    status = result
  })
  try {
    await program.parseAsync(argv as string[])
    return status
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
    if (!(error instanceof CommandError)) return sayDefect(error)
    say(`ipvsc: ${error.message}`)
    return error.status
  }
}

/** What commander says of wrong usage repeats words of the command line, so it is one line. */
const sayUsage = (text: string): void => say(text.trimEnd().replace(/\n(?=\(Did you mean )/, ' '))

/** Says what nobody foresaw, with its stack under `--debug` alone. Gives the exit status. */
export function sayDefect(error: unknown): number {
  const message = error instanceof Error ? error.message : String(error)
  say(`ipvsc: internal error: ${message.replace(/^internal error: /, '')}`)
  if (process.argv.includes('--debug')) sayLines(`${(error as Error)?.stack ?? 'no stack'}\n`)
  else say('ipvsc: this is a defect of ipvsc; --debug shows where it is, for a report')
  return EXIT.input
}

function createProgram(finish: (status: number) => void): Command {
  const program = new Command('ipvsc')
    .description('Compiles Kubernetes Services into the IPVS, ipset and iptables rules of a node.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .option('--debug', 'show where an internal error is')
    .configureOutput({ writeErr: sayLines, writeOut: print, outputError: sayUsage })
    .exitOverride()
    .showHelpAfterError('(ipvsc --help tells more)')
    .addHelpText(
      'after',
      `
Examples:
  $ ipvsc build cluster.yaml --node worker-1 --emit ipvs
  $ kubectl get services,endpointslices,nodes -A -o json | ipvsc build - --node worker-1 -o bundle
  $ ipvsc check manifests/
  $ ipvsc snapshot -o cluster.json
  $ ipvsc delta old-bundle new-bundle
  $ ipvsc apply bundle
${EXIT_HELP}`,
    )
  addBuild(program, finish)
  addCheck(program, finish)
  addSnapshot(program, finish)
  addSchema(program)
  addDelta(program, finish)
  addCapture(program, finish)
  addDiff(program, finish)
  addProof(program, finish)
  addExplain(program, finish)
  addApply(program, finish)
  addScriptCommands(program, finish)
  return program
}

const withOutput = (command: Command): Command =>
  command
    .addOption(new Option('--output <form>', 'how to report').choices(['text', 'json']).default('text'))
    .option('-q, --quiet', 'report problems only')

/** An option that may be given several times. */
const collect = (value: string, before: readonly string[] = []): string[] => [...before, value]

const withCompilation = (command: Command): Command =>
  command
    .option(
      '--config <file>',
      'KubeProxyConfiguration, or a ConfigMap that holds one (default: from the inputs)',
    )
    .option(
      '--node-addresses <file>',
      'output of "ip -j addr" on the node (default: the addresses in its status)',
    )
    .option('--node-ip <addresses>', 'addresses of the node, the primary one of each family first: A,B')
    .option(
      '--node-facts <file>',
      'output of "apply.sh facts" on the node: addresses, kernel, cores, what it lacks',
    )
    .option('--family <families>', 'restrict the plan: ipv4, ipv6 or both', 'ipv4,ipv6')
    .addOption(
      new Option(
        '--on-conflict <policy>',
        'when two Services claim one address and port: refuse, or the older has it',
      )
        .choices(['error', 'first'])
        .default('error'),
    )
    .option(
      '--limit <name=number>',
      'raise or lower a limit of what is read: bytes, depth, objects, aliases, messages; repeatable',
      (word: string, words: readonly string[] = []) => [...words, word],
    )
    .option('--quarantine', 'leave objects with errors out alone and compile the rest')
    .option('--onto <snapshot>', 'lay the inputs over a snapshot, as kubectl apply would', collect)
    .option('--namespace <name>', 'where objects without a namespace go', undefined)
    .option('--was <input>', 'manifests that were applied before: what only they hold is gone', collect)
    .option('--service-cidr <networks>', 'where new cluster IPs come from (default: from the snapshot)')
    .option('--service-node-port-range <range>', 'where new node ports come from (default: 30000-32767)')
    .option('--accept-assumed', 'make a bundle although a cluster may choose other addresses than assumed')
    .option('--max-snapshot-age <age>', 'age from which on a snapshot is warned of, such as 7d or 12h', '7d')

function addBuild(program: Command, finish: (status: number) => void): void {
  const command = program
    .command('build')
    .description('Compile the rules of a node into a bundle of files, or print one part of it.')
    .argument('<inputs...>', INPUT_HELP)
    .option('-n, --node <name>', 'the Node to compile for')
    .option('--all-nodes', 'compile every Node, each into a folder of its name')
    .option('-o, --out-dir <dir>', 'folder for the bundle')
    .addOption(new Option('--emit <part>', 'print one part to standard output').choices(EMIT_NAMES))
    .option('--templates <dir>', 'folder of templates that replace shipped ones')
    .option('--set-prerequisites', "set what belongs to the node's owner too, instead of only checking it")
    .option('--force', 'write into a folder that holds other files, which stay')
    .option('--check', 'write nothing: say whether the folder is what the inputs compile to')
    .addHelpText(
      'after',
      `
With --check, the exit status is 3 where files of the folder are stale, missing or surplus.

Examples:
  $ ipvsc build cluster.json --node worker-1 -o bundle
  $ ipvsc build services.yaml slices.yaml nodes.yaml --node worker-1 --config kube-proxy.yaml --emit iptables
  $ ipvsc build dump/ --all-nodes -o bundles --quarantine --output json
  $ ipvsc build cluster.json --all-nodes -o rules --check
${EXIT_HELP}`,
    )
  withOutput(withCompilation(command)).action(
    async (inputs: string[], options: BuildOptions & OutputOptions) => {
      const console = createConsole({
        output: options.output,
        quiet: options.quiet ?? false,
        payload: options.emit !== undefined,
        messages: parseLimits(options.limit).messages,
      })
      finish(await build(inputs, options, console))
    },
  )
}

function addCheck(program: Command, finish: (status: number) => void): void {
  const command = program
    .command('check')
    .description('Report every problem of the inputs, without writing anything.')
    .argument('<inputs...>', INPUT_HELP)
    .option('-n, --node <name>', 'check for this Node alone (default: for all of them)')
    .addHelpText(
      'after',
      `
Examples:
  $ ipvsc check manifests/ --output json
  $ kubectl get services,endpointslices,nodes -A -o yaml | ipvsc check -
${EXIT_HELP}`,
    )
  withOutput(withCompilation(command)).action(
    async (inputs: string[], options: BuildOptions & OutputOptions) => {
      const console = createConsole({
        output: options.output,
        quiet: options.quiet ?? false,
        payload: false,
        messages: parseLimits(options.limit).messages,
      })
      finish(await check(inputs, options, console))
    },
  )
}

function addSnapshot(program: Command, finish: (status: number) => void): void {
  program
    .command('snapshot')
    .description(
      'List Services, EndpointSlices, Endpoints, Nodes, Pods and service networks of a live cluster as one canonical file.',
    )
    .option('--kubeconfig <file>', 'default: $KUBECONFIG, ~/.kube/config, or the service account of the pod')
    .option('--context <name>', "default: the kubeconfig's current context")
    .option('-o, --out <file>', 'where to write; - is standard output', '-')
    .option('--cluster-name <name>', "for the record of the snapshot (default: the kubeconfig's name)")
    .option('--no-pods', 'leave Pods out: endpoints of new Services cannot be known then')
    .option('--page-size <objects>', 'objects to ask for at once', '500')
    .option('--timeout <seconds>', 'how long to wait for one answer', '30')
    .option('--max-bytes <bytes>', 'how much to read at most', String(2 ** 30))
    .option('-q, --quiet', 'no progress')
    .addHelpText(
      'after',
      `
The bytes depend on the cluster and the time alone, not on the order in which the server lists or on bookkeeping such as
resource versions. Of a Pod only what decides endpoints is kept: no image, command or environment.
The account needs "list" on services, endpoints, nodes, pods, endpointslices.discovery.k8s.io and
servicecidrs.networking.k8s.io, in all namespaces: docs/snapshot.md has the ClusterRole.

Examples:
  $ ipvsc snapshot -o cluster.json
  $ ipvsc snapshot --context production | ipvsc build - --node worker-1 -o bundle
${EXIT_HELP}`,
    )
    .action(async (options) => {
      const { snapshot } = await import('./commands/snapshot.ts')
      finish(await snapshot(options))
    })
}

function addSchema(program: Command): void {
  program
    .command('schema')
    .description('Print the JSON Schema of an input kind, of the plan or of the manifest.')
    .addArgument(program.createArgument('<name>', 'which one').choices([...SCHEMA_NAMES]))
    .addHelpText(
      'after',
      `
Examples:
  $ ipvsc schema plan > plan.schema.json
  $ ipvsc schema kubeproxyconfiguration
${EXIT_HELP}`,
    )
    .action(async (name: string) => {
      const { schemaText } = await import('./commands/schema.ts')
      print(await schemaText(name))
    })
}

const STATE_HELP =
  'a bundle, a plan, a folder of saved listings, inputs to compile (with --node), each also as git:REV:PATH; or "live" for this node'

const withIptables = (command: Command): Command =>
  command.addOption(
    new Option('--iptables <flavour>', 'which iptables the node uses (default: the one in use)').choices([
      'nft',
      'legacy',
    ]),
  )

const consoleOf = ({ output, quiet, limit }: OutputOptions): ReturnType<typeof createConsole> =>
  createConsole({ output, quiet: quiet ?? false, payload: true, messages: parseLimits(limit).messages })

function addDelta(program: Command, finish: (status: number) => void): void {
  const command = program
    .command('delta')
    .description('Show the way from one state to another, or make a bundle of it.')
    .argument('<from>', STATE_HELP)
    .argument('<to>', STATE_HELP)
    .option('-n, --node <name>', 'the Node to compile for, where an input has to be compiled')
    .option(
      '-o, --out-dir <dir>',
      'make a bundle whose script refuses a node that is not in the state <from>',
    )
    .option('--force', 'write into a folder that holds other files, which stay')
    .addHelpText(
      'after',
      `
Without --out-dir the payloads are printed; --output json gives the operations.

Examples:
  $ ipvsc delta old-bundle new-bundle
  $ ipvsc delta live cluster.json --node worker-1 -o delta
  $ ipvsc delta git:origin/main...HEAD:deploy git:HEAD:deploy --node worker-1
${EXIT_HELP}`,
    )
  withOutput(withIptables(withCompilation(command))).action(
    async (from: string, to: string, options: NodeOptions) => {
      const { deltaBundle } = await import('./commands/node.ts')
      finish(await deltaBundle(from, to, options, consoleOf(options)))
    },
  )
}

function addCapture(program: Command, finish: (status: number) => void): void {
  const capture = program
    .command('capture')
    .description('Write what a node holds as a plan: this node, or listings that were carried off one.')
    .option(
      '--from-dumps <dir>',
      'ipvsadm-save, ipvsadm-thresholds, ipset-save, iptables-save, ip6tables-save, ip-addr.json',
    )
    .option('-o, --out <file>', 'where to write; - is standard output', '-')
    .option('-q, --quiet', 'no warnings')
    .addHelpText(
      'after',
      `
The listings are the output of: ipvsadm-save -n, ipvsadm -L -n --thresholds, ipset save, iptables-save, ip6tables-save,
ip -j -d addr. What no plan can say of a node is told on standard error, with exit status 3.

Examples:
  $ ipvsc capture -o node.plan.json
  $ ipvsc capture --from-dumps dumps/ -o node.plan.json
${EXIT_HELP}`,
    )
  withIptables(capture).action(async (options: NodeOptions) => {
    const { captureNode } = await import('./commands/node.ts')
    finish(await captureNode(options))
  })
  const drift = program
    .command('drift')
    .description('Show what differs between a bundle and a node.')
    .argument('<bundle>', STATE_HELP)
    .option('-n, --node <name>', 'the Node to compile for, where an input has to be compiled')
    .option('--from-dumps <dir>', 'compare with listings that were carried off a node')
    .addHelpText(
      'after',
      `
A line with + is missing on the node, one with - is there although the bundle does not want it, and one with ! is there
although no plan can say it.
${EXIT_HELP}`,
    )
  withOutput(withIptables(withCompilation(drift))).action(async (bundle: string, options: NodeOptions) => {
    const { drift: run } = await import('./commands/drift.ts')
    finish(await run(bundle, options, consoleOf(options)))
  })
}

function addDiff(program: Command, finish: (status: number) => void): void {
  const command = program
    .command('diff')
    .description(
      'Say what nodes would do differently between two states, by Service, and what clients notice.',
    )
    .argument('<from>', STATE_HELP)
    .argument('<to>', STATE_HELP)
    .option('-n, --node <name>', 'a Node to compare; may be repeated', collect)
    .option(
      '--nodes-matching <selector>',
      "compare Nodes with these labels: 'zone=a', 'zone in (a, b),!retired'",
    )
    .option('--all-nodes', 'compare every Node')
    .option('--service <name>', 'NAMESPACE/NAME of a Service to show alone; may be repeated', collect)
    .option('--kind <kind>', `show alone what is ${KINDS.join(', ')}; may be repeated`, collect)
    .option('--stat', 'a table alone')
    .option('--exit-code', 'end with status 3 where something differs')
    .addOption(new Option('--output <form>', 'how to tell it').choices(DIFF_FORMS).default('text'))
    .option('--report <form=file>', 'also write it in this form to a file; may be repeated', collect)
    .option('-q, --quiet', 'report problems only')
    .addHelpText(
      'after',
      `
Manifests are laid over --onto; those of <to> over what <from> made. docs/review.md shows the whole flow.

Examples:
  $ ipvsc diff git:origin/main...HEAD:deploy git:HEAD:deploy --onto cluster.json --all-nodes
  $ ipvsc diff old-bundle new-bundle --node worker-1 --output markdown
  $ ipvsc diff old.json new.json --nodes-matching 'zone=a' --stat
${EXIT_HELP}`,
    )
  withIptables(withCompilation(command)).action(async (from: string, to: string, options: DiffOptions) => {
    const { diff } = await import('./commands/diff.ts')
    finish(await diff(from, to, options, consoleOf({ output: 'text', quiet: options.quiet ?? false })))
  })
}

function addProof(program: Command, finish: (status: number) => void): void {
  const clusterHelp = 'inputs that say what was promised, where the state is a bundle, a plan or a node'
  const trace = program
    .command('trace')
    .description('Follow a packet through the rules of a node, hop by hop; with two states before and after.')
    .argument('<state>', STATE_HELP)
    .argument('[after]', 'another state of the node, to be told beside the first one')
    .requiredOption('--from <client>', 'node, pod:NAMESPACE/NAME, or an address')
    .requiredOption('--to <target>', 'ADDRESS:PORT[/tcp|udp|sctp], or svc:NAMESPACE/NAME[:PORT]')
    .option('-n, --node <name>', 'the Node whose rules they are')
    .option('--cluster <input>', clusterHelp)
    .addHelpText(
      'after',
      `
Each hop names the line that decided. docs/proof.md says what is modelled.

Examples:
  $ ipvsc trace cluster.json --node worker-1 --from 198.51.100.7 --to 192.0.2.11:30001
  $ ipvsc trace bundle --cluster cluster.json --from node --to svc:shop/cart:http
  $ ipvsc trace git:main:cluster.json cluster.json --node worker-1 --from 198.51.100.7 --to svc:shop/front:http
${EXIT_HELP}`,
    )
  withOutput(withIptables(withCompilation(trace))).action(
    async (state: string, after: string | undefined, options: TraceOptions) => {
      const { traceState } = await import('./commands/trace.ts')
      finish(await traceState(state, after, options, consoleOf(options)))
    },
  )
  const verify = program
    .command('verify')
    .description('Show whether the rules of a node keep what the Kubernetes API promises of each Service.')
    .argument('<state>', STATE_HELP)
    .option('-n, --node <name>', 'the Node whose rules they are')
    .option('--cluster <input>', clusterHelp)
    .addHelpText(
      'after',
      `
Packets are cut into classes by all that the rules can tell apart, and one of each class is followed.

Examples:
  $ ipvsc verify cluster.json --node worker-1
  $ ipvsc verify live --cluster cluster.json --node worker-1
${EXIT_HELP}`,
    )
  withOutput(withIptables(withCompilation(verify))).action(async (state: string, options: ProofOptions) => {
    const { verifyState } = await import('./commands/verify.ts')
    finish(await verifyState(state, options, consoleOf(options)))
  })
}

function addExplain(program: Command, finish: (status: number) => void): void {
  const command = program
    .command('explain')
    .description('Say why something of a node is there, who asked for it, and what is missing and why.')
    .argument(
      '<what>',
      'svc:NAMESPACE/NAME[:PORT], ADDRESS[:PORT[/tcp|udp|sctp]], a set, a chain, "CHAIN NUMBER", "SET ENTRY", a setting, or PAYLOAD:LINE',
    )
    .argument('[state]', `${STATE_HELP}; default: the bundle that PAYLOAD:LINE is in`)
    .option('-n, --node <name>', 'the Node whose rules they are')
    .option('--cluster <input>', 'inputs that say who asked, where the state is a bundle, a plan or a node')
    .addHelpText(
      'after',
      `
Examples:
  $ ipvsc explain svc:shop/cart cluster.json --node worker-1
  $ ipvsc explain bundle/ipvs.restore:17
  $ ipvsc explain 'KUBE-SERVICES 3' live --cluster cluster.json --node worker-1
${EXIT_HELP}`,
    )
  withOutput(withIptables(withCompilation(command))).action(
    async (what: string, state: string | undefined, options: ProofOptions) => {
      const { explain } = await import('./commands/explain.ts')
      finish(await explain(what, state, options, consoleOf(options)))
    },
  )
}

const withScript = (command: Command): Command =>
  withIptables(command)
    .option('--state-dir <dir>', 'where journal and records are kept (default: /var/lib/ipvsc)')
    .option('--dry-run', 'print the payloads, change nothing')
    .option('--wait <seconds>', 'how long to wait for another run to end')
    .option('--discard-journal', 'give up the state before a run that did not end')
    .option('-v, --verbose', 'say each step')

const withDraining = (command: Command): Command =>
  command
    .option('--no-drain', 'remove real servers at once, with the connections that they have')
    .option(
      '--drain-timeout <seconds>',
      'how long a retired real server may keep connections, where its Service does not say it',
    )

function addApply(program: Command, finish: (status: number) => void): void {
  const command = program
    .command('apply')
    .description('Bring this node to a bundle, all or nothing; inputs are compiled into one first.')
    .argument('<bundle-or-inputs...>', 'the folder of a bundle, or what build takes')
    .option('-n, --node <name>', 'the Node to compile for, where inputs are given')
    .option('--confirm <seconds>', 'go back unless "apply.sh confirm" is run in time')
    .option('--take-over', 'go on although a kube-proxy is running')
    .option(
      '--remove-leftovers',
      "remove what kube-proxy's iptables mode or a family that is no longer wanted left",
    )
    .option('--converge', 'delta bundle: compare everything when the node is not in the expected state')
    .option('--other-node', 'apply to a machine that is not the node of the bundle')
    .addHelpText(
      'after',
      `
It runs the script of the bundle (apply.sh), which docs/apply.md explains.

Examples:
  $ ipvsc apply bundle
  $ ipvsc snapshot | ipvsc apply - --node "$(hostname)"
${EXIT_HELP}`,
    )
  withDraining(withScript(withOutput(withCompilation(command)))).action(
    async (inputs: string[], options: ScriptOptions) => {
      const { apply } = await import('./commands/node.ts')
      finish(await apply(inputs, options, consoleOf(options)))
    },
  )
}

/** Commands that need no cluster: they run the script of a bundle, or a bare one. */
const SCRIPT_COMMANDS = {
  rollback: 'Go back to the state before the last apply; again: forth.',
  cleanup: 'Remove everything that ipvsc owns on this node, and nothing else.',
  confirm: 'Keep what "apply --confirm" did.',
  drain: 'Remove retired real servers whose connections have ended.',
} as const

function addScriptCommands(program: Command, finish: (status: number) => void): void {
  for (const [name, description] of Object.entries(SCRIPT_COMMANDS)) {
    const command = program
      .command(name)
      .description(description)
      .argument('[bundle]', 'the folder of a bundle whose script to run')
      .addHelpText('after', EXIT_HELP)
    withDraining(withScript(withOutput(command))).action(
      async (bundle: string | undefined, options: ScriptOptions) => {
        const { runCommand } = await import('./commands/node.ts')
        finish(await runCommand(name, bundle ?? null, options))
      },
    )
  }
  program
    .command('facts')
    .description('Print what only this node knows as JSON, for "build --node-facts".')
    .option('-o, --out <file>', 'where to write; - is standard output', '-')
    .addHelpText('after', EXIT_HELP)
    .action(async (options: NodeOptions) => {
      const { facts } = await import('./commands/node.ts')
      finish(await facts(options))
    })
}
