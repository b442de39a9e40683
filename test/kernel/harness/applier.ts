import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as assert from 'uvu/assert'
import { bundleOf } from '../../../src/bundle/bundle.ts'
import type { Plan } from '../../../src/index.ts'
import { explainOnFailure, type Flavour } from './bundle.ts'
import { goldenPlan } from './golden.ts'
import type { Lab, Namespace } from './lab.ts'

/** Running the script of a bundle as an operator does. */

export interface BundleFolder {
  readonly path: string
  readonly plan: Plan
}

let bundles = 0

/** A bundle as it is carried to a node; with a plan to start from, a delta bundle. */
export function writeBundle(lab: Pick<Lab, 'folder'>, plan: Plan, start: Plan | null = null): BundleFolder {
  const path = join(lab.folder, `bundle-${bundles++}`)
  for (const [name, bytes] of bundleOf('node-1', plan, { from: start }).files) {
    mkdirSync(dirname(join(path, name)), { recursive: true })
    writeFileSync(join(path, name), bytes)
  }
  return { path, plan }
}

export interface ApplyOptions {
  /** The command and its options. Default: `apply`. */
  readonly arguments?: readonly string[]
  readonly flavour?: Flavour
  /** Default: `sh`. */
  readonly shell?: string
  /** A folder of programs that come before those of the node. */
  readonly programs?: string
  /** Where journal and records are kept. Default: one for each test. */
  readonly stateDir?: string
}

export interface Run {
  readonly status: number
  /** The last word of the script, such as `applied`. */
  readonly result: string | null
  readonly changes: Readonly<Record<string, number>>
  readonly undone: Readonly<Record<string, number>>
  /** Warnings and errors. */
  readonly messages: readonly string[]
  readonly stdout: string
  readonly stderr: string
}

/** Runs `apply.sh` on a node. */
export async function runScript(
  lab: Lab,
  node: Namespace,
  { path }: Pick<BundleFolder, 'path'>,
  options: ApplyOptions = {},
): Promise<Run> {
  const {
    flavour = 'nft',
    shell = 'sh',
    programs,
    stateDir = join(lab.folder, `state-${node.role}`),
  } = options
  const words = options.arguments ?? ['apply']
  explainOnFailure(lab, node, flavour)
  const command = [
    ...(programs === undefined ? [] : [`PATH='${programs}':$PATH`]),
    `${shell} '${path}/apply.sh'`,
    ...words,
    ...['--json', '--iptables', flavour, '--state-dir', `'${stateDir}'`],
  ]
  const { status, stdout, stderr } = await lab.run(command.join(' '), { in: node, check: false })
  return { status, stdout, stderr, ...readEvents(stdout) }
}

interface Event {
  readonly event: string
  readonly text?: string
  readonly result?: string
  readonly changes?: Record<string, number>
  readonly undone?: Record<string, number>
}

function readEvents(stdout: string): Pick<Run, 'result' | 'changes' | 'undone' | 'messages'> {
  const events = stdout
    .split('\n')
    .filter((line) => line.startsWith('{"event"'))
    .map((line) => JSON.parse(line) as Event)
  const report = events.findLast(({ event }) => event === 'report')
  return {
    result: report?.result ?? null,
    changes: report?.changes ?? {},
    undone: report?.undone ?? {},
    messages: events
      .filter(({ event }) => event === 'warning' || event === 'error')
      .map(({ text }) => text ?? ''),
  }
}

/** Whether a run ended as it should; what it said is shown when it did not. */
export function assertResult(run: Run, status: number, result: string): void {
  assert.equal({ status: run.status, result: run.result }, { status, result }, `${run.stdout}${run.stderr}`)
}

/** What a verbose run says that takes a delta as one step, without comparing everything. */
export const STEP_TAKEN = /this delta starts/

export interface NodeWithTwoBundles {
  readonly node: Namespace
  readonly first: BundleFolder
  readonly second: BundleFolder
  readonly run: (bundle: BundleFolder, ...words: readonly string[]) => Promise<Run>
}

/** A node that holds the first of two bundles. */
export async function nodeWithTwoBundles(lab: Lab): Promise<NodeWithTwoBundles> {
  const { node } = await lab.namespaces('node')
  await lab.run('ip link set lo up', { in: node })
  const [first, second] = ['load-balancer', 'session-affinity'].map((name) =>
    writeBundle(lab, goldenPlan(name)),
  )
  if (first === undefined || second === undefined) throw new Error('two bundles')
  const run: NodeWithTwoBundles['run'] = (bundle, ...words) =>
    runScript(lab, node, bundle, { arguments: words })
  assertResult(await run(first, 'apply'), 0, 'applied')
  return { node, first, second, run }
}

/** A folder with a program that comes before that of the node; in its shell script, `real` runs that one. */
export function replacedProgram(lab: Lab, name: string, script: string): string {
  const folder = join(lab.folder, `instead-of-${name}-${bundles++}`)
  mkdirSync(folder)
  const text = `#!/bin/sh\nreal() { (PATH=\${PATH#*:}; exec ${name} "$@"); }\n${script}\n`
  writeFileSync(join(folder, name), text, { mode: 0o755 })
  return folder
}

/** A folder of applets of busybox that come before the tools of the node. */
export function busyboxTools(lab: Lab, names: readonly string[]): string {
  const folder = join(lab.folder, `busybox-${bundles++}`)
  mkdirSync(folder)
  for (const name of names) symlinkSync('/usr/bin/busybox', join(folder, name))
  return folder
}
