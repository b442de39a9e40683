import { KINDS } from '../../review/narrow.ts'
import { createConsole } from '../console.ts'
import {
  type CaptureOptions,
  type DeltaOptions,
  DIFF_FORMS,
  type DiffOptions,
  LINT_FORMS,
  type LintOptions,
  type ProofOptions,
  type StateOptions,
  type TraceOptions,
} from '../options.ts'
import { COMPILATION, FORCE, IPTABLES, NODE_OF_INPUTS, OUT, RULES, STATE, STATE_HELP } from './options.ts'
import { command } from './rows.ts'

/** Commands about states of a node: compiled, bundled, listed or live. */

export const DELTA = command({
  name: 'delta',
  description: 'Show the way from one state to another, or make a bundle of it.',
  arguments: [
    { name: '<from>', description: STATE_HELP },
    { name: '<to>', description: STATE_HELP },
  ],
  options: [
    NODE_OF_INPUTS,
    {
      flags: '-o, --out-dir <dir>',
      description: 'make a bundle whose script refuses a node that is not in the state <from>',
    },
    FORCE,
    ...STATE,
  ],
  notes: 'Without --out-dir the payloads are printed; --output json gives the operations.',
  examples: [
    'ipvsc delta old-bundle new-bundle',
    'ipvsc delta live cluster.json --node worker-1 -o delta',
    'ipvsc delta git:origin/main...HEAD:deploy git:HEAD:deploy --node worker-1',
  ],
  run: async ([from, to]: [string, string], options: DeltaOptions) => {
    const { deltaBundle } = await import('../commands/delta.ts')
    return deltaBundle(from, to, options, createConsole(options))
  },
})

export const CAPTURE = command({
  name: 'capture',
  description: 'Write what a node holds as a plan: this node, or listings that were carried off one.',
  arguments: [],
  options: [
    {
      flags: '--from-dumps <dir>',
      description:
        'ipvsadm-save, ipvsadm-thresholds, ipset-save, iptables-save, ip6tables-save, ip-addr.json',
    },
    OUT,
    { flags: '-q, --quiet', description: 'no warnings' },
    IPTABLES,
  ],
  notes: `The listings are the output of: ipvsadm-save -n, ipvsadm -L -n --thresholds, ipset save, iptables-save, ip6tables-save,
ip -j -d addr. What no plan can say of a node is told on standard error, with exit status 3.`,
  examples: ['ipvsc capture -o node.plan.json', 'ipvsc capture --from-dumps dumps/ -o node.plan.json'],
  run: async (_none: [], options: CaptureOptions) => {
    const { captureNode } = await import('../commands/capture.ts')
    return captureNode(options)
  },
})

export const DRIFT = command({
  name: 'drift',
  description: 'Show what differs between a bundle and a node.',
  arguments: [{ name: '<bundle>', description: STATE_HELP }],
  options: [
    NODE_OF_INPUTS,
    {
      flags: '--from-dumps <dir>',
      description: 'compare with listings that were carried off a node',
    },
    ...STATE,
  ],
  notes: `A line with + is missing on the node, one with - is there although the bundle does not want it, and one with ! is there
although no plan can say it.`,
  examples: [],
  run: async ([bundle]: [string], options: StateOptions) => {
    const { drift } = await import('../commands/drift.ts')
    return drift(bundle, options, createConsole(options))
  },
})

export const DIFF = command({
  name: 'diff',
  description: 'Say what nodes would do differently between two states, by Service, and what clients notice.',
  arguments: [
    { name: '<from>', description: STATE_HELP },
    { name: '<to>', description: STATE_HELP },
  ],
  options: [
    { flags: '-n, --node <name>', description: 'a Node to compare; may be repeated', isRepeatable: true },
    {
      flags: '--nodes-matching <selector>',
      description: "compare Nodes with these labels: 'zone=a', 'zone in (a, b),!retired'",
    },
    { flags: '--all-nodes', description: 'compare every Node' },
    {
      flags: '--service <name>',
      description: 'NAMESPACE/NAME of a Service to show alone; may be repeated',
      isRepeatable: true,
    },
    {
      flags: '--kind <kind>',
      description: `show alone what is ${KINDS.join(', ')}; may be repeated`,
      isRepeatable: true,
    },
    { flags: '--stat', description: 'a table alone' },
    { flags: '--exit-code', description: 'end with status 3 where something differs' },
    {
      flags: '--guard',
      description: 'ask rules whether the change is dangerous, and end with status 3 where one says so',
    },
    {
      flags: '--allow <kinds>',
      description: 'changes that may happen, of add, update and delete: A,B (asks rules, too)',
    },
    ...RULES,
    {
      flags: '--output <form>',
      description: 'how to tell it',
      choices: DIFF_FORMS,
      defaultValue: 'text',
    },
    {
      flags: '--report <form=file>',
      description: 'also write it in this form to a file; may be repeated',
      isRepeatable: true,
    },
    { flags: '-q, --quiet', description: 'report problems only' },
    ...COMPILATION,
    IPTABLES,
  ],
  notes:
    'Manifests are laid over --onto; those of <to> over what <from> made. docs/review.md shows the whole flow.',
  examples: [
    'ipvsc diff git:origin/main...HEAD:deploy git:HEAD:deploy --onto cluster.json --all-nodes',
    'ipvsc diff old-bundle new-bundle --node worker-1 --output markdown',
    "ipvsc diff old.json new.json --nodes-matching 'zone=a' --stat",
    'ipvsc diff old.json new.json --all-nodes --guard --allow add,update',
  ],
  run: async ([from, to]: [string, string], options: DiffOptions) => {
    const { diff } = await import('../commands/diff.ts')
    const { output: _form, ...rest } = options
    return diff(from, to, options, createConsole(rest))
  },
})

