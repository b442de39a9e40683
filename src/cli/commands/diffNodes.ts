import { UsageError } from '../../host/exit.ts'
import type { Cluster } from '../../kube/cluster.ts'
import { type LabelSelector, matchesLabels, parseLabelSelector } from '../../kube/labelSelector.ts'
import type { Node } from '../../kube/types.ts'
import type { DiffOptions } from '../options.ts'

type Chosen = Pick<DiffOptions, 'node' | 'nodesMatching' | 'allNodes'>

/** Nodes to compare are said in one way of three. */
export function checkNodes({ node, nodesMatching, allNodes }: Chosen): void {
  const ways = [node, nodesMatching, allNodes].filter((way) => way !== undefined).length
  if (ways === 0)
    throw new UsageError("say which node: --node NAME, --nodes-matching 'zone=a', or --all-nodes")
  if (ways > 1) throw new UsageError('--node, --nodes-matching and --all-nodes exclude each other')
  if (nodesMatching !== undefined) selectorOf(nodesMatching)
}

function selectorOf(text: string): LabelSelector {
  const selector = parseLabelSelector(text)
  if (selector === null)
    throw new UsageError(
      `--nodes-matching: ${JSON.stringify(text)} is no label selector such as zone=a,!retired or "zone in (a, b)"`,
    )
  return selector
}

/** Names of the Nodes to compile, in order; labels of the first side decide where it has a Node. */
export function chooseNodes(cluster: Cluster, options: Chosen, before: Cluster | null): readonly string[] {
  if (options.node !== undefined) return options.node
  const names = cluster.nodes.map(({ object }) => object.metadata.name).sort()
  if (options.nodesMatching === undefined) return names
  const selector = selectorOf(options.nodesMatching)
  const labels = new Map(
    [cluster, ...(before === null ? [] : [before])].flatMap(({ nodes }) => nodes.map(labelled)),
  )
  const chosen = names.filter((name) => matchesLabels(selector, labels.get(name) ?? {}))
  if (chosen.length === 0) throw new UsageError(noneMatches(options.nodesMatching, [...labels.values()]))
  return chosen
}

type Labels = Readonly<Record<string, string>>

const labelled = ({ object }: { readonly object: Node }): [string, Labels] => [
  object.metadata.name,
  object.metadata.labels ?? {},
]

function noneMatches(selector: string, labels: readonly Labels[]): string {
  const keys = [...new Set(labels.flatMap((one) => Object.keys(one)))].sort()
  const known =
    keys.length === 0 ? 'no Node has a label' : `labels of the Nodes: ${keys.slice(0, 20).join(', ')}`
  return `--nodes-matching: no Node matches ${JSON.stringify(selector)}; ${known}`
}
