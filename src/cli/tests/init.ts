import { existsSync } from 'node:fs'
import { isAbsolute, join, relative } from 'node:path'
import { stringify } from 'yaml'
import type { RuleCase } from '../../golden/types.ts'
import { FailedError, RefusedError, UsageError } from '../../host/exit.ts'
import { isGitReference } from '../../host/gitReference.ts'
import { writeText } from '../../host/output.ts'
import { askedPacket, parseTarget } from '../../proof/ask.ts'
import { follow } from '../../proof/follow.ts'
import { kernelState } from '../../proof/state.ts'
import { subjectOf } from '../../proof/subject.ts'
import { createConsole } from '../console.ts'
import { nodeNames } from '../inputs/compile.ts'
import { compileOne } from '../inputs/compiled.ts'
import { readInput } from '../inputs/read.ts'

const NAME = 'rules.ipvsc-test.yaml'

/** Writes a first file of cases about a cluster: what holds of it today. Gives the path. */
export async function initTests(folder: string, cluster: string, named: string | undefined): Promise<string> {
  const path = join(folder, NAME)
  if (existsSync(path)) throw new RefusedError(`${path} is there already`)
  const node = named ?? (await firstNode(cluster))
  const cases = await firstCases(cluster, node)
  const input = isAbsolute(cluster) || isGitReference(cluster) ? cluster : relative(folder, cluster)
  const text = stringify({ inputs: [input], on: node, cases }, { lineWidth: 118 })
  await writeText(path, `# Run by: ipvsc test. Its form: ipvsc schema ruletests\n${text}`)
  return path
}

async function firstNode(cluster: string): Promise<string> {
  const { result } = await readInput([cluster], {}, createConsole({ quiet: true }))
  const [node] = nodeNames(result.cluster)
  if (node === undefined) throw new UsageError(`${cluster} holds no Node: name one with --node`)
  return node
}

/** That the promises are kept, and what the first Service port of each namespace does for the node. */
async function firstCases(cluster: string, node: string): Promise<RuleCase[]> {
  const state = await compileOne([cluster], { node }, createConsole({ quiet: true }))
  if (state === null || state.compiled.facts === null)
    throw new FailedError(`${cluster} has errors; no case was made`)
  const { plan, compiled } = state
  const { cluster: objects, facts, config } = compiled
  const subject = {
    ...subjectOf({ plan, cluster: objects, facts: facts as NonNullable<typeof facts>, config }),
    cluster: objects,
  }
  const kernel = kernelState(plan, subject.network)
  const seen = new Set<string>()
  const packets = subject.promises.services.flatMap((promise): RuleCase[] => {
    const [namespace = ''] = promise.service.split('/')
    if (promise.by !== 'clusterIP' || seen.has(namespace)) return []
    const to = `svc:${promise.service}:${promise.portName || promise.port}`
    const { fate } = follow(kernel, askedPacket('node', parseTarget(to, subject.promises.services), subject))
    if (fate.kind !== 'served' && fate.kind !== 'refused') return []
    seen.add(namespace)
    if (fate.kind === 'refused') return [{ from: 'node', to, refused: true }]
    return [{ from: 'node', to, reaches: fate.servers.map(({ server }) => server.address) }]
  })
  return [{ verify: 'all' }, { payloads: `expected/${node}` }, ...packets]
}