export const LINT = command({
  name: 'lint',
  description: 'Say what is dangerous or doubtful about a state, by rules.',
  arguments: [{ name: '[state...]', description: STATE_HELP }],
  options: [
    { flags: '--rules', description: 'list the rules instead' },
    ...RULES,
    {
      flags: '--output <form>',
      description: 'how to report',
      choices: LINT_FORMS,
      defaultValue: 'text',
    },
    { flags: '-q, --quiet', description: 'errors and warnings alone' },
    ...COMPILATION,
    IPTABLES,
  ],
  notes: 'docs/lint.md explains each rule, ipvsc.yaml, and how to silence a finding.',
  examples: [
    'ipvsc lint cluster.json',
    'ipvsc lint deploy/ --onto cluster.json --fail-on warning',
    'ipvsc lint git:HEAD:deploy --onto cluster.json --output sarif > ipvsc.sarif',
  ],
  run: async ([states]: [string[]], options: LintOptions) => {
    const { lint } = await import('../commands/lint.ts')
    const { output, ...rest } = options
    return lint(states, options, createConsole({ ...rest, output: output === 'json' ? 'json' : 'text' }))
  },
})

const CLUSTER = {
  flags: '--cluster <input>',
  description: 'inputs that say what was promised, where the state is a bundle, a plan or a node',
}

const NODE_OF_RULES = { flags: '-n, --node <name>', description: 'the Node whose rules they are' }

export const TRACE = command({
  name: 'trace',
  description: 'Follow a packet through the rules of a node, hop by hop; with two states before and after.',
  arguments: [
    { name: '<state>', description: STATE_HELP },
    { name: '[after]', description: 'another state of the node, to be told beside the first one' },
  ],
  options: [
    {
      flags: '--from <client>',
      description: 'node, outside, pod:NAMESPACE/NAME, or an address',
      isRequired: true,
    },
    {
      flags: '--to <target>',
      description: 'ADDRESS:PORT[/tcp|udp|sctp], or svc:NAMESPACE/NAME[:PORT]',
      isRequired: true,
    },
    NODE_OF_RULES,
    CLUSTER,
    ...STATE,
  ],
  notes: 'Each hop names the line that decided. docs/proof.md says what is modelled.',
  examples: [
    'ipvsc trace cluster.json --node worker-1 --from 198.51.100.7 --to 192.0.2.11:30001',
    'ipvsc trace bundle --cluster cluster.json --from node --to svc:shop/cart:http',
    'ipvsc trace git:main:cluster.json cluster.json --node worker-1 --from 198.51.100.7 --to svc:shop/front:http',
  ],
  run: async ([state, after]: [string, string | undefined], options: TraceOptions) => {
    const { traceState } = await import('../commands/trace.ts')
    return traceState(state, after, options, createConsole(options))
  },
})

export const VERIFY = command({
  name: 'verify',
  description: 'Show whether the rules of a node keep what the Kubernetes API promises of each Service.',
  arguments: [{ name: '<state>', description: STATE_HELP }],
  options: [NODE_OF_RULES, CLUSTER, ...STATE],
  notes:
    'Packets are cut into classes by all that the rules can tell apart, and one of each class is followed.',
  examples: [
    'ipvsc verify cluster.json --node worker-1',
    'ipvsc verify live --cluster cluster.json --node worker-1',
  ],
  run: async ([state]: [string], options: ProofOptions) => {
    const { verifyState } = await import('../commands/verify.ts')
    return verifyState(state, options, createConsole(options))
  },
})

export const EXPLAIN = command({
  name: 'explain',
  description: 'Say why something of a node is there, who asked for it, and what is missing and why.',
  arguments: [
    {
      name: '<what>',
      description:
        'svc:NAMESPACE/NAME[:PORT], ADDRESS[:PORT[/tcp|udp|sctp]], a set, a chain, "CHAIN NUMBER", "SET ENTRY", a setting, or PAYLOAD:LINE',
    },
    {
      name: '[state]',
      description: `${STATE_HELP}; default: the bundle that PAYLOAD:LINE is in`,
    },
  ],
  options: [
    NODE_OF_RULES,
    {
      flags: '--cluster <input>',
      description: 'inputs that say who asked, where the state is a bundle, a plan or a node',
    },
    ...STATE,
  ],
  examples: [
    'ipvsc explain svc:shop/cart cluster.json --node worker-1',
    'ipvsc explain bundle/ipvs.restore:17',
    "ipvsc explain 'KUBE-SERVICES 3' live --cluster cluster.json --node worker-1",
  ],
  run: async ([what, state]: [string, string | undefined], options: ProofOptions) => {
    const { explain } = await import('../commands/explain.ts')
    return explain(what, state, options, createConsole(options))
  },
})
