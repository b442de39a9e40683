import { FAIL_ON } from '../options.ts'
import type { OptionRow } from './rows.ts'

/** Arguments and options that several commands take. */

export const INPUTS = {
  name: '<inputs...>',
  description:
    'files, directories (with all below them), git:REV:PATH, or - for standard input; JSON or YAML',
}

export const STATE_HELP =
  'a bundle, a plan, a folder of saved listings, inputs to compile (with --node), each also as git:REV:PATH; or "live" for this node'

export const OUTPUT: readonly OptionRow[] = [
  {
    flags: '--output <form>',
    description: 'how to report',
    choices: ['text', 'json'],
    defaultValue: 'text',
  },
  { flags: '-q, --quiet', description: 'report problems only' },
]

export const COMPILATION: readonly OptionRow[] = [
  {
    flags: '--config <file>',
    description: 'KubeProxyConfiguration, or a ConfigMap that holds one (default: from the inputs)',
  },
  {
    flags: '--node-addresses <file>',
    description: 'output of "ip -j addr" on the node (default: the addresses in its status)',
  },
  {
    flags: '--node-ip <addresses>',
    description: 'addresses of the node, the primary one of each family first: A,B',
  },
  {
    flags: '--node-facts <file>',
    description: 'output of "apply.sh facts" on the node: addresses, kernel, cores, what it lacks',
  },
  {
    flags: '--family <families>',
    description: 'restrict the plan: ipv4, ipv6 or both',
    defaultValue: 'ipv4,ipv6',
  },
  {
    flags: '--on-conflict <policy>',
    description: 'when two Services claim one address and port: refuse, or the older has it',
    choices: ['error', 'first'],
    defaultValue: 'error',
  },
  {
    flags: '--limit <name=number>',
    description:
      'raise or lower a limit of what is read: bytes, depth, objects, aliases, messages; repeatable',
    isRepeatable: true,
  },
  { flags: '--quarantine', description: 'leave objects with errors out alone and compile the rest' },
  {
    flags: '--onto <snapshot>',
    description: 'lay the inputs over a snapshot, as kubectl apply would',
    isRepeatable: true,
  },
  { flags: '--namespace <name>', description: 'where objects without a namespace go' },
  {
    flags: '--was <input>',
    description: 'manifests that were applied before: what only they hold is gone',
    isRepeatable: true,
  },
  {
    flags: '--service-cidr <networks>',
    description: 'where new cluster IPs come from (default: from the snapshot)',
  },
  {
    flags: '--service-node-port-range <range>',
    description: 'where new node ports come from (default: 30000-32767)',
  },
  {
    flags: '--accept-assumed',
    description: 'make a bundle although a cluster may choose other addresses than assumed',
  },
  {
    flags: '--max-snapshot-age <age>',
    description: 'age from which on a snapshot is warned of, such as 7d or 12h',
    defaultValue: '7d',
  },
]

export const IPTABLES: OptionRow = {
  flags: '--iptables <flavour>',
  description: 'which iptables the node uses (default: the one in use)',
  choices: ['nft', 'legacy'],
}

/** Of commands whose states may have to be compiled, or are listed on this node. */
export const STATE: readonly OptionRow[] = [...COMPILATION, IPTABLES, ...OUTPUT]

export const NODE_OF_INPUTS: OptionRow = {
  flags: '-n, --node <name>',
  description: 'the Node to compile for, where an input has to be compiled',
}

export const FORCE: OptionRow = {
  flags: '--force',
  description: 'write into a folder that holds other files, which stay',
}

export const OUT: OptionRow = {
  flags: '-o, --out <file>',
  description: 'where to write; - is standard output',
  defaultValue: '-',
}

/** Of commands that run the script of a bundle. */
export const SCRIPT: readonly OptionRow[] = [
  IPTABLES,
  {
    flags: '--state-dir <dir>',
    description: 'where journal and records are kept (default: /var/lib/ipvsc)',
  },
  { flags: '--dry-run', description: 'print the payloads, change nothing' },
  { flags: '--wait <seconds>', description: 'how long to wait for another run to end' },
  { flags: '--discard-journal', description: 'give up the state before a run that did not end' },
  { flags: '-v, --verbose', description: 'say each step' },
  { flags: '--no-drain', description: 'remove real servers at once, with the connections that they have' },
  {
    flags: '--drain-timeout <seconds>',
    description: 'how long a retired real server may keep connections, where its Service does not say it',
  },
]

/** Of commands that ask rules. */
export const RULES: readonly OptionRow[] = [
  {
    flags: '--settings <file>',
    description: 'ipvsc.yaml to go by (default: the nearest, up to the root of the repository)',
  },
  {
    flags: '--fail-on <severity>',
    description: 'from which severity on findings end with status 3',
    choices: FAIL_ON,
    defaultValue: 'error',
  },
]
