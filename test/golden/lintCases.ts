import { existsSync, readdirSync, readFileSync } from 'node:fs'
import {
  type Cluster,
  compileNodes,
  DEFAULT_CONFIG,
  desired,
  type ProxyConfig,
  type ReadResult,
  read,
  resolveConfig,
} from '../../src/index.ts'
import { kernelState } from '../../src/proof/state.ts'
import { subjectOf } from '../../src/proof/subject.ts'
import { readDocuments } from '../../src/read/documents.ts'
import { positionsOf } from '../../src/read/locate.ts'
import type { NodeSide } from '../../src/review/effects.ts'
import type { Findings } from '../../src/review/finding.ts'
import { lintChange, lintCluster } from '../../src/review/lint/lint.ts'
import { formatFindings } from '../../src/review/lint/render/text.ts'
import { defaultSettings, type LintBlock, lintSettings } from '../../src/review/lint/settings.ts'
import { type ClusterSubject, clusterSubject } from '../../src/review/lint/subject.ts'
import type { AllowedChange, LintSettings } from '../../src/review/lint/types.ts'
import { review } from '../../src/review/review.ts'
import { ROOT } from '../support/shared.ts'

/**
 * Cases of rules: `golden/lint/RULE/fires` and `…/close`, each with `state.yaml`, or with `before.yaml` and `after.yaml`;
 * beside them `ipvsc.yaml` and `options.json` where a case needs them. `expected.txt` has every finding.
 */

export const LINT_CASES = `${ROOT}golden/lint`

/** The day on which all cases are looked at. */
const TODAY = '2026-11-24'

/** `address-of-node/fires` and so on, in order. */
export const lintCaseNames = (): string[] =>
  readdirSync(LINT_CASES)
    .sort()
    .flatMap((rule) => readdirSync(`${LINT_CASES}/${rule}`).map((which) => `${rule}/${which}`))

interface CaseOptions {
  readonly allow?: readonly AllowedChange[]
  /** `after.yaml` holds manifests, which are laid over what `before.yaml` has. */
  readonly onto?: boolean
}

/** What rules say of a case, and the same as text. */
export async function runLintCase(
  name: string,
  change: (cluster: Cluster) => Cluster = (cluster) => cluster,
): Promise<{ readonly found: Findings; readonly text: string }> {
  const folder = `${LINT_CASES}/${name}`
  const has = (file: string): boolean => existsSync(`${folder}/${file}`)
  const text = (file: string): string => readFileSync(`${folder}/${file}`, 'utf8')
  const options: CaseOptions = has('options.json') ? JSON.parse(text('options.json')) : {}
  const settings = has('ipvsc.yaml') ? await settingsOf(text('ipvsc.yaml')) : defaultSettings(TODAY)
  const texts = new Map<string, string>(has('ipvsc.yaml') ? [['ipvsc.yaml', text('ipvsc.yaml')]] : [])
  const input = async (file: string): Promise<ReadResult> => {
    texts.set(file, text(file))
    return read([{ name: file, text: text(file) }])
  }
  const found = has('state.yaml')
    ? lintCluster(subject(change((await input('state.yaml')).cluster)), settings)
    : await changeOf(await input('before.yaml'), await input('after.yaml'), options, settings, change)
  const places = found.findings.flatMap(({ place }) => place ?? [])
  const positions = await positionsOf(places, texts)
  const placed = {
    ...found,
    findings: found.findings.map((finding) => {
      const index = places.indexOf(finding.place as (typeof places)[number])
      return finding.place === null
        ? finding
        : { ...finding, place: { ...finding.place, position: positions[index] ?? null } }
    }),
  }
  return { found: placed, text: formatFindings(placed) }
}

async function settingsOf(text: string): Promise<LintSettings> {
  const { documents } = await readDocuments({ name: 'ipvsc.yaml', text })
  const { lint = {} } = (documents[0]?.value ?? {}) as { lint?: LintBlock }
  return lintSettings(lint, { source: 'ipvsc.yaml', document: 0, path: ['lint'] }, TODAY)
}

function configOf({ configurations: [configuration] }: Cluster): ProxyConfig {
  return configuration === undefined ? DEFAULT_CONFIG : resolveConfig(configuration, () => undefined)
}

const subject = (cluster: Cluster): ClusterSubject =>
  clusterSubject(cluster, {
    config: configOf(cluster),
    configuration: cluster.configurations[0] ?? null,
  }).subject

/** What guard rules say of two readings. */
export async function changeOf(
  before: ReadResult,
  after: ReadResult,
  { allow, onto = false }: CaseOptions,
  settings: LintSettings = defaultSettings(TODAY),
  change: (cluster: Cluster) => Cluster = (cluster) => cluster,
): Promise<Findings> {
  const later = onto ? desired(before.cluster, after.cluster).cluster : after.cluster
  const side = (cluster: Cluster): Side => ({ cluster, nodes: nodesOf(cluster), subject: subject(cluster) })
  const [old, now] = [side(change(before.cluster)), side(change(later))]
  return lintChange(
    {
      review: review(old, now),
      before: { cluster: old.subject, nodes: old.nodes },
      after: { cluster: now.subject, nodes: now.nodes },
      allowed: allow === undefined ? null : new Set(allow),
    },
    settings,
  )
}

interface Side {
  readonly cluster: Cluster
  readonly nodes: ReadonlyMap<string, NodeSide>
  readonly subject: ClusterSubject
}

function nodesOf(cluster: Cluster): Map<string, NodeSide> {
  const nodes = cluster.nodes.map(({ object }) => object.metadata.name).sort()
  const config = configOf(cluster)
  return new Map(
    compileNodes(cluster, { nodes, config }).map(({ plan, facts }, index) => {
      if (plan === null || facts === null) throw new Error('the case has errors')
      const { network, promises } = subjectOf({ plan, cluster, facts, config })
      return [nodes[index] as string, { state: kernelState(plan, network), promises: promises.services }]
    }),
  )
}
