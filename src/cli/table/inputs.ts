import { createConsole } from '../console.ts'
import { type BuildOptions, type CheckOptions, EMITTED, type SnapshotOptions } from '../options.ts'
import { COMPILATION, FORCE, INPUTS, OUTPUT } from './options.ts'
import { command } from './rows.ts'
import { SCHEMA_NAMES } from './schemaNames.ts'

/** Commands about inputs: what they compile to, what is wrong with them, where they come from. */

export const BUILD = command({
  name: 'build',
  description: 'Compile the rules of a node into a bundle of files, or print one part of it.',
  arguments: [INPUTS],
  options: [
    { flags: '-n, --node <name>', description: 'the Node to compile for' },
    { flags: '--all-nodes', description: 'compile every Node, each into a folder of its name' },
    { flags: '-o, --out-dir <dir>', description: 'folder for the bundle' },
    {
      flags: '--emit <part>',
      description: 'print one part to standard output',
      choices: Object.keys(EMITTED),
    },
    { flags: '--templates <dir>', description: 'folder of templates that replace shipped ones' },
    {
      flags: '--set-prerequisites',
      description: "set what belongs to the node's owner too, instead of only checking it",
    },
    FORCE,
    {
      flags: '--verify',
      description: 'write nothing where the rules do not keep what the Kubernetes API promises',
    },
    {
      flags: '--check',
      description: 'write nothing: say whether the folder is what the inputs compile to',
    },
    ...COMPILATION,
    ...OUTPUT,
  ],
  notes: 'With --check, the exit status is 3 where files of the folder are stale, missing or surplus.',
  examples: [
    'ipvsc build cluster.json --node worker-1 -o bundle',
    'ipvsc build services.yaml slices.yaml nodes.yaml --node worker-1 --config kube-proxy.yaml --emit iptables',
    'ipvsc build dump/ --all-nodes -o bundles --quarantine --output json',
    'ipvsc build cluster.json --all-nodes -o rules --check',
  ],
  run: async ([inputs]: [string[]], options: BuildOptions) => {
    const console = createConsole(options, { payload: options.emit !== undefined })
    const { build } = await import('../commands/build.ts')
    return build(inputs, options, console)
  },
})

export const CHECK = command({
  name: 'check',
  description: 'Report every problem of the inputs, without writing anything.',
  arguments: [INPUTS],
  options: [
    { flags: '-n, --node <name>', description: 'check for this Node alone (default: for all of them)' },
    ...COMPILATION,
    ...OUTPUT,
  ],
  examples: [
    'ipvsc check manifests/ --output json',
    'kubectl get services,endpointslices,nodes -A -o yaml | ipvsc check -',
  ],
  run: async ([inputs]: [string[]], options: CheckOptions) => {
    const console = createConsole(options, { payload: false })
    const { check } = await import('../commands/check.ts')
    return check(inputs, options, console)
  },
})

export const SNAPSHOT = command({
  name: 'snapshot',
  description:
    'List Services, EndpointSlices, Endpoints, Nodes, Pods and service networks of a live cluster as one canonical file.',
  arguments: [],
  options: [
    {
      flags: '--kubeconfig <file>',
      description: 'default: $KUBECONFIG, ~/.kube/config, or the service account of the pod',
    },
    { flags: '--context <name>', description: "default: the kubeconfig's current context" },
    { flags: '-o, --out <file>', description: 'where to write; - is standard output', defaultValue: '-' },
    {
      flags: '--cluster-name <name>',
      description: "for the record of the snapshot (default: the kubeconfig's name)",
    },
    { flags: '--no-pods', description: 'leave Pods out: endpoints of new Services cannot be known then' },
    { flags: '--page-size <objects>', description: 'objects to ask for at once', defaultValue: '500' },
    {
      flags: '--timeout <seconds>',
      description: 'how long to wait for one answer',
      defaultValue: '30',
    },
    {
      flags: '--max-bytes <bytes>',
      description: 'how much to read at most',
      defaultValue: String(2 ** 30),
    },
    { flags: '-q, --quiet', description: 'no progress' },
  ],
  notes: `The bytes depend on the cluster and the time alone, not on the order in which the server lists or on bookkeeping such as
resource versions. Of a Pod only what decides endpoints is kept: no image, command or environment.
The account needs "list" on services, endpoints, nodes, pods, endpointslices.discovery.k8s.io and
servicecidrs.networking.k8s.io, in all namespaces: docs/snapshot.md has the ClusterRole.`,
  examples: [
    'ipvsc snapshot -o cluster.json',
    'ipvsc snapshot --context production | ipvsc build - --node worker-1 -o bundle',
  ],
  run: async (_none: [], options: SnapshotOptions) => {
    const { snapshot } = await import('../commands/snapshot.ts')
    return snapshot(options)
  },
})

export const SCHEMA = command({
  name: 'schema',
  description: 'Print the JSON Schema of an input kind, of the plan or of the manifest.',
  arguments: [{ name: '<name>', description: 'which one', choices: SCHEMA_NAMES }],
  options: [],
  examples: ['ipvsc schema plan > plan.schema.json', 'ipvsc schema kubeproxyconfiguration'],
  run: async ([name]: [string]) => {
    const { schema } = await import('../commands/schema.ts')
    return schema(name)
  },
})
